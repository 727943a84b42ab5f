#include "plan/book.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <toml++/toml.h>

namespace atl::plan {
namespace {

// No catalogue is deeper; and toml++ has a limit of its own.
constexpr int kDepthMax = 8;

struct Walk {
  const std::string& file;
  std::map<std::string, Datum>* data;
};

Origin origin_of(const std::string& file, const toml::node& node) {
  return {file, node.source().begin.line};
}

std::unexpected<Error> refuse(const Origin& origin, std::string_view key, std::string_view what) {
  return fail(Errc::kInvalidArgument, fmt::format("{}: {}: {}", origin.to_string(), key, what));
}

Result<decltype(Datum::value)> value_of(const toml::node& node) {
  using Value = decltype(Datum::value);
  if (const auto* number = node.as_integer()) return Value(any(static_cast<double>(number->get())));
  if (const auto* number = node.as_floating_point()) {
    if (!std::isfinite(number->get()))
      return fail(Errc::kInvalidArgument,
                  fmt::format("{} is not a number to compute with", number->get()));
    return Value(any(number->get()));
  }
  if (const auto* flag = node.as_boolean()) return Value(flag->get());
  if (const auto* text = node.as_string()) return Value(text->get());
  return fail(Errc::kInvalidArgument,
              "a number, a quantity in quotes, a word or true/false is wanted here");
}

// { is = ..., source = "...", assumed = true }
Status take_sourced(const Walk& walk, const toml::table& table, const std::string& key) {
  Datum datum;
  datum.origin = origin_of(walk.file, *table.get("is"));
  for (const auto& [name, node] : table) {
    if (name == "is") {
      auto value = value_of(node);
      if (!value) return refuse(datum.origin, key, value.error().message);
      datum.value = std::move(*value);
    } else if (name == "source" && node.is_string()) {
      datum.source = node.as_string()->get();
    } else if (name == "assumed" && node.is_boolean()) {
      datum.assumed = node.as_boolean()->get();
    } else {
      return refuse(datum.origin, key,
                    fmt::format("\"{}\" is not known beside \"is\"; there are source = \"...\" and "
                                "assumed = true",
                                name.str()));
    }
  }
  if (datum.source.empty() && !datum.assumed)
    return refuse(datum.origin, key, "has neither a source nor assumed = true");
  walk.data->emplace(key, std::move(datum));
  return {};
}

Status take_table(const Walk& walk, const toml::table& table, const std::string& prefix,
                  int depth) {
  if (depth > kDepthMax)
    return refuse(origin_of(walk.file, table), prefix,
                  fmt::format("deeper than {} tables", kDepthMax));
  for (const auto& [name, node] : table) {
    const std::string key =
        prefix.empty() ? std::string(name.str()) : fmt::format("{}.{}", prefix, name.str());
    const Origin origin = origin_of(walk.file, node);
    if (const toml::table* inner = node.as_table()) {
      ATOLL_TRY_STATUS(inner->contains("is") ? take_sourced(walk, *inner, key)
                                             : take_table(walk, *inner, key, depth + 1));
      continue;
    }
    auto value = value_of(node);
    if (!value) return refuse(origin, key, value.error().message);
    walk.data->emplace(key, Datum{std::move(*value), {}, false, origin});
  }
  return {};
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t corner = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, corner + (a[i - 1] == b[j - 1] ? 0 : 1)});
      corner = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Origin::to_string() const {
  return line == 0 ? file : fmt::format("{}:{}", file, line);
}

Result<Book> Book::parse(std::string_view text, std::string name) {
  Book book;
  book.name_ = std::move(name);
  toml::table root;
  try {
    root = toml::parse(text, book.name_);
  } catch (const toml::parse_error& error) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{}:{}: this is not TOML: {}", book.name_, error.source().begin.line,
                            error.description()));
  }
  const Walk walk{book.name_, &book.data_};
  ATOLL_TRY_STATUS(take_table(walk, root, "", 0));
  return book;
}

void Book::lay_over(const Book& over) {
  for (const auto& [key, datum] : over.data_) data_[key] = datum;
}

void Book::drop(std::string_view table) {
  const std::string begin = fmt::format("{}.", table);
  std::erase_if(data_, [&begin](const auto& entry) { return entry.first.starts_with(begin); });
}

const Datum* Book::find(std::string_view key) const {
  const auto it = data_.find(std::string(key));
  return it == data_.end() ? nullptr : &it->second;
}

bool Book::has_table(std::string_view prefix) const {
  const std::string begin = fmt::format("{}.", prefix);
  const auto it = data_.lower_bound(begin);
  return it != data_.end() && it->first.starts_with(begin);
}

std::vector<std::string> Book::names_below(std::string_view prefix) const {
  const std::string begin = fmt::format("{}.", prefix);
  std::vector<std::string> out;
  for (auto it = data_.lower_bound(begin); it != data_.end() && it->first.starts_with(begin);
       ++it) {
    const size_t dot = it->first.find('.', begin.size());
    std::string name = it->first.substr(begin.size(), dot - begin.size());
    if (out.empty() || out.back() != name) out.push_back(std::move(name));
  }
  return out;
}

Result<const Datum*> Book::at(std::string_view key) const {
  if (const Datum* datum = find(key)) return datum;
  std::vector<std::string> keys;
  for (const auto& [name, datum] : data_) keys.push_back(name);
  const std::string near = nearest(key, keys);
  return fail(Errc::kNotFound, fmt::format("{}: {} is missing{}", name_, key,
                                           near.empty() ? "" : fmt::format("; there is {}", near)));
}

Result<AnyQuantity> Book::quantity(std::string_view key, Dimensions wanted) const {
  ATOLL_TRY(const Datum* datum, at(key));
  const std::optional<Result<AnyQuantity>> q = quantity_of(*datum);
  if (!q) return wrong(*datum, key, fmt::format("{} is wanted", describe(wanted)));
  if (!*q) {
    // Neither the unit of something else nor quotes around a plain number are of use as advice.
    return wrong(*datum, key,
                 fmt::format("{}; {} is wanted{}", q->error().message, describe(wanted),
                             wanted == Dimensions{} ? ", without quotes" : ""));
  }
  const AnyQuantity& found = **q;
  if (found.dimensions == wanted) return found;
  if (found.dimensions == Dimensions{})
    return wrong(*datum, key,
                 fmt::format("{} has no unit; {} is wanted", found.value, describe(wanted)));
  return wrong(*datum, key,
               fmt::format("is {}; {} is wanted", describe(found.dimensions), describe(wanted)));
}

std::optional<Result<AnyQuantity>> quantity_of(const Datum& datum) {
  if (const auto* number = std::get_if<AnyQuantity>(&datum.value)) return *number;
  if (const auto* text = std::get_if<std::string>(&datum.value)) return parse_quantity(*text);
  return std::nullopt;
}

Result<std::string> Book::word(std::string_view key) const {
  ATOLL_TRY(const Datum* datum, at(key));
  const auto* text = std::get_if<std::string>(&datum->value);
  if (text == nullptr) return wrong(*datum, key, "a word in quotes is wanted");
  return *text;
}

std::string nearest(std::string_view word, const std::vector<std::string>& words) {
  std::string best;
  size_t least = word.size() / 3 + 1;
  for (const std::string& candidate : words) {
    const size_t distance = edit_distance(word, candidate);
    if (distance > least || (distance == least && !best.empty())) continue;
    least = distance;
    best = candidate;
  }
  return best;
}

std::unexpected<Error> wrong(const Datum& datum, std::string_view key, std::string_view what) {
  return refuse(datum.origin, key, what);
}

}  // namespace atl::plan
