#include "plan/unit_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

namespace atl::plan {
namespace {

constexpr double kKi = 1024.0;

struct Unit {
  std::string_view name;
  AnyQuantity one;
};

constexpr Dimensions kBytesOnly{1, 0, 0, 0};
constexpr Dimensions kSecondsOnly{0, 1, 0, 0};
constexpr Dimensions kDollarsOnly{0, 0, 1, 0};
constexpr Dimensions kOperationsOnly{0, 0, 0, 1};

constexpr std::array kUnits = {
    Unit{"B", {1, kBytesOnly}},
    Unit{"KiB", {kKi, kBytesOnly}},
    Unit{"MiB", {kKi * kKi, kBytesOnly}},
    Unit{"GiB", {kKi * kKi * kKi, kBytesOnly}},
    Unit{"TiB", {kKi * kKi * kKi * kKi, kBytesOnly}},
    Unit{"PiB", {kKi * kKi * kKi * kKi * kKi, kBytesOnly}},
    Unit{"kB", {1e3, kBytesOnly}},
    Unit{"MB", {1e6, kBytesOnly}},
    Unit{"GB", {1e9, kBytesOnly}},
    Unit{"TB", {1e12, kBytesOnly}},
    Unit{"PB", {1e15, kBytesOnly}},
    Unit{"b", {1 / 8.0, kBytesOnly}},
    Unit{"kb", {1e3 / 8, kBytesOnly}},
    Unit{"Mb", {1e6 / 8, kBytesOnly}},
    Unit{"Gb", {1e9 / 8, kBytesOnly}},
    Unit{"Tb", {1e12 / 8, kBytesOnly}},
    Unit{"us", {1e-6, kSecondsOnly}},
    Unit{"ms", {1e-3, kSecondsOnly}},
    Unit{"s", {1, kSecondsOnly}},
    Unit{"min", {60, kSecondsOnly}},
    Unit{"h", {kHour.value, kSecondsOnly}},
    Unit{"day", {24 * kHour.value, kSecondsOnly}},
    Unit{"month", {kMonth.value, kSecondsOnly}},
    Unit{"year", {kYear.value, kSecondsOnly}},
    Unit{"USD", {1, kDollarsOnly}},
    Unit{"op", {1, kOperationsOnly}},
    Unit{"kop", {1e3, kOperationsOnly}},
    Unit{"Mop", {1e6, kOperationsOnly}},
};

const Unit* find_unit(std::string_view name) {
  for (const Unit& unit : kUnits)
    if (unit.name == name) return &unit;
  return nullptr;
}

std::string known_units() {
  std::string out;
  for (const Unit& unit : kUnits) {
    if (!out.empty()) out += " ";
    out += unit.name;
  }
  return out;
}

// As book.h's quoted(), which cannot be asked from here; the caller takes control characters away.
std::string quoted_word(std::string_view text) {
  constexpr size_t kMost = 80;
  return fmt::format("\"{}{}\"", text.substr(0, kMost), text.size() > kMost ? "..." : "");
}

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// What someone who wrote `name` may have meant; else the units there are.
std::string meant(std::string_view name) {
  if (name == "%") return "a share is a plain number: 0.8 for 80 %";
  for (const auto& [end, right] : {std::pair<std::string_view, std::string_view>{"bps", "b/s"},
                                   {"Bps", "B/s"},
                                   {"bits", "b"},
                                   {"bytes", "B"}})
    if (name.size() > end.size() && name.ends_with(end)) {
      const std::string_view prefix = name.substr(0, name.size() - end.size());
      const std::string unit = fmt::format("{}{}", prefix, right.substr(0, 1));
      if (find_unit(unit) != nullptr) return fmt::format("did you mean {}{}?", prefix, right);
    }
  std::string near;
  for (const Unit& unit : kUnits)
    if (lower(unit.name) == lower(name))
      near += (near.empty() ? "" : " or ") + std::string(unit.name);
  if (!near.empty())
    return fmt::format("did you mean {}?{}", near,
                       near.find(" or ") == std::string::npos ? "" : " b is bits, B is bytes");
  return "there are " + known_units();
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

void multiply(AnyQuantity* into, const AnyQuantity& by, int power) {
  into->value *= power > 0 ? by.value : 1 / by.value;
  auto add = [power](int8_t a, int8_t b) { return static_cast<int8_t>(a + power * b); };
  into->dimensions = {add(into->dimensions.bytes, by.dimensions.bytes),
                      add(into->dimensions.seconds, by.dimensions.seconds),
                      add(into->dimensions.dollars, by.dimensions.dollars),
                      add(into->dimensions.operations, by.dimensions.operations)};
}

std::string with_prefix(double value, double step, std::initializer_list<std::string_view> names) {
  auto name = names.begin();
  while (std::abs(value) >= step && name + 1 != names.end()) {
    value /= step;
    ++name;
  }
  return fmt::format("{:.4g} {}", value, *name);
}

std::string format_bytes_of(double value) {
  return with_prefix(value, kKi, {"B", "KiB", "MiB", "GiB", "TiB", "PiB"});
}

std::string format_seconds(double s) {
  if (s < 1e-3) return fmt::format("{:.3g} us", s * 1e6);
  if (s < 1) return fmt::format("{:.3g} ms", s * 1e3);
  if (s < 120) return fmt::format("{:.3g} s", s);
  if (s < 2 * kHour.value) return fmt::format("{:.3g} min", s / 60);
  if (s < 48 * kHour.value) return fmt::format("{:.3g} h", s / kHour.value);
  if (s < kYear.value) return fmt::format("{:.3g} days", s / (24 * kHour.value));
  return fmt::format("{:.3g} years", s / kYear.value);
}

// "1,234.50"
std::string with_commas(double value, int decimals) {
  std::string text = fmt::format("{:.{}f}", std::abs(value), decimals);
  const size_t point = text.find('.');
  const size_t whole = point == std::string::npos ? text.size() : point;
  for (size_t at = whole; at > 3; at -= 3) text.insert(at - 3, ",");
  return value < 0 ? "-" + text : text;
}

std::string format_dollars(double value) {
  const double size = std::abs(value);
  if (size != 0 && size < 0.01) return fmt::format("${:.3g}", value);
  return "$" + with_commas(value, size < 1000 ? 2 : 0);
}

}  // namespace

Result<AnyQuantity> parse_quantity(std::string_view text) {
  const std::string_view all = trim(text);
  double number = 0;
  const auto [end, failed] = std::from_chars(all.data(), all.data() + all.size(), number);
  if (failed != std::errc() || !std::isfinite(number))
    return fail(Errc::kInvalidArgument, quoted_word(text) + " does not begin with a number");
  AnyQuantity out{number, {}};
  std::string_view rest = trim(all.substr(static_cast<size_t>(end - all.data())));
  if (rest.empty()) return fail(Errc::kInvalidArgument, quoted_word(text) + " has no unit");
  int power = 1;
  if (rest.front() == '/') {  // "1.5 /year"
    power = -1;
    rest.remove_prefix(1);
  }
  while (true) {
    const size_t slash = rest.find('/');
    const std::string_view name = trim(rest.substr(0, slash));
    const Unit* unit = find_unit(name);
    if (unit == nullptr)
      return fail(Errc::kInvalidArgument,
                  fmt::format("{}: no unit is called {}; {}", quoted_word(text), quoted_word(name),
                              meant(name)));
    multiply(&out, unit->one, power);
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
    power = -1;
  }
  return out;
}

std::string describe(Dimensions d) {
  if (d == Dimensions{}) return "a plain number";
  if (d == kBytesOnly) return "a size (such as 36000 GiB)";
  if (d == kSecondsOnly) return "a time (such as 30 min)";
  if (d == kDollarsOnly) return "money (such as 12.50 USD)";
  if (d == kOperationsOnly) return "a number of operations (such as 1000 op)";
  if (d == Dimensions{1, -1, 0, 0}) return "a bandwidth (such as 25 GB/s)";
  if (d == Dimensions{0, -1, 0, 0}) return "a rate of events (such as 0.01 /year)";
  if (d == Dimensions{0, -1, 0, 1}) return "a rate of operations (such as 750000 op/s)";
  if (d == Dimensions{0, -1, 1, 0}) return "a price for time (such as 11.20 USD/h)";
  if (d == Dimensions{-1, 0, 1, 0}) return "a price for bytes (such as 0.008 USD/GiB)";
  if (d == Dimensions{-1, -1, 1, 0})
    return "a price for keeping bytes (such as 0.02 USD/GiB/month)";
  if (d == Dimensions{0, 0, 1, -1}) return "a price for operations (such as 0.005 USD/kop)";
  if (d == Dimensions{0, 1, 0, -1}) return "a time for each operation (such as 44 us/op)";
  if (d == Dimensions{-1, 1, 1, 0}) return "a price for bandwidth (dollars for each byte a second)";
  return fmt::format("bytes^{} seconds^{} dollars^{} operations^{}", d.bytes, d.seconds, d.dollars,
                     d.operations);
}

std::string key_suffix(Dimensions d) {
  std::string out;
  if (d.dollars > 0) out += "_dollars";
  if (d.bytes > 0) out += "_bytes";
  if (d.operations > 0) out += "_operations";
  if (d.seconds > 0) out += "_seconds";
  if (d.bytes < 0) out += "_per_byte";
  if (d.operations < 0) out += "_per_operation";
  if (d.seconds < 0) out += "_per_second";
  return out;
}

std::string format_quantity(AnyQuantity q) {
  const Dimensions d = q.dimensions;
  const double v = q.value;
  if (d == kBytesOnly) return format_bytes_of(v);
  if (d == Dimensions{1, -1, 0, 0}) return format_bytes_of(v) + "/s";
  if (d == kSecondsOnly) return format_seconds(v);
  if (d == kDollarsOnly) return format_dollars(v);
  if (d == Dimensions{0, -1, 1, 0}) return format_dollars(v * kHour.value) + "/h";
  if (d == Dimensions{-1, 0, 1, 0}) return format_dollars(v * kGiB.value) + "/GiB";
  if (d == Dimensions{-1, -1, 1, 0})
    return format_dollars(v * kTiB.value * kMonth.value) + "/TiB/month";
  if (d == Dimensions{-1, 1, 1, 0}) return format_dollars(v * 1e9) + " for 1 GB/s";
  if (d == Dimensions{0, 0, 1, -1}) return format_dollars(v * 1e6) + "/million op";
  if (d == Dimensions{0, -1, 0, 0}) return fmt::format("{:.3g} /year", v * kYear.value);
  if (d == Dimensions{0, -1, 0, 1} && v >= 1e6) return fmt::format("{:.4g} Mop/s", v / 1e6);
  if (d == Dimensions{0, -1, 0, 1}) return with_commas(std::round(v), 0) + " op/s";
  if (d == Dimensions{0, 1, 0, -1}) return format_seconds(v) + "/op";
  if (d == kOperationsOnly && v >= 1e6) return fmt::format("{:.4g} Mop", v / 1e6);
  if (d == kOperationsOnly) return with_commas(std::round(v), 0) + " op";
  if (d == Dimensions{} && v == std::floor(v) && std::abs(v) < 1e15) return with_commas(v, 0);
  if (d == Dimensions{}) return fmt::format("{:.4g}", v);
  return fmt::format("{:.4g} ({})", v, describe(d));
}

}  // namespace atl::plan
