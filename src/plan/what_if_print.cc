// What-ifs as text and JSON.
#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

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
  for (const std::string& key : headline_figures(plan)) {
    const Figure& figure = plan.sheet.at(key);
    out[full_key(key, figure.value)] =
        json::object{{"value", figure.value.value}, {"assumed", figure.assumed}};
  }
  return out;
}

}  // namespace

std::string comparison_text(const Plan& a, const Plan& b, const Comparison& comparison) {
  std::string out = fmt::format("A  {}\nB  {}\n\nASKED DIFFERENTLY\n", a.name, b.name);
  if (comparison.asked.empty()) out += "  nothing\n";
  for (const std::string& line : comparison.asked) out += fmt::format("  {}\n", line);
  out += fmt::format("\n  {:<32}{:>22}{:>22}\n", "", "A", "B");
  for (const Comparison::Row& row : comparison.rows)
    out += fmt::format("  {:<32}{:>22}{:>22}\n", headline_label(row.figure),
                       headline_text(a, row.figure), headline_text(b, row.figure));
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
  struct Column {
    std::string_view title, key;
    int width;
  };
  std::vector<Column> columns{{"usable", "capacity.usable", 14},
                              {"overhead", "capacity.overhead", 10},
                              {"read", "speed.read", 14},
                              {"write", "speed.write", 14},
                              {"rebuild", "rebuild.domain", 12},
                              {"loss/year", "durability.annual_loss", 12},
                              {"month", "money.month", 15},
                              {"usable costs", "money.usable", 22},
                              {"node's gap", "failover.node_gap", 13},
                              {"away a year", "failover.gap_in_a_year", 13}};
  std::erase_if(columns, [&sweep](const Column& column) {
    return std::ranges::none_of(sweep.points, [&column](const SweepPoint& point) {
      return point.plan && point.plan->sheet.find(column.key) != nullptr;
    });
  });
  std::string out, uneven;
  std::string_view before;
  for (const SweepPoint& point : sweep.points) {
    if (out.empty() || point.also != before) {
      if (sweep.also)
        out += fmt::format("{}{} = {}\n", out.empty() ? "" : "\n", sweep.also->key, point.also);
      out += fmt::format("{:<18}", sweep.variation.key);
      for (const Column& column : columns) out += fmt::format("{:>{}}", column.title, column.width);
      out += "\n";
      before = point.also;
    }
    if (!point.plan) {
      out += fmt::format("{:<18}  {}\n", point.value, point.refused);
      continue;
    }
    out += fmt::format("{:<18}", point.value);
    for (const Column& column : columns)
      out += fmt::format("{:>{}}", headline_text(*point.plan, column.key), column.width);
    out += "\n";
    if (point.plan->sheet.at("capacity.uneven").value.value > 0)
      uneven += fmt::format("{}{}{}", uneven.empty() ? "" : ", ", point.value,
                            sweep.also ? " with " + point.also : std::string());
  }
  out += "\nA figure with a * rests on something assumed.\n";
  if (!uneven.empty())
    out += fmt::format("Some room is out of reach, some domains being a node larger, at {}.\n",
                       uneven);
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

std::string sensitivity_text(const Plan& plan, const Shaken& shaken) {
  std::string out =
      fmt::format("{}\nEach assumed datum at half and at twice what is assumed.\n", plan.name);
  for (const Sensitivity& s : shaken.figures) {
    if (s.bars.empty()) continue;
    out += fmt::format("\n{}: {}\n", headline_label(s.figure), format_quantity(s.base));
    for (const Sensitivity::Bar& bar : s.bars)
      out += fmt::format("  {:<44}{:>16} .. {:<16} {}\n", bar.datum, format_quantity(bar.at_half),
                         format_quantity(bar.at_twice), bar_of(bar.swing, s.bars.front().swing));
  }
  if (!shaken.notes.empty()) out += "\n";
  for (const std::string& note : shaken.notes) out += fmt::format("  - {}\n", note);
  return out;
}

std::string sensitivity_json(const Plan& plan, const Shaken& shaken) {
  json::array out;
  for (const Sensitivity& s : shaken.figures) {
    json::array bars;
    for (const Sensitivity::Bar& bar : s.bars)
      bars.push_back(json::object{{"datum", bar.datum},
                                  {"at_half", bar.at_half.value},
                                  {"at_twice", bar.at_twice.value},
                                  {"swing", bar.swing}});
    out.push_back(json::object{
        {"figure", full_key(s.figure, s.base)}, {"base", s.base.value}, {"bars", bars}});
  }
  json::array notes;
  for (const std::string& note : shaken.notes) notes.push_back(json::string(note));
  return json::serialize(
             json::object{{"name", plan.name}, {"sensitivity", out}, {"notes", notes}}) +
         "\n";
}

}  // namespace atl::plan
