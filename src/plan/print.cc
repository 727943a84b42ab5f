#include "plan/print.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "plan/sections.h"
#include "plan/simulate.h"
#include "plan/what_if.h"

namespace atl::plan {
namespace {

namespace json = boost::json;

class Page {
 public:
  explicit Page(const Plan& plan) : plan_(plan) {}

  std::string text() {
    out_ = fmt::format("{}\n{}\n", plan_.name, plan_.catalogue);
    head("CAPACITY");
    line("raw", "capacity.raw");
    line("set aside for Atoll itself", "capacity.set_aside");
    line("spare, to rebuild into", "capacity.spare");
    if (of("capacity.uneven") > 0)
      line("uneven, out of reach", "capacity.uneven", "some domains are a node larger than others");
    line("usable", "capacity.usable",
         fmt::format("{:.3g} stored for 1 kept; {} domain(s) may be lost", of("capacity.overhead"),
                     of("cluster.domains_survived")));
    head("SPEED");
    for (const Speed& speed : plan_.speeds) add_speed(speed);
    const bool survives = of("cluster.domains_survived") > 0;
    if (survives) {
      line("read while rebuilding", "rebuild.read_meanwhile",
           fmt::format("with a domain lost; {} less than whole", say("rebuild.read_lost")));
    } else {
      without("read while rebuilding", "no domain may be lost: nothing with a shard in it is left");
    }
    head("REBUILD");
    if (of("asked.cluster.parity_shards") > 0) {
      line("one SSD", "rebuild.device");
      line("one node", "rebuild.node");
    } else {
      without("one SSD, or one node", "all lost: there is no parity to rebuild from");
    }
    const std::string drained =
        fmt::format("{} to empty it while it is there", say("rebuild.drain_domain"));
    if (survives) {
      line("one domain", "rebuild.domain", drained);
    } else {
      without("one domain", "all lost; " + drained);
    }
    line("maintenance, domain by domain", "rebuild.maintenance_in_place",
         survives ? fmt::format("{} if each came back blank", say("rebuild.maintenance_wave"))
                  : std::string("what is in the one that is away cannot be read meanwhile"));
    head("DURABILITY");
    line("an object lost in a year", "durability.annual_loss",
         fmt::format("any at all: at most {}{}", say("durability.any_loss_at_most"),
                     simulated_words(plan_).empty() ? "" : "; " + simulated_words(plan_)));
    line("mean time to that", "durability.mean_time_to_loss");
    line("an object unreachable in a year", "availability.unavailable_in_a_year");
    out_ += failover_text(plan_);
    head("MONEY A MONTH");
    for (const Figure& figure : plan_.sheet.figures())
      if (figure.key.starts_with("money.") && figure.key != "money.month" &&
          figure.key != "money.usable")
        line(label_of(figure.key), figure.key);
    line(
        "together", "money.month",
        fmt::format("{} usable; {} read, {} written", format_quantity(figure("money.usable").value),
                    format_quantity(figure("unit_cost.read").value),
                    format_quantity(figure("unit_cost.write").value)));
    out_ += block_text(plan_) + hibernation_text(plan_) + locality_text(plan_);
    out_ += "\n";
    for (const std::string& note : plan_.notes) out_ += fmt::format("  - {}\n", note);
    return std::move(out_);
  }

 private:
  const Figure& figure(std::string_view key) { return plan_.sheet.at(key); }
  double of(std::string_view key) { return figure(key).value.value; }
  std::string say(std::string_view key) { return format_quantity(figure(key).value); }
  static std::string label_of(std::string_view key) {
    std::string label(key.substr(key.find('.') + 1));
    for (char& c : label)
      if (c == '_') c = ' ';
    return label;
  }
  void head(std::string_view title) { out_ += fmt::format("\n{}\n", title); }
  void line(std::string_view label, std::string_view key, std::string_view note = {}) {
    const Figure& f = figure(key);
    out_ +=
        fmt::format("  {:<34}{:>16}{} {}\n", label, format_quantity(f.value), f.assumed ? "*" : " ",
                    note.empty() ? std::string() : fmt::format("  {}", note));
    while (out_.size() >= 2 && out_[out_.size() - 2] == ' ') out_.erase(out_.size() - 2, 1);
  }
  void without(std::string_view label, std::string_view note) {
    out_ += fmt::format("  {:<34}{:>16}    {}\n", label, "-", note);
  }
  void add_speed(const Speed& speed) {
    std::string note = fmt::format("bound by {}", speed.limits.front().what);
    if (speed.limits.size() > 1)
      note += fmt::format("; then {} at {}", speed.limits[1].what,
                          format_quantity(figure(speed.limits[1].figure).value));
    if (!speed.asked.empty())
      note += fmt::format("; asked {}: {}", format_quantity(figure(speed.asked).value),
                          speed.holds ? "holds" : "DOES NOT HOLD");
    line(label_of("speed." + speed.name), speed.figure, note);
  }

  const Plan& plan_;
  std::string out_;
};

}  // namespace

std::string plan_text(const Plan& plan) {
  return Page(plan).text();
}

std::string plan_json(const Plan& plan) {
  json::object figures;
  for (const Figure& figure : plan.sheet.figures()) {
    json::object one;
    one["value"] = figure.value.value;
    one["assumed"] = figure.assumed;
    if (!figure.how.empty()) one["how"] = figure.how;
    if (!figure.origin.empty()) one["origin"] = figure.origin;
    if (!figure.source.empty()) one["source"] = figure.source;
    json::array inputs;
    for (const std::string& input : figure.inputs)
      inputs.push_back(json::string(input + key_suffix(plan.sheet.find(input)->value.dimensions)));
    one["inputs"] = std::move(inputs);
    figures[figure.key + key_suffix(figure.value.dimensions)] = std::move(one);
  }
  auto full_key = [&plan](const std::string& key) {
    return json::string(key + key_suffix(plan.sheet.find(key)->value.dimensions));
  };
  json::array speeds;
  for (const Speed& speed : plan.speeds) {
    json::array limits;
    for (const Limit& limit : speed.limits)
      limits.push_back(json::object{{"what", limit.what}, {"figure", full_key(limit.figure)}});
    json::object one{{"name", speed.name}, {"figure", full_key(speed.figure)}, {"limits", limits}};
    if (!speed.asked.empty()) {
      one["asked"] = full_key(speed.asked);
      one["holds"] = speed.holds;
    }
    speeds.push_back(std::move(one));
  }
  json::array widths;
  for (const Width& width : plan.widths)
    widths.push_back(json::object{{"domains", width.domains},
                                  {"domains_survived", width.lost},
                                  {"data_shards", width.data},
                                  {"overhead", width.overhead}});
  json::array notes;
  for (const std::string& note : plan.notes) notes.push_back(json::string(note));
  json::object root{{"name", plan.name}, {"catalogue", plan.catalogue}, {"figures", figures},
                    {"speeds", speeds},  {"widest_stripes", widths},    {"notes", notes}};
  if (plan.failover) root["failover"] = json::parse(failover_json(plan));
  return json::serialize(root) + "\n";
}

Result<std::string> plan_explained(const Plan& plan, std::string_view key) {
  if (!key.empty()) {
    if (plan.sheet.find(key) != nullptr) {
      const std::string played = key.starts_with("durability.") ? simulated_words(plan) : "";
      return plan.sheet.explain(key) +
             (played.empty() ? played : fmt::format("durability.annual_loss {}\n", played));
    }
    std::vector<std::string> keys;
    for (const Figure& figure : plan.sheet.figures()) keys.push_back(figure.key);
    const std::string near = nearest(key, keys);
    return fail(Errc::kNotFound,
                fmt::format("no figure is called {}{}", key,
                            near.empty() ? "" : fmt::format("; did you mean {}?", near)));
  }
  std::string out;
  for (const Figure& figure : plan.sheet.figures())
    if (!figure.inputs.empty()) out += plan.sheet.explain(figure.key) + "\n";
  return out;
}

Result<std::string> plans_explained(const std::vector<Labelled>& plans, std::string_view key) {
  std::string out;
  for (const Labelled& one : plans) {
    out += fmt::format("{}--- {}\n", out.empty() ? "" : "\n", one.label);
    if (!key.empty()) {
      ATOLL_TRY(const std::string text, plan_explained(*one.plan, key));
      out += text;
      continue;
    }
    for (const std::string& headline : headline_figures(*one.plan))
      out += one.plan->sheet.explain(headline) + "\n";
  }
  return out;
}

}  // namespace atl::plan
