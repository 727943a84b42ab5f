#include "cloud/delays.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/check.h"

namespace atl::cloud {
namespace {

// The 99th percentile of the standard normal distribution.
constexpr double kNormal99 = 2.3263478740408408;

struct DelayField {
  const char* name;
  Delay Delays::*member;
};
#define ATOLL_FIELD(name) \
  { #name, &Delays::name }
constexpr std::array kDelayFields = {
    DelayField ATOLL_FIELD(api_read),
    DelayField ATOLL_FIELD(api_write),
    DelayField ATOLL_FIELD(alias_operation),
    DelayField ATOLL_FIELD(alias_propagation),
    DelayField ATOLL_FIELD(route_insert_operation),
    DelayField ATOLL_FIELD(route_delete_operation),
    DelayField ATOLL_FIELD(route_propagation),
    DelayField ATOLL_FIELD(next_hop_notice),
    DelayField ATOLL_FIELD(leader_operation),
    DelayField ATOLL_FIELD(leader_propagation),
    DelayField ATOLL_FIELD(garp_propagation),
    DelayField ATOLL_FIELD(lb_probe_interval),
    DelayField ATOLL_FIELD(lb_probe_timeout),
    DelayField ATOLL_FIELD(lb_propagation),
    DelayField ATOLL_FIELD(instance_recreate),
    DelayField ATOLL_FIELD(token),
    DelayField ATOLL_FIELD(metadata_read),
};

struct CountField {
  const char* name;
  Count Delays::*member;
};
constexpr std::array kCountFields = {
    CountField ATOLL_FIELD(lb_unhealthy_threshold),
    CountField ATOLL_FIELD(lb_healthy_threshold),
    CountField ATOLL_FIELD(reads_per_minute),
    CountField ATOLL_FIELD(writes_per_minute),
    CountField ATOLL_FIELD(operation_reads_per_minute),
    CountField ATOLL_FIELD(static_routes_per_network),
};
#undef ATOLL_FIELD

// Where in the file, and what it is about; for errors.
struct Place {
  const std::string& file;
  std::string_view table;

  std::unexpected<Error> refuse(const toml::node& node, std::string_view what) const {
    return fail(Errc::kInvalidArgument,
                fmt::format("{}:{}: {}: {}", file, node.source().begin.line, table, what));
  }
};

Result<Nanos> duration_of(const Place& place, std::string_view key, const toml::node& node) {
  const auto ms = node.value<double>();
  constexpr double kMax = std::chrono::duration<double, std::milli>(kDelayMax).count();
  if (!node.is_number() || !ms || !(*ms >= 0) || *ms > kMax)
    return place.refuse(node,
                        fmt::format("{} is a number of milliseconds, 0 to {:.0f}", key, kMax));
  return Nanos(std::llround(*ms * 1e6));
}

struct Words {
  std::string source;
  bool assumed = false;
  std::string note;
};

// source, assumed, note: true when `key` is one of them.
Result<bool> take_word(const Place& place, std::string_view key, const toml::node& node,
                       Words& words) {
  if (key == "source" || key == "note") {
    if (!node.is_string()) return place.refuse(node, fmt::format("{} is a text in quotes", key));
    (key == "source" ? words.source : words.note) = node.as_string()->get();
    return true;
  }
  if (key == "assumed") {
    if (!node.is_boolean()) return place.refuse(node, "assumed is true or false");
    words.assumed = node.as_boolean()->get();
    return true;
  }
  return false;
}

template <typename T>
Status finish(const Place& place, const toml::table& table, Words words, T& out) {
  if (words.source.empty() && !words.assumed)
    return place.refuse(table, "wants a source = \"...\", or assumed = true");
  out.source = std::move(words.source);
  out.assumed = words.assumed;
  out.note = std::move(words.note);
  return {};
}

Status take_delay(const Place& place, const toml::table& table, Delay& out) {
  Words words;
  std::optional<Nanos> constant, median, p99;
  for (const auto& [key, node] : table) {
    ATOLL_TRY(const bool taken, take_word(place, key.str(), node, words));
    if (taken) continue;
    if (key != "constant_ms" && key != "median_ms" && key != "p99_ms")
      return place.refuse(node, fmt::format("\"{}\" is not known here; a delay has constant_ms, or "
                                            "median_ms and p99_ms, and source, assumed, note",
                                            key.str()));
    ATOLL_TRY(const Nanos value, duration_of(place, key.str(), node));
    (key == "constant_ms" ? constant : key == "median_ms" ? median : p99) = value;
  }
  if (constant ? median || p99 : !median || !p99)
    return place.refuse(table, "wants either constant_ms, or both median_ms and p99_ms");
  Delay delay;
  delay.median = constant ? *constant : *median;
  delay.p99 = constant ? *constant : *p99;
  if (delay.p99 < delay.median)
    return place.refuse(*table.get("p99_ms"), "p99_ms is at least median_ms");
  if (delay.median == Nanos{} && delay.p99 != Nanos{})
    return place.refuse(*table.get("median_ms"), "a median_ms of 0 wants p99_ms = 0 too");
  ATOLL_TRY_STATUS(finish(place, table, std::move(words), delay));
  out = std::move(delay);
  return {};
}

Status take_count(const Place& place, const toml::table& table, Count& out) {
  Words words;
  Count count;
  const toml::node* value = table.get("count");
  for (const auto& [key, node] : table) {
    ATOLL_TRY(const bool taken, take_word(place, key.str(), node, words));
    if (!taken && key != "count")
      return place.refuse(node, fmt::format("\"{}\" is not known here; there are count, source, "
                                            "assumed, note",
                                            key.str()));
  }
  if (value == nullptr) return place.refuse(table, "wants count = N");
  const auto* number = value->as_integer();
  if (number == nullptr || number->get() < 1 || number->get() > kCountMax)
    return place.refuse(*value, fmt::format("count is a whole number, 1 to {}", kCountMax));
  count.value = static_cast<uint32_t>(number->get());
  ATOLL_TRY_STATUS(finish(place, table, std::move(words), count));
  out = std::move(count);
  return {};
}

// A probe that may take longer than the time to the next one would be two at a time.
Status check_probes(const std::string& file, const Delays& delays) {
  if (delays.lb_probe_interval.median == Nanos{})
    return fail(Errc::kInvalidArgument,
                fmt::format("{}: lb_probe_interval: must be longer than 0", file));
  if (!delays.lb_probe_interval.constant() || !delays.lb_probe_timeout.constant())
    return fail(Errc::kInvalidArgument,
                fmt::format("{}: lb_probe_interval and lb_probe_timeout are settings of a health "
                            "check: constant_ms",
                            file));
  if (delays.lb_probe_timeout.median > delays.lb_probe_interval.median)
    return fail(Errc::kInvalidArgument,
                fmt::format("{}: lb_probe_timeout is at most lb_probe_interval", file));
  return {};
}

Status parse_over(std::string_view text, const std::string& file, Delays& out,
                  std::vector<std::string>& named) {
  if (text.size() > kDelaysFileMax)
    return fail(Errc::kTooLarge, fmt::format("{}: longer than {} bytes", file, kDelaysFileMax));
  toml::table root;
  try {
    root = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{}:{}: this is not TOML: {}", file, error.source().begin.line,
                            error.description()));
  }
  for (const auto& [key, node] : root) {
    const Place place{file, key.str()};
    Delay* delay = out.find(key.str());
    Count* count = out.find_count(key.str());
    if (delay == nullptr && count == nullptr)
      return place.refuse(
          node, fmt::format("no such value; there are {}, {}", fmt::join(Delays::names(), ", "),
                            fmt::join(Delays::count_names(), ", ")));
    const toml::table* table = node.as_table();
    if (table == nullptr) return place.refuse(node, fmt::format("is a table: [{}]", key.str()));
    if (delay != nullptr) {
      ATOLL_TRY_STATUS(take_delay(place, *table, *delay));
    } else {
      ATOLL_TRY_STATUS(take_count(place, *table, *count));
    }
    named.emplace_back(key.str());
  }
  return check_probes(file, out);
}

Delays parse_built_in() {
  Delays delays;
  std::vector<std::string> named;
  const Status parsed = parse_over(built_in_delays_text(), "vip-delays.toml", delays, named);
  ATOLL_CHECK(parsed.has_value(), parsed ? std::string() : parsed.error().to_string());
  ATOLL_CHECK(named.size() == kDelayFields.size() + kCountFields.size(),
              "vip-delays.toml does not name every value");
  return delays;
}

}  // namespace

Nanos Delay::sample(env::Random& random) const {
  if (constant() || median == Nanos{}) return median;
  // Box-Muller; 1 - unit() is never zero.
  const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
  const double normal = radius * std::cos(2 * std::numbers::pi * random.unit());
  const double m = static_cast<double>(median.count());
  const double sigma = std::log(static_cast<double>(p99.count()) / m) / kNormal99;
  const double drawn = m * std::exp(sigma * normal);
  return Nanos(std::llround(std::min(drawn, static_cast<double>(kDelayMax.count()))));
}

Delay Delay::scaled(double factor) const {
  ATOLL_CHECK(factor >= 0);
  const auto times = [factor](Nanos t) {
    const double product = static_cast<double>(t.count()) * factor;
    return Nanos(std::llround(std::min(product, static_cast<double>(kDelayMax.count()))));
  };
  Delay scaled = *this;
  scaled.median = times(median);
  scaled.p99 = times(p99);
  return scaled;
}

const Delays& Delays::built_in() {
  static const Delays delays = parse_built_in();
  return delays;
}

Delays Delays::zero() {
  Delays delays = built_in();
  for (const DelayField& field : kDelayFields) {
    if (field.member == &Delays::lb_probe_interval || field.member == &Delays::lb_probe_timeout)
      continue;
    Delay& delay = delays.*field.member;
    delay = Delay{};
    delay.assumed = true;
    delay.note = "Set to zero, to see what the rest costs.";
  }
  return delays;
}

Result<Delays> Delays::parse(std::string_view toml, std::string file_name) {
  Delays delays = built_in();
  std::vector<std::string> named;
  ATOLL_TRY_STATUS(parse_over(toml, file_name, delays, named));
  return delays;
}

std::vector<std::string> Delays::names() {
  std::vector<std::string> names;
  for (const DelayField& field : kDelayFields) names.emplace_back(field.name);
  return names;
}

std::vector<std::string> Delays::count_names() {
  std::vector<std::string> names;
  for (const CountField& field : kCountFields) names.emplace_back(field.name);
  return names;
}

Delay* Delays::find(std::string_view name) {
  for (const DelayField& field : kDelayFields)
    if (name == field.name) return &(this->*field.member);
  return nullptr;
}

const Delay* Delays::find(std::string_view name) const {
  return const_cast<Delays*>(this)->find(name);
}

Count* Delays::find_count(std::string_view name) {
  for (const CountField& field : kCountFields)
    if (name == field.name) return &(this->*field.member);
  return nullptr;
}

const Count* Delays::find_count(std::string_view name) const {
  return const_cast<Delays*>(this)->find_count(name);
}

}  // namespace atl::cloud
