#include "plan/what_if.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace atl::plan {
namespace {

constexpr std::string_view kAsked = "asked.";
constexpr std::string_view kData = "data.";

// Beyond this, "x times" says more than "% more".
constexpr double kTimes = 2;

std::pair<std::string, std::string> told_apart(AnyQuantity a, AnyQuantity b);

std::string sentence(const Comparison::Row& row, std::string_view who) {
  const double a = row.a.value, b = row.b.value;
  const std::string_view name = headline_label(row.figure);
  const auto [text_a, text_b] = told_apart(row.a, row.b);
  if (a == b) return fmt::format("{}: the same, {}.", name, format_quantity(row.a));
  std::string by;
  if (a == 0 || b == 0) {
    by = fmt::format("{} instead of {}", text_b, text_a);
  } else {
    const double ratio = b / a;
    const std::string both = fmt::format("{} instead of {}", text_b, text_a);
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

// What a message about "KEY=VALUES" begins with.
struct Asked {
  std::string_view flag, text;
  std::string begin() const {
    const std::string shown = quoted(text);
    return fmt::format("{}{}", flag, shown.substr(1, shown.size() - 2));
  }
};

Result<uint64_t> whole_number(std::string_view text, const Asked& all) {
  uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc() && end == text.data() + text.size() && !text.empty()) return out;
  return fail(
      Errc::kInvalidArgument,
      fmt::format("{}: {} is not a whole number, as a range is made of; "
                  "write for example cluster.domains=3..32 or cluster.nodes=8..64:8, or list "
                  "the values: cluster.fill=0.5,0.7,0.9",
                  all.begin(), quoted(text)));
}

Status take_range(std::string_view text, const Asked& all, std::vector<std::string>* values) {
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
    return fail(Errc::kInvalidArgument,
                fmt::format("{}: a range goes up, by a step of at least 1, over at most {} values",
                            all.begin(), kSweepPointsMax));
  for (uint64_t v = first; v <= last; v += step) values->push_back(std::to_string(v));
  return {};
}

// As TOML would have given it: a plain number, or text.
Datum datum_of(const std::string& key, const std::string& text) {
  Datum out;
  const std::string shown = quoted(text);
  out.origin = {fmt::format("--vary {}={}", key, shown.substr(1, shown.size() - 2)), 0};
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
constexpr Headline kFailoverHeadlines[] = {
    {"failover.node_gap", "an address away, its node lost"},
    {"failover.gap_in_a_year", "an address away in a year"},
    {"failover.failed_in_a_year", "requests that fail in a year"},
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

std::vector<std::string> headline_figures(const Plan& plan) {
  std::vector<std::string> out = headline_figures();
  for (const Headline& headline : kFailoverHeadlines)
    if (plan.sheet.find(headline.figure) != nullptr) out.emplace_back(headline.figure);
  return out;
}

std::string headline_text(const Plan& plan, std::string_view key) {
  const Figure* figure = plan.sheet.find(key);
  if (figure == nullptr) return "-";
  if (key == "rebuild.domain" && plan.sheet.at("cluster.domains_survived").value.value == 0)
    return "all lost";
  return format_quantity(figure->value) + (figure->assumed ? "*" : "");
}

std::string_view headline_label(std::string_view figure) {
  for (const Headline& headline : kFailoverHeadlines)
    if (headline.figure == figure) return headline.label;
  for (const Headline& headline : kHeadlines)
    if (headline.figure == figure) return headline.label;
  return figure;
}

namespace {

// Two values so that they differ in what is printed, however little they do.
std::pair<std::string, std::string> told_apart(AnyQuantity a, AnyQuantity b) {
  std::pair<std::string, std::string> out{format_quantity(a), format_quantity(b)};
  if (a.value == b.value || out.first != out.second) return out;
  const std::string unit = key_suffix(a.dimensions);
  auto exactly = [&unit](double v) {
    return unit.empty() ? fmt::format("{}", v) : fmt::format("{} ({})", v, unit.substr(1));
  };
  return {exactly(a.value), exactly(b.value)};
}

std::string machine_of(const Plan& plan) {
  std::string out;
  for (const auto& [key, word] : plan.choices)
    if (key == "cluster.shape" || key == "cluster.network" || key == "cluster.clients" ||
        key == "cluster.fabric")
      out += word + " ";
  return out;
}

// Words first, then what is asked, then data that both rest on.
std::vector<std::string> differences(const Plan& a, const Plan& b) {
  std::vector<std::string> out;
  for (size_t i = 0; i < std::min(a.choices.size(), b.choices.size()); ++i)
    if (a.choices[i].second != b.choices[i].second)
      out.push_back(
          fmt::format("{}: {} | {}", a.choices[i].first, a.choices[i].second, b.choices[i].second));
  // The same machine, and the same networks of it.
  const bool same_shape = machine_of(a) == machine_of(b);
  for (const std::string_view kind : {kAsked, kData}) {
    std::vector<std::string> keys;
    for (const Plan* plan : {&a, &b})
      for (const Figure& figure : plan->sheet.figures())
        if (figure.key.starts_with(kind) && std::ranges::find(keys, figure.key) == keys.end())
          keys.push_back(figure.key);
    for (const std::string& key : keys) {
      if (key.ends_with("_shards")) continue;  // cluster.protection says it
      const Figure* in_a = a.sheet.find(key);
      const Figure* in_b = b.sheet.find(key);
      const std::string name = key.substr(kind.size());
      if (in_a != nullptr && in_b != nullptr) {
        if (in_a->value == in_b->value) continue;
        const auto [left, right] = told_apart(in_a->value, in_b->value);
        out.push_back(fmt::format("{}: {} | {}", name, left, right));
        continue;
      }
      // Another shape has other data, and a plan without failover has none of its.
      if (kind == kData && !(same_shape && name.starts_with("shape."))) continue;
      auto say = [](const Figure* f) { return f == nullptr ? "-" : format_quantity(f->value); };
      out.push_back(fmt::format("{}: {} | {}", name, say(in_a), say(in_b)));
    }
  }
  return out;
}

}  // namespace

Comparison compare(const Plan& a, const Plan& b) {
  Comparison out;
  out.asked = differences(a, b);
  for (const std::string& key : headline_figures(a)) {
    const Figure* in_a = a.sheet.find(key);
    const Figure* in_b = b.sheet.find(key);
    if (in_a == nullptr || in_b == nullptr) continue;  // failover that only one has
    out.rows.push_back({key, in_a->value, in_b->value, in_a->assumed || in_b->assumed});
    out.words.push_back(sentence(out.rows.back(), b.name));
  }
  for (const char* speed : {"read", "write"})
    if (binding(a, speed) != binding(b, speed))
      out.words.push_back(fmt::format("{} is bound by {} instead of {}.", speed, binding(b, speed),
                                      binding(a, speed)));
  return out;
}

Result<Variation> parse_variation(std::string_view text, std::string_view flag) {
  const Asked all{flag, text};
  const size_t equals = text.find('=');
  if (equals == text.npos || equals == 0 || (flag == kVaryFlag && equals + 1 == text.size()))
    return fail(Errc::kInvalidArgument,
                fmt::format("{}{} is not KEY=VALUES; write for example cluster.domains=3..32 or "
                            "cluster.protection=4+2,6+2",
                            flag, quoted(text)));
  Variation out;
  out.key = text.substr(0, equals);
  std::string_view rest = text.substr(equals + 1);
  if (rest.find("..") != rest.npos) {
    ATOLL_TRY_STATUS(take_range(rest, all, &out.values));
    return out;
  }
  while (true) {
    const size_t comma = rest.find(',');
    out.values.emplace_back(rest.substr(0, comma));
    if (out.values.back().empty() || out.values.size() > kSweepPointsMax)
      return fail(
          Errc::kInvalidArgument,
          fmt::format("{}: values are separated by commas, none is empty, and there are at most {}",
                      all.begin(), kSweepPointsMax));
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

namespace {

// One assumed datum at half and at twice itself.
class Shaker {
 public:
  Shaker(const Book& scenario, const Book& catalogue, const Figure& datum)
      : scenario_(scenario), catalogue_(catalogue), datum_(datum) {}

  std::string key() const { return datum_.key.substr(kData.size()); }

  // Nothing when there is no such value that a plan can be made with: `why` then says why.
  std::optional<Plan> at(double times, std::string* why, std::string* rounded) const {
    const double v = datum_.value.value, wanted = v * times;
    std::vector<double> tries{wanted};
    if (datum_.value.dimensions == Dimensions{}) {
      const double whole = std::max(1.0, std::round(wanted));
      if (v == std::floor(v) && whole != wanted && whole != v) tries.push_back(whole);
      if (v <= 1 && wanted > 1) tries.push_back(1);  // a share is 1 at most
    }
    for (const double value : tries) {
      Datum changed;
      changed.assumed = true;
      changed.origin = {"sensitivity", 0};
      changed.value = AnyQuantity{value, datum_.value.dimensions};
      Result<Plan> plan = make_plan(with(scenario_, key(), changed), catalogue_);
      if (plan) {
        if (value != wanted) *rounded = fmt::format("{} for {}", value, wanted);
        return std::move(*plan);
      }
      if (why->empty()) *why = plan.error().message;
    }
    return std::nullopt;
  }

 private:
  const Book& scenario_;
  const Book& catalogue_;
  const Figure& datum_;
};

// "sensitivity: atoll.reserve: 1 does not do": what stood before is ours.
std::string reason_of(const std::string& message, const std::string& key) {
  const size_t at = message.find(key + ": ");
  return at == message.npos ? message : message.substr(at + key.size() + 2);
}

}  // namespace

Result<Shaken> sensitivity(const Book& scenario, const Book& catalogue) {
  ATOLL_TRY(const Plan base, make_plan(scenario, catalogue));
  Shaken out;
  for (const std::string& key : headline_figures(base))
    out.figures.push_back({key, base.sheet.at(key).value, {}});
  for (const Figure* datum : assumed_data(base)) {
    const Shaker shaker(scenario, catalogue, *datum);
    const std::string key = shaker.key();
    std::string why, low_rounded, high_rounded;
    const std::optional<Plan> half = shaker.at(0.5, &why, &low_rounded);
    const std::optional<Plan> twice = half ? shaker.at(2, &why, &high_rounded) : std::nullopt;
    if (!half || !twice) {
      out.notes.push_back(fmt::format("{} is left out: at {} it cannot be ({}).", key,
                                      half ? "twice" : "half", reason_of(why, key)));
      continue;
    }
    for (const std::string& rounded : {low_rounded, high_rounded})
      if (!rounded.empty()) out.notes.push_back(fmt::format("{}: {}.", key, rounded));
    for (Sensitivity& s : out.figures) {
      const Figure* at_half = half->sheet.find(s.figure);
      const Figure* at_twice = twice->sheet.find(s.figure);
      if (at_half == nullptr || at_twice == nullptr) continue;  // no mover can be, there
      const AnyQuantity low = at_half->value, high = at_twice->value;
      const double swing = s.base.value == 0 ? 0 : std::abs(high.value - low.value) / s.base.value;
      if (swing > 0) s.bars.push_back({key, low, high, swing});
    }
  }
  for (Sensitivity& s : out.figures)
    std::ranges::stable_sort(s.bars,
                             [](const auto& a, const auto& b) { return a.swing > b.swing; });
  return out;
}

}  // namespace atl::plan
