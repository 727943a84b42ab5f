#include "plan/sections.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "plan/svg.h"

namespace atl::plan {
namespace {

namespace json = boost::json;

const Figure& figure(const Plan& plan, std::string_view key) {
  return plan.sheet.at(key);
}
std::string say(const Plan& plan, std::string_view key) {
  const Figure& f = figure(plan, key);
  return format_quantity(f.value) + (f.assumed ? "*" : "");
}
double of(const Plan& plan, std::string_view key) {
  return figure(plan, key).value.value;
}
std::string seconds(double s) {
  return s < 1 ? fmt::format("{:.2g} s", s) : format_quantity(any(Seconds{s}));
}
std::string key_of(const std::string& mover, std::string_view what) {
  return fmt::format("failover.{}.{}", mover, what);
}
std::string percent(double share) {
  return fmt::format("{:.3g}%", share * 100);
}
// "99.9963%": as many nines as there are.
std::string availability(double gap_seconds) {
  const double away = gap_seconds / kYear.value;
  return fmt::format("{:.{}f}%", (1 - away) * 100, away < 1e-6 ? 6 : away < 1e-4 ? 4 : 3);
}
// "371 million"
std::string rounded(double count) {
  if (count >= 1e9) return fmt::format("{:.3g} billion", count / 1e9);
  if (count >= 1e6) return fmt::format("{:.3g} million", count / 1e6);
  return format_quantity(any(std::round(count)));
}
std::string failed(const Plan& plan, const std::string& mover) {
  const Figure* f = plan.sheet.find(key_of(mover, "failed_in_a_year"));
  return f == nullptr ? "-" : rounded(f->value.value);
}

// Of the API's quotas, in the failover of a domain.
std::string api_use(const Gap& gap) {
  if (gap.quota.empty()) return "none";
  return fmt::format("{:.2g}% of {}", gap.quota_share * 100, gap.quota);
}

// --- Block storage, by what it costs ---

struct Block {
  std::string kind;
  const Figure* month = nullptr;
  const Figure* replicated = nullptr;
};
std::vector<Block> blocks(const Plan& plan) {
  constexpr std::string_view kBegin = "block.", kEnd = ".month";
  std::vector<Block> out;
  for (const Figure& f : plan.sheet.figures()) {
    if (!f.key.starts_with(kBegin) || !f.key.ends_with(kEnd)) continue;
    const std::string kind = f.key.substr(6, f.key.size() - kBegin.size() - kEnd.size());
    out.push_back({kind, &f, plan.sheet.find(fmt::format("block.{}.month_replicated", kind))});
  }
  std::ranges::stable_sort(out, [](const Block& a, const Block& b) {
    return a.month->value.value < b.month->value.value;
  });
  return out;
}

struct Line {
  std::string_view label, key;
};
constexpr Line kHibernation[] = {
    {"share of the month that machines run", "hibernate.use"},
    {"until all is back", "hibernate.rehydrate"},
    {"saved a month", "hibernate.saved"},
};
constexpr Line kLocality[] = {
    {"read across the border each time", "locality.across"},
    {"a cache beside the accelerators", "locality.cache"},
    {"all copied", "locality.copy"},
};

std::string text_lines(const Plan& plan, std::string_view title, const auto& lines) {
  std::string out = fmt::format("\n{}\n", title);
  for (const Line& line : lines) {
    const Figure& f = figure(plan, line.key);
    out += fmt::format("  {:<34}{:>16}{}\n", line.label, format_quantity(f.value),
                       f.assumed ? "*" : "");
  }
  return out;
}

std::string drawn(std::string_view caption, const std::string& drawing) {
  return fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", drawing,
                     html_escaped(caption));
}

json::object gap_json(const Gap& gap) {
  json::object out{{"addresses", gap.away},    {"median_seconds", gap.median},
                   {"p99_seconds", gap.p99},   {"mean_seconds", gap.mean},
                   {"last_seconds", gap.last}, {"last_p99_seconds", gap.last_p99}};
  if (!gap.quota.empty()) {
    out["quota"] = gap.quota;
    out["quota_used"] = gap.quota_share;
  }
  return out;
}

}  // namespace

// --- Text ---

std::string failover_text(const Plan& plan) {
  if (!plan.failover) return {};
  const Failover& f = *plan.failover;
  std::string out = fmt::format("\nFAILOVER of {:.0f} address(es), with a lease of {}\n",
                                f.facts.addresses, seconds(f.facts.lease));
  out +=
      fmt::format("  {:<12}{:>19}{:>18}{:>11}{:>13}{:>15}{:>14}\n", "", "node lost: 50/99%",
                  "domain: last back", "drained", "away a year", "availability", "failed a year");
  for (const Failover::Row& row : f.movers) {
    const std::string name = (row.chosen ? "> " : "  ") + row.mover;
    if (!row.refused.empty()) {
      out += fmt::format("{:<14}  cannot: {}\n", name, row.refused);
      continue;
    }
    const double year = of(plan, key_of(row.mover, "gap_in_a_year"));
    out += fmt::format("{:<14}{:>19}{:>18}{:>11}{:>13}{:>15}{:>14}\n", name,
                       seconds(row.node.median) + " / " + seconds(row.node.p99),
                       seconds(row.domain.last), seconds(row.drain.median), seconds(year),
                       availability(year), failed(plan, row.mover));
  }
  return out +
         "  linux-arp: on a plain segment only; gcp-pool: for a client that stays with one "
         "address\n";
}

std::string hibernation_text(const Plan& plan) {
  if (plan.sheet.find("hibernate.use") == nullptr) return {};
  return text_lines(plan, "HIBERNATION", kHibernation);
}

std::string locality_text(const Plan& plan) {
  if (plan.sheet.find("locality.across") == nullptr) return {};
  return text_lines(plan, "LOCALITY, A MONTH", kLocality);
}

std::string block_text(const Plan& plan) {
  const std::vector<Block> all = blocks(plan);
  if (all.empty()) return {};
  std::string rest;
  for (size_t i = 1; i < all.size(); ++i)
    rest += fmt::format("{}{} {}", i == 1 ? "; " : ", ", all[i].kind,
                        format_quantity(all[i].month->value));
  return fmt::format("  {:<34}{:>16}{}   {}{}\n", "as block storage, disks alone",
                     format_quantity(all.front().month->value),
                     all.front().month->assumed ? "*" : " ", all.front().kind, rest);
}

// --- JSON ---

std::string failover_json(const Plan& plan) {
  if (!plan.failover) return {};
  const Failover& f = *plan.failover;
  json::array movers;
  for (const Failover::Row& row : f.movers) {
    json::object one{{"mover", row.mover}, {"chosen", row.chosen}};
    if (!row.refused.empty()) {
      one["refused"] = row.refused;
    } else {
      one["node"] = gap_json(row.node);
      one["domain"] = gap_json(row.domain);
      one["drain"] = gap_json(row.drain);
    }
    movers.push_back(std::move(one));
  }
  json::array scale;
  for (const AtScale& row : failover_at_scale(f)) {
    json::object one{{"mover", row.mover}, {"nodes", row.nodes}, {"addresses", row.addresses}};
    if (!row.refused.empty()) {
      one["refused"] = row.refused;
    } else {
      one["node"] = gap_json(row.node);
      one["domain"] = gap_json(row.domain);
    }
    scale.push_back(std::move(one));
  }
  return json::serialize(json::object{{"movers", movers}, {"at_scale", scale}});
}

// --- HTML ---

std::string failover_html(const Plan& plan) {
  if (!plan.failover) return {};
  const Failover& f = *plan.failover;
  std::string out = "<h2>How long an address is away</h2>\n<div class=\"two\">";
  std::vector<Bar> node, domain;
  for (const Failover::Row& row : f.movers) {
    if (!row.refused.empty()) continue;
    node.push_back({row.mover, row.node.median,
                    seconds(row.node.median) + " / " + seconds(row.node.p99), row.chosen});
    domain.push_back({row.mover, row.domain.last, seconds(row.domain.last), row.chosen});
  }
  out += drawn("A node is lost: the gap at the median, and at the 99th percentile.",
               bars("A node is lost", node));
  out += drawn("A domain is lost: until the last address is back, at the median.",
               bars("A domain is lost", domain));
  out +=
      "</div>\n<div class=\"wide\"><table><tr><th>mover</th><th>node lost, median / 99%</th>"
      "<th>domain lost, last back</th><th>drained</th><th>away a year</th><th>availability</th>"
      "<th>failed a year</th><th>of a minute's quota</th></tr>\n";
  for (const Failover::Row& row : f.movers) {
    const std::string name =
        row.chosen ? fmt::format("<b>{}</b>", row.mover) : html_escaped(row.mover);
    if (!row.refused.empty()) {
      out += fmt::format("<tr><td class=\"name\">{}</td><td colspan=\"7\">cannot: {}</td></tr>\n",
                         name, html_escaped(row.refused));
      continue;
    }
    const double year = of(plan, key_of(row.mover, "gap_in_a_year"));
    out += fmt::format(
        "<tr><td class=\"name\">{}</td><td>{} / "
        "{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>"
        "<td>{}</td></tr>\n",
        name, seconds(row.node.median), seconds(row.node.p99), seconds(row.domain.last),
        seconds(row.drain.median), seconds(year), availability(year), failed(plan, row.mover),
        html_escaped(api_use(row.domain)));
  }
  out +=
      "</table></div>\n<p class=\"quiet\">The same with other numbers of nodes and as many "
      "addresses each: a domain is lost, and until the last address is back it takes, at the "
      "median:</p>\n<div class=\"wide\"><table><tr><th>mover</th>";
  for (const double nodes : kScaleNodes) out += fmt::format("<th>{:.0f} nodes</th>", nodes);
  out += "</tr>\n";
  std::string mover;
  for (const AtScale& row : failover_at_scale(f)) {
    if (row.mover != mover)
      out += fmt::format("{}<tr><td class=\"name\">{}</td>", mover.empty() ? "" : "</tr>\n",
                         row.mover);
    mover = row.mover;
    out += row.refused.empty()
               ? fmt::format("<td>{}{}</td>", seconds(row.domain.last),
                             row.domain.quota_share > 1
                                 ? fmt::format(", {} bind", html_escaped(row.domain.quota))
                                 : std::string())
               : fmt::format("<td class=\"quiet\">cannot</td>");
  }
  return out +
         "</tr>\n</table></div>\n<p class=\"quiet\">linux-arp needs a plain segment, which no "
         "cloud network is. gcp-pool: for a client that stays with one address.</p>\n";
}

std::string hibernation_html(const Plan& plan) {
  if (plan.sheet.find("hibernate.use") == nullptr) return {};
  const double whole = of(plan, "machines.whole_month");
  const double running = of(plan, "machines.month");
  const double bucket = of(plan, "money.asleep_storage") + of(plan, "money.asleep_operations");
  const double saved = std::max(0.0, whole - running - bucket);
  auto dollars = [](double d) { return format_quantity(any(Dollars{d})); };
  return "<h2>Nights and weekends away</h2>\n" +
         drawn(fmt::format("Machines run {} of the month. Until all is in the bucket: {}; until "
                           "all is back: {}.",
                           percent(of(plan, "hibernate.use")), say(plan, "hibernate.offload"),
                           say(plan, "hibernate.rehydrate")),
               stacked_bar("Hibernation", {{"machines that run " + dollars(running), running},
                                           {"the bucket, for that " + dollars(bucket), bucket},
                                           {"saved " + say(plan, "hibernate.saved"), saved}}));
}

std::string locality_html(const Plan& plan) {
  if (plan.sheet.find("locality.across") == nullptr) return {};
  std::vector<Bar> lines;
  for (const Line& line : kLocality)
    lines.push_back({std::string(line.key.substr(line.key.find('.') + 1)), of(plan, line.key),
                     say(plan, line.key), false});
  std::ranges::min_element(lines, {}, &Bar::amount)->strong = true;
  std::string caption =
      "A month: each read crosses the border, a cache of Atoll beside the "
      "accelerators, all copied over there.";
  if (plan.sheet.find("locality.cache_pays_from_reads") != nullptr)
    caption += fmt::format(
        " A cache pays from {} reads of each byte, a copy from {}; a copy beats the cache when "
        "more than {} of the data are worked on.",
        say(plan, "locality.cache_pays_from_reads"), say(plan, "locality.copy_pays_from_reads"),
        percent(of(plan, "locality.copy_pays_from_working_set")));
  return "<h2>Data here, accelerators there</h2>\n" + drawn(caption, bars("Locality", lines));
}

std::string block_html(const Plan& plan) {
  const std::vector<Block> all = blocks(plan);
  if (all.empty()) return {};
  std::vector<Bar> lines{{"this plan", of(plan, "money.month"), say(plan, "money.month"), true}};
  for (const Block& block : all) {
    auto add = [&lines](std::string label, const Figure& f) {
      lines.push_back({std::move(label), f.value.value,
                       format_quantity(f.value) + (f.assumed ? "*" : ""), false});
    };
    // A label has room for some 16 letters.
    const bool hyperdisk = block.kind.starts_with("hyperdisk-");
    add(hyperdisk ? "hd-" + block.kind.substr(10) : block.kind, *block.month);
    if (block.replicated != nullptr) add("in two zones", *block.replicated);
  }
  return drawn(
      "The same room and bandwidth as block storage: the disks alone, without machines that "
      "serve them; in one zone, and in two. hd: Hyperdisk.",
      bars("Block storage", lines));
}

}  // namespace atl::plan
