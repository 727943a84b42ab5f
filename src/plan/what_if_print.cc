// What-ifs as text and JSON.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/check.h"
#include "plan/what_if.h"

namespace atl::plan {
namespace {

namespace json = boost::json;

json::string full_key(const std::string& key, AnyQuantity value) {
  return json::string(key + key_suffix(value.dimensions));
}

// The part of a bar that a swing takes, against the widest.
std::string bar_of(double swing, double widest) {
  constexpr double kColumns = 24;
  return std::string(static_cast<size_t>(std::max(1.0, swing / widest * kColumns)), '#');
}

json::object headlines_of(const Plan& plan) {
  json::object out;
  for (const std::string& key : headline_figures()) {
    const Figure* figure = plan.sheet.find(key);
    ATOLL_CHECK(figure != nullptr, key);
    out[full_key(key, figure->value)] =
        json::object{{"value", figure->value.value}, {"assumed", figure->assumed}};
  }
  return out;
}

}  // namespace

std::string comparison_text(const Plan& a, const Plan& b, const Comparison& comparison) {
  std::string out = fmt::format("A  {}\nB  {}\n\nASKED DIFFERENTLY\n", a.name, b.name);
  if (comparison.asked.empty()) out += "  nothing\n";
  for (const std::string& line : comparison.asked) out += fmt::format("  {}\n", line);
  out += fmt::format("\n  {:<32}{:>18}{:>18}\n", "", "A", "B");
  for (const Comparison::Row& row : comparison.rows)
    out += fmt::format("  {:<32}{:>18}{:>18}{}\n", headline_label(row.figure),
                       format_quantity(row.a), format_quantity(row.b), row.assumed ? " *" : "");
  out += "\n";
  for (const std::string& line : comparison.words) out += fmt::format("  - {}\n", line);
  return out;
}

std::string comparison_json(const Plan& a, const Plan& b, const Comparison& comparison) {
  json::array rows;
  for (const Comparison::Row& row : comparison.rows)
    rows.push_back(json::object{{"figure", full_key(row.figure, row.a)},
                                {"a", row.a.value},
                                {"b", row.b.value},
                                {"assumed", row.assumed}});
  json::array asked, words;
  for (const std::string& line : comparison.asked) asked.push_back(json::string(line));
  for (const std::string& line : comparison.words) words.push_back(json::string(line));
  json::object root{
      {"a", a.name}, {"b", b.name}, {"asked", asked}, {"figures", rows}, {"words", words}};
  return json::serialize(root) + "\n";
}

std::string sweep_text(const Sweep& sweep) {
  std::string out;
  std::string_view before;
  for (const SweepPoint& point : sweep.points) {
    if (out.empty() || point.also != before) {
      if (sweep.also)
        out += fmt::format("{}{} = {}\n", out.empty() ? "" : "\n", sweep.also->key, point.also);
      out += fmt::format("{:<18}{:>14}{:>10}{:>14}{:>14}{:>12}{:>12}{:>14}{:>22}\n",
                         sweep.variation.key, "usable", "overhead", "read", "write", "rebuild",
                         "loss/year", "month", "usable costs");
      before = point.also;
    }
    if (!point.plan) {
      out += fmt::format("{:<18}  {}\n", point.value, point.refused);
      continue;
    }
    auto say = [&point](std::string_view key) {
      return format_quantity(point.plan->sheet.find(key)->value);
    };
    out += fmt::format("{:<18}{:>14}{:>10}{:>14}{:>14}{:>12}{:>12}{:>14}{:>22}\n", point.value,
                       say("capacity.usable"), say("capacity.overhead"), say("speed.read"),
                       say("speed.write"), say("rebuild.domain"), say("durability.annual_loss"),
                       say("money.month"), say("money.usable"));
  }
  return out;
}

std::string sweep_json(const Sweep& sweep) {
  json::array out;
  for (const SweepPoint& point : sweep.points) {
    json::object one{{"value", point.value}};
    if (sweep.also) one["also"] = point.also;
    if (point.plan) {
      one["figures"] = headlines_of(*point.plan);
    } else {
      one["refused"] = point.refused;
    }
    out.push_back(std::move(one));
  }
  json::object root{{"name", sweep.name}, {"vary", sweep.variation.key}};
  if (sweep.also) root["also"] = sweep.also->key;
  root["points"] = std::move(out);
  return json::serialize(root) + "\n";
}

std::string sensitivity_text(const Plan& plan, const std::vector<Sensitivity>& sensitivities) {
  std::string out =
      fmt::format("{}\nEach assumed datum at half and at twice what is assumed.\n", plan.name);
  for (const Sensitivity& s : sensitivities) {
    if (s.bars.empty()) continue;
    out += fmt::format("\n{}: {}\n", headline_label(s.figure), format_quantity(s.base));
    for (const Sensitivity::Bar& bar : s.bars)
      out += fmt::format("  {:<44}{:>16} .. {:<16} {}\n", bar.datum, format_quantity(bar.at_half),
                         format_quantity(bar.at_twice), bar_of(bar.swing, s.bars.front().swing));
  }
  return out;
}

std::string sensitivity_json(const Plan& plan, const std::vector<Sensitivity>& sensitivities) {
  json::array out;
  for (const Sensitivity& s : sensitivities) {
    json::array bars;
    for (const Sensitivity::Bar& bar : s.bars)
      bars.push_back(json::object{{"datum", bar.datum},
                                  {"at_half", bar.at_half.value},
                                  {"at_twice", bar.at_twice.value},
                                  {"swing", bar.swing}});
    out.push_back(json::object{
        {"figure", full_key(s.figure, s.base)}, {"base", s.base.value}, {"bars", bars}});
  }
  return json::serialize(json::object{{"name", plan.name}, {"sensitivity", out}}) + "\n";
}

}  // namespace atl::plan
