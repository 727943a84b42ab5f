#include "plan/book.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <toml++/toml.h>

namespace atl::plan {
namespace {

// No catalogue is deeper; and toml++ has a limit of its own.
constexpr int kDepthMax = 8;
// A message is a line or five; a list of names may make it longer than it is of use.
constexpr size_t kMessageMax = 1000;

struct Walk {
  const std::string& file;
  std::map<std::string, Datum>* data;
  std::map<std::string, Origin>* empty;
};

Origin origin_of(const std::string& file, const toml::node& node) {
  return {file, node.source().begin.line};
}

// Without what would move a terminal's cursor, and at most `most` long.
std::string shown(std::string_view text, size_t most) {
  std::string out(text.substr(0, most));
  if (out.size() < text.size()) {
    // Not in the middle of a character of several bytes.
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) out.pop_back();
    if (!out.empty() && (static_cast<unsigned char>(out.back()) & 0x80) != 0) out.pop_back();
    out += "...";
  }
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return out;
}

std::unexpected<Error> refuse(const Origin& origin, std::string_view key, std::string_view what) {
  return wrong_at(origin, key, what);
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
  if (const auto* date = node.as_date())
    return fail(Errc::kInvalidArgument,
                fmt::format("put quotes round the date: \"{:04}-{:02}-{:02}\"", date->get().year,
                            date->get().month, date->get().day));
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
    if (name.str().find('.') != std::string_view::npos)
      return refuse(origin, prefix.empty() ? "top" : prefix,
                    fmt::format("{} is one word because of its quotes; write the dots without "
                                "quotes, or a table",
                                quoted(name.str())));
    if (const toml::table* inner = node.as_table()) {
      if (inner->empty()) walk.empty->emplace(key, origin);
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
                            shown(error.description(), kMessageMax)));
  }
  const Walk walk{book.name_, &book.data_, &book.empty_};
  ATOLL_TRY_STATUS(take_table(walk, root, "", 0));
  return book;
}

void Book::lay_over(const Book& over) {
  for (const auto& [key, datum] : over.data_) data_[key] = datum;
}

void Book::drop(std::string_view table) {
  const std::string begin = fmt::format("{}.", table);
  auto below = [&](const auto& entry) {
    return entry.first.starts_with(begin) || entry.first == table;
  };
  std::erase_if(data_, below);
  std::erase_if(empty_, below);
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

const Datum* Book::first_below(std::string_view prefix) const {
  const std::string begin = fmt::format("{}.", prefix);
  const Datum* first = nullptr;
  for (const auto& [key, datum] : data_)
    if ((key == prefix || key.starts_with(begin)) &&
        (first == nullptr || datum.origin.line < first->origin.line))
      first = &datum;
  return first;
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
               fmt::format("{} is {}; {} is wanted", written(*datum), describe(found.dimensions),
                           describe(wanted)));
}

std::optional<Result<AnyQuantity>> quantity_of(const Datum& datum) {
  if (const auto* number = std::get_if<AnyQuantity>(&datum.value)) return *number;
  if (const auto* text = std::get_if<std::string>(&datum.value)) return parse_quantity(*text);
  return std::nullopt;
}

Result<std::string> Book::word(std::string_view key) const {
  ATOLL_TRY(const Datum* datum, at(key));
  const auto* text = std::get_if<std::string>(&datum->value);
  if (text == nullptr)
    return wrong(*datum, key,
                 fmt::format("{} is no word; a word in quotes is wanted{}", written(*datum),
                             key == "cluster.protection" ? ", such as \"6+2\"" : ""));
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

std::string quoted(std::string_view word) {
  return fmt::format("\"{}\"", shown(word, kEchoMax));
}

std::string written(const Datum& datum) {
  if (const auto* text = std::get_if<std::string>(&datum.value)) return quoted(*text);
  if (const auto* flag = std::get_if<bool>(&datum.value)) return *flag ? "true" : "false";
  const auto& q = std::get<AnyQuantity>(datum.value);
  return q.dimensions == Dimensions{} ? fmt::format("{}", q.value) : format_quantity(q);
}

std::unexpected<Error> wrong_at(const Origin& origin, std::string_view key, std::string_view what) {
  return fail(Errc::kInvalidArgument, fmt::format("{}: {}: {}", origin.to_string(),
                                                  shown(key, kEchoMax), shown(what, kMessageMax)));
}

std::unexpected<Error> wrong(const Datum& datum, std::string_view key, std::string_view what) {
  return refuse(datum.origin, key, what);
}

}  // namespace atl::plan
