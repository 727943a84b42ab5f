#include "plan/sheet.h"

#include <set>

#include <fmt/format.h>

#include "base/check.h"

namespace atl::plan {

std::string Sheet::note_datum(const Datum& datum, std::string_view as, AnyQuantity value) {
  std::string key(as);
  if (places_.contains(key)) return key;
  note(Figure{key, value, {}, {}, datum.origin.to_string(), datum.source, datum.assumed});
  return key;
}

void Sheet::note(Figure figure) {
  ATOLL_CHECK(!places_.contains(figure.key), figure.key);
  for (const std::string& input : figure.inputs) {
    const Figure* from = find(input);
    ATOLL_CHECK(from != nullptr, input);
    figure.assumed |= from->assumed;
  }
  places_.emplace(figure.key, figures_.size());
  figures_.push_back(std::move(figure));
}

const Figure* Sheet::find(std::string_view key) const {
  const auto it = places_.find(key);
  return it == places_.end() ? nullptr : &figures_[it->second];
}

const Figure& Sheet::at(std::string_view key) const {
  const Figure* found = find(key);
  ATOLL_CHECK(found != nullptr, key);
  return *found;
}

std::string Sheet::explain(std::string_view key) const {
  std::string out;
  std::set<std::string> told;
  auto tell = [&](auto& self, const std::string& name, int depth) -> void {
    const Figure* figure = find(name);
    ATOLL_CHECK(figure != nullptr, name);
    out += fmt::format("{:{}}{} = {}", "", depth * 2, figure->key, format_quantity(figure->value));
    const bool again = !told.insert(name).second && !figure->inputs.empty();
    if (again) {
      out += "   (above)\n";
      return;
    }
    if (!figure->how.empty()) out += "   = " + figure->how;
    if (!figure->origin.empty()) {
      out += fmt::format("   [{}]{}", figure->origin, figure->assumed ? " ASSUMED" : "");
      if (!figure->source.empty()) out += " " + figure->source;
    }
    out += "\n";
    for (const std::string& input : figure->inputs) self(self, input, depth + 1);
  };
  tell(tell, std::string(key), 0);
  return out;
}

}  // namespace atl::plan
