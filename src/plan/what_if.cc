#include "plan/what_if.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/check.h"

namespace atl::plan {
namespace {

constexpr std::string_view kAsked = "asked.";
constexpr std::string_view kData = "data.";

// Beyond this, "x times" says more than "% more".
constexpr double kTimes = 2;

std::string sentence(const Comparison::Row& row, std::string_view who) {
  const double a = row.a.value, b = row.b.value;
  const std::string_view name = headline_label(row.figure);
  if (a == b) return fmt::format("{}: the same, {}.", name, format_quantity(row.a));
  std::string by;
  if (a == 0 || b == 0) {
    by = fmt::format("{} instead of {}", format_quantity(row.b), format_quantity(row.a));
  } else {
    const double ratio = b / a;
    const std::string both =
        fmt::format("{} instead of {}", format_quantity(row.b), format_quantity(row.a));
    if (ratio >= kTimes) {
      by = fmt::format("{:.3g} times as much ({})", ratio, both);
    } else if (ratio <= 1 / kTimes) {
      by = fmt::format("1/{:.3g} of it ({})", 1 / ratio, both);
    } else {
      by = fmt::format("{:.3g}% {} ({})", std::abs(ratio - 1) * 100, ratio > 1 ? "more" : "less",
                       both);
    }
  }
  return fmt::format("{}: {} has {}.", name, who, by);
}

std::string_view binding(const Plan& plan, std::string_view speed) {
  for (const Speed& s : plan.speeds)
    if (s.name == speed) return s.limits.front().what;
  return {};
}

Result<uint64_t> whole_number(std::string_view text, std::string_view all) {
  uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc() && end == text.data() + text.size() && !text.empty()) return out;
  return fail(
      Errc::kInvalidArgument,
      fmt::format("--vary {}: \"{}\" is not a whole number, as a range is made of; "
                  "write for example cluster.domains=3..32 or cluster.nodes=8..64:8, or list "
                  "the values: cluster.fill=0.5,0.7,0.9",
                  all, text));
}

Status take_range(std::string_view text, std::string_view all, std::vector<std::string>* values) {
  const size_t dots = text.find("..");
  const size_t colon = text.find(':', dots);
  ATOLL_TRY(const uint64_t first, whole_number(text.substr(0, dots), all));
  ATOLL_TRY(
      const uint64_t last,
      whole_number(text.substr(dots + 2, colon == text.npos ? text.npos : colon - dots - 2), all));
  uint64_t step = 1;
  if (colon != text.npos) {
    ATOLL_TRY(step, whole_number(text.substr(colon + 1), all));
  }
  if (step == 0 || last < first || (last - first) / step >= kSweepPointsMax)
    return fail(
        Errc::kInvalidArgument,
        fmt::format("--vary {}: a range goes up, by a step of at least 1, over at most {} values",
                    all, kSweepPointsMax));
  for (uint64_t v = first; v <= last; v += step) values->push_back(std::to_string(v));
  return {};
}

// As TOML would have given it: a plain number, or text.
Datum datum_of(const std::string& key, const std::string& text) {
  Datum out;
  out.origin = {fmt::format("--vary {}={}", key, text), 0};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) {
    out.value = any(number);
  } else {
    out.value = text;
  }
  return out;
}

// A datum as a person would have written it after --vary.
std::string text_of(const Datum& datum) {
  if (const auto* text = std::get_if<std::string>(&datum.value)) return *text;
  if (const auto* q = std::get_if<AnyQuantity>(&datum.value)) return fmt::format("{}", q->value);
  return std::get<bool>(datum.value) ? "true" : "false";
}

Book with(const Book& book, const std::string& key, Datum datum) {
  Book out = book;
  out.set(key, std::move(datum));
  return out;
}

// The assumed data that some figure of the plan is made of.
std::vector<const Figure*> assumed_data(const Plan& plan) {
  std::vector<const Figure*> out;
  for (const Figure& figure : plan.sheet.figures())
    if (figure.assumed && figure.inputs.empty() && figure.key.starts_with(kData))
      out.push_back(&figure);
  return out;
}

}  // namespace

namespace {
struct Headline {
  std::string_view figure, label;
};
constexpr Headline kHeadlines[] = {
    {"capacity.usable", "usable room"},
    {"capacity.overhead", "stored for a byte kept"},
    {"speed.read", "read"},
    {"speed.write", "write"},
    {"rebuild.domain", "rebuild of a domain"},
    {"durability.annual_loss", "an object lost in a year"},
    {"availability.unavailable_in_a_year", "an object unreachable in a year"},
    {"money.month", "money a month"},
    {"money.usable", "usable room costs"},
};
}  // namespace

const std::vector<std::string>& headline_figures() {
  static const std::vector<std::string> figures = [] {
    std::vector<std::string> out;
    for (const Headline& headline : kHeadlines) out.emplace_back(headline.figure);
    return out;
  }();
  return figures;
}

std::string_view headline_label(std::string_view figure) {
  for (const Headline& headline : kHeadlines)
    if (headline.figure == figure) return headline.label;
  return figure;
}

Comparison compare(const Plan& a, const Plan& b) {
  Comparison out;
  auto say = [](const Plan& plan, const std::string& key) {
    const Figure* figure = plan.sheet.find(key);
    return figure == nullptr ? std::string("-") : format_quantity(figure->value);
  };
  std::vector<std::string> keys;
  for (const Plan* plan : {&a, &b})
    for (const Figure& figure : plan->sheet.figures())
      if (figure.key.starts_with(kAsked) && std::ranges::find(keys, figure.key) == keys.end())
        keys.push_back(figure.key);
  for (const std::string& key : keys)
    if (say(a, key) != say(b, key))
      out.asked.push_back(
          fmt::format("{}: {} | {}", key.substr(kAsked.size()), say(a, key), say(b, key)));
  for (const std::string& key : headline_figures()) {
    const Figure* in_a = a.sheet.find(key);
    const Figure* in_b = b.sheet.find(key);
    ATOLL_CHECK(in_a != nullptr && in_b != nullptr, key);
    out.rows.push_back({key, in_a->value, in_b->value, in_a->assumed || in_b->assumed});
    out.words.push_back(sentence(out.rows.back(), b.name));
  }
  for (const char* speed : {"read", "write"})
    if (binding(a, speed) != binding(b, speed))
      out.words.push_back(fmt::format("{} is bound by {} instead of {}.", speed, binding(b, speed),
                                      binding(a, speed)));
  return out;
}

Result<Variation> parse_variation(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == text.npos || equals == 0 || equals + 1 == text.size())
    return fail(
        Errc::kInvalidArgument,
        fmt::format("--vary \"{}\" is not KEY=VALUES; write for example cluster.domains=3..32 or "
                    "cluster.protection=4+2,6+2",
                    text));
  Variation out;
  out.key = text.substr(0, equals);
  std::string_view rest = text.substr(equals + 1);
  if (rest.find("..") != rest.npos) {
    ATOLL_TRY_STATUS(take_range(rest, text, &out.values));
    return out;
  }
  while (true) {
    const size_t comma = rest.find(',');
    out.values.emplace_back(rest.substr(0, comma));
    if (out.values.back().empty() || out.values.size() > kSweepPointsMax)
      return fail(
          Errc::kInvalidArgument,
          fmt::format(
              "--vary {}: values are separated by commas, none is empty, and there are at most {}",
              text, kSweepPointsMax));
    if (comma == rest.npos) return out;
    rest.remove_prefix(comma + 1);
  }
}

Result<Sweep> sweep(const Book& scenario, const Book& catalogue, const Variation& variation,
                    const std::optional<Variation>& also) {
  auto own = [&scenario](const std::string& key) {
    const Datum* datum = scenario.find(key);
    return datum == nullptr ? std::string() : text_of(*datum);
  };
  Sweep out;
  out.variation = variation;
  out.also = also;
  out.own = own(variation.key);
  std::vector<std::string> seconds{""};
  if (also) {
    if (also->key == variation.key)
      return fail(Errc::kInvalidArgument,
                  fmt::format("--vary {}: given twice; values of one key go "
                              "into one list, such as {}=4,8,16",
                              also->key, also->key));
    if (also->values.size() > kSweepAlsoMax ||
        also->values.size() * variation.values.size() > kSweepPointsMax)
      return fail(Errc::kTooLarge,
                  fmt::format("--vary {}: the second key takes at most {} values, and both "
                              "together {}",
                              also->key, kSweepAlsoMax, kSweepPointsMax));
    seconds = also->values;
    out.own_also = own(also->key);
  }
  bool any_plan = false;
  for (const std::string& second : seconds) {
    const Book book = also ? with(scenario, also->key, datum_of(also->key, second)) : scenario;
    for (const std::string& value : variation.values) {
      SweepPoint point{value, second, std::nullopt, {}};
      Result<Plan> plan =
          make_plan(with(book, variation.key, datum_of(variation.key, value)), catalogue);
      if (plan) {
        any_plan = true;
        out.name = plan->name;
        point.plan = std::move(*plan);
      } else {
        point.refused = plan.error().message;
      }
      out.points.push_back(std::move(point));
    }
  }
  if (!any_plan) return fail(Errc::kInvalidArgument, out.points.front().refused);
  return out;
}

Result<std::vector<Sensitivity>> sensitivity(const Book& scenario, const Book& catalogue) {
  ATOLL_TRY(const Plan base, make_plan(scenario, catalogue));
  std::vector<Sensitivity> out;
  for (const std::string& key : headline_figures())
    out.push_back({key, base.sheet.find(key)->value, {}});
  for (const Figure* datum : assumed_data(base)) {
    const std::string key = datum->key.substr(kData.size());
    Datum changed;
    changed.assumed = true;
    changed.origin = {"sensitivity", 0};
    auto plan_at = [&](double value) {
      changed.value = AnyQuantity{value, datum->value.dimensions};
      return make_plan(with(scenario, key, changed), catalogue);
    };
    const double assumed = datum->value.value;
    ATOLL_TRY(const Plan half, plan_at(assumed / 2));
    Result<Plan> doubled = plan_at(assumed * 2);
    // A share is 1 at most.
    const bool share = datum->value.dimensions == Dimensions{} && assumed <= 1 && assumed * 2 > 1;
    if (!doubled && share) doubled = plan_at(1);
    if (!doubled) return fail(doubled.error());
    const Plan& twice = *doubled;
    for (Sensitivity& s : out) {
      const AnyQuantity low = half.sheet.find(s.figure)->value;
      const AnyQuantity high = twice.sheet.find(s.figure)->value;
      const double swing = s.base.value == 0 ? 0 : std::abs(high.value - low.value) / s.base.value;
      if (swing > 0) s.bars.push_back({key, low, high, swing});
    }
  }
  for (Sensitivity& s : out)
    std::ranges::stable_sort(s.bars,
                             [](const auto& a, const auto& b) { return a.swing > b.swing; });
  return out;
}

}  // namespace atl::plan
