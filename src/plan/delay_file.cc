#include "plan/delay_file.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/check.h"

namespace atl::plan {

std::string_view vip_delays_text();  // made by the build from catalogues/vip-delays.toml

namespace {

constexpr std::array<std::string_view, 17> kDelays = {
    "api_read",          "api_write",
    "alias_operation",   "alias_propagation",
    "route_propagation", "route_insert_operation",
    "next_hop_notice",   "route_delete_operation",
    "leader_operation",  "leader_propagation",
    "garp_propagation",  "lb_probe_interval",
    "lb_probe_timeout",  "lb_propagation",
    "instance_recreate", "token",
    "metadata_read",
};
constexpr std::array<std::string_view, 6> kCounts = {
    "lb_unhealthy_threshold", "lb_healthy_threshold",       "reads_per_minute",
    "writes_per_minute",      "operation_reads_per_minute", "static_routes_per_network",
};

// One table of the file.
struct Entry {
  const Book& file;
  const std::string& name;

  std::string key(std::string_view part) const { return fmt::format("{}.{}", name, part); }
  const Datum* find(std::string_view part) const { return file.find(key(part)); }
  // Its first line, for errors about the whole.
  const Datum& first() const {
    const Datum* found = nullptr;
    for (const auto& [key, datum] : file.data())
      if ((key.starts_with(name + ".") || key == name) &&
          (found == nullptr || datum.origin.line < found->origin.line))
        found = &datum;
    ATOLL_CHECK(found != nullptr, name);
    return *found;
  }
  Status only(std::initializer_list<std::string_view> parts, std::string_view what) const {
    for (const auto& [full, datum] : file.data()) {
      if (!full.starts_with(name + ".")) continue;
      const std::string_view part = std::string_view(full).substr(name.size() + 1);
      if (std::ranges::find(parts, part) == parts.end())
        return wrong(datum, full, fmt::format("not known here; {}", what));
    }
    return {};
  }
  Result<double> milliseconds(std::string_view part) const {
    ATOLL_TRY(const double ms, file.get<double>(key(part)));
    if (ms >= 0 && ms <= kDelayMsMax) return ms;
    return wrong(*find(part), key(part),
                 fmt::format("is a number of milliseconds, 0 to {:.0f}", kDelayMsMax));
  }
  // A datum with this entry's source and the line of `part`.
  Result<Datum> datum(std::string_view part, AnyQuantity value) const {
    Datum out;
    out.value = value;
    out.origin = find(part)->origin;
    if (find("source") != nullptr) {
      ATOLL_TRY(out.source, file.word(key("source")));
    }
    if (const Datum* assumed = find("assumed")) {
      const bool* flag = std::get_if<bool>(&assumed->value);
      if (flag == nullptr) return wrong(*assumed, key("assumed"), "is true or false");
      out.assumed = *flag;
    }
    if (out.source.empty() && !out.assumed)
      return wrong(first(), name, "has neither source = \"...\" nor assumed = true");
    return out;
  }
};

Status take_delay(const Entry& entry, Book* catalogue) {
  ATOLL_TRY_STATUS(
      entry.only({"constant_ms", "median_ms", "p99_ms", "source", "assumed", "note"},
                 "a delay has constant_ms, or median_ms and p99_ms, and source, assumed, note"));
  const bool constant = entry.find("constant_ms") != nullptr;
  const bool median = entry.find("median_ms") != nullptr;
  const bool p99 = entry.find("p99_ms") != nullptr;
  if (constant ? median || p99 : !median || !p99)
    return wrong(entry.first(), entry.name,
                 "wants either constant_ms, or both median_ms and p99_ms");
  const std::string_view part = constant ? "constant_ms" : "median_ms";
  ATOLL_TRY(const double ms, entry.milliseconds(part));
  if (ms == 0 && entry.name == "lb_probe_interval")
    return wrong(*entry.find(part), entry.key(part), "is above 0");
  double times = 1;
  if (!constant) {
    ATOLL_TRY(const double high, entry.milliseconds("p99_ms"));
    if (high < ms)
      return wrong(*entry.find("p99_ms"), entry.key("p99_ms"), "is at least median_ms");
    if (ms == 0 && high != 0)
      return wrong(*entry.find("median_ms"), entry.key("median_ms"), "of 0 wants p99_ms = 0 too");
    if (ms > 0) times = high / ms;
  }
  const std::string key = fmt::format("delay.{}", entry.name);
  catalogue->drop(key);
  ATOLL_TRY(Datum typical, entry.datum(part, any(Seconds{ms / 1000})));
  catalogue->set(key + ".median", std::move(typical));
  if (times == 1) return {};
  ATOLL_TRY(Datum spread, entry.datum("p99_ms", any(times)));
  catalogue->set(key + ".p99_over_median", std::move(spread));
  return {};
}

Status take_count(const Entry& entry, Book* catalogue) {
  ATOLL_TRY_STATUS(
      entry.only({"count", "source", "assumed", "note"}, "there are count, source, assumed, note"));
  if (entry.find("count") == nullptr) return wrong(entry.first(), entry.name, "wants count = N");
  ATOLL_TRY(const double count, entry.file.get<double>(entry.key("count")));
  if (count < 1 || count > kDelayCountMax || count != std::floor(count))
    return wrong(*entry.find("count"), entry.key("count"),
                 fmt::format("is a whole number, 1 to {:.0f}", kDelayCountMax));
  ATOLL_TRY(Datum datum, entry.datum("count", any(count)));
  catalogue->set(fmt::format("delay.{}.count", entry.name), std::move(datum));
  return {};
}

}  // namespace

Status lay_delays_over(Book* catalogue, const Book& file) {
  if (!file.empty_tables().empty()) {
    const auto& [name, origin] = *file.empty_tables().begin();
    return wrong_at(origin, name,
                    "an empty table; a delay has constant_ms, or median_ms and p99_ms");
  }
  std::vector<std::string> names;  // in the file, each once
  for (const auto& [key, datum] : file.data()) {
    std::string name = key.substr(0, key.find('.'));
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  for (const std::string& name : names) {
    const Entry entry{file, name};
    if (file.find(name) != nullptr) return wrong(entry.first(), name, "is a table: [" + name + "]");
    if (std::ranges::find(kDelays, name) != kDelays.end()) {
      ATOLL_TRY_STATUS(take_delay(entry, catalogue));
    } else if (std::ranges::find(kCounts, name) != kCounts.end()) {
      ATOLL_TRY_STATUS(take_count(entry, catalogue));
    } else {
      std::vector<std::string> known(kDelays.begin(), kDelays.end());
      known.insert(known.end(), kCounts.begin(), kCounts.end());
      const std::string near = nearest(name, known);
      return wrong(entry.first(), name,
                   near.empty()
                       ? fmt::format("no such delay or quota; there are {}", fmt::join(known, ", "))
                       : fmt::format("no such delay or quota; did you mean {}?", near));
    }
  }
  return {};
}

const Book& built_in_delays() {
  static const Book* book = [] {
    Result<Book> parsed = Book::parse(vip_delays_text(), "vip-delays.toml");
    ATOLL_CHECK(parsed.has_value(), parsed ? "" : parsed.error().message);
    return new Book(std::move(*parsed));
  }();
  return *book;
}

}  // namespace atl::plan
