#include "plan/what_if_page.h"

#include <algorithm>

#include <fmt/format.h>

#include "plan/report.h"
#include "plan/svg.h"
#include "plan/svg_plot.h"

namespace atl::plan {
namespace {

constexpr std::string_view kStyle = R"(
.refused{stroke:var(--warn);stroke-width:2;fill:none}
circle{stroke:var(--paper);stroke-width:1}
td.no{color:var(--warn)}
td.w{white-space:nowrap}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}
.wide table{font-size:.8rem}.wide td,.wide th{padding-right:.55rem}
ul{padding-left:1.2rem}
h3{font-size:.95rem;font-weight:600;margin:0 0 .6rem}
)";

// One bar of a tornado has two lines of words and drawing; more than this is a page of its own.
constexpr size_t kTornadoMost = 12;
// Refusals that are listed below a sweep's plots; the table has all of them.
constexpr size_t kReasonsMost = 8;

const Figure& figure(const Plan& plan, std::string_view key) {
  return plan.sheet.at(key);
}
std::string say(const Plan& plan, std::string_view key) {
  return html_escaped(headline_text(plan, key));
}
std::string counted(uint64_t n) {
  return format_quantity(any(static_cast<double>(n)));
}
std::string cell(std::string_view words, std::string_view style = "n") {
  return fmt::format("<td class=\"{}\">{}</td>", style, words);
}
std::string drawn(std::string_view caption, const std::string& drawing) {
  return fmt::format("<figure><h3>{}</h3>{}</figure>\n", html_escaped(caption), drawing);
}
std::string quiet(std::string_view words) {
  return fmt::format("<p class=\"quiet\">{}</p>\n", html_escaped(words));
}
std::string list_of(const std::vector<std::string>& lines) {
  std::string out = "<ul>";
  for (const std::string& line : lines) out += fmt::format("<li>{}</li>", html_escaped(line));
  return out + "</ul>\n";
}

// "+12%", "x 3.2", "the same"
std::string change(double a, double b) {
  if (a == b) return "the same";
  if (a == 0 || b == 0) return "";
  const double ratio = b / a;
  if (ratio >= 2 || ratio <= 0.5) return fmt::format("× {:.3g}", ratio);
  return fmt::format("{:+.3g}%", (ratio - 1) * 100);
}

// --- sweep ---

struct SweptFigure {
  std::string_view key, title;
};
constexpr SweptFigure kSwept[] = {
    {"capacity.usable", "Usable room"},
    {"capacity.overhead", "Bytes stored for each byte kept"},
    {"durability.annual_loss", "Chance that an object is lost in a year"},
    {"money.usable", "Cost of usable room, for a TiB and month"},
    {"speed.read", "Read"},
    {"speed.write", "Write"},
    {"rebuild.domain", "Rebuild of a domain"},
    {"money.month", "Money a month"},
    {"failover.node_gap", "An address is away, its node lost"},
    {"failover.gap_in_a_year", "An address is away in a year"},
    {"failover.failed_in_a_year", "Requests that fail in a year"},
};

// Those that some point has.
std::vector<SweptFigure> swept_of(const Sweep& sweep) {
  std::vector<SweptFigure> out;
  for (const SweptFigure& f : kSwept)
    if (std::ranges::any_of(sweep.points, [&f](const SweepPoint& point) {
          return point.plan && point.plan->sheet.find(f.key) != nullptr;
        }))
      out.push_back(f);
  return out;
}

// A refusal names the line that the value stood for; a reader of the page has the value.
std::string without_origin(const std::string& reason) {
  const size_t at = reason.find(": ");
  return reason.starts_with("--vary") && at != reason.npos ? reason.substr(at + 2) : reason;
}

std::string swept_plot(const Sweep& sweep, const SweptFigure& which) {
  Plot p{std::string(which.title), sweep.variation.key, sweep.variation.values, {}, {}};
  const auto own = std::ranges::find(p.places, sweep.own);
  if (own != p.places.end()) p.own = static_cast<size_t>(own - p.places.begin());
  for (size_t i = 0; i < sweep.points.size(); ++i) {
    const SweepPoint& point = sweep.points[i];
    if (i % p.places.size() == 0)
      p.lines.push_back(
          {sweep.also ? fmt::format("{} = {}", sweep.also->key, point.also) : std::string(), {}});
    const Figure* at = point.plan ? point.plan->sheet.find(which.key) : nullptr;
    if (at != nullptr) {
      p.lines.back().values.emplace_back(at->value);
    } else {
      p.lines.back().values.emplace_back(std::nullopt);
    }
  }
  return plot(p);
}

// The same at every point: a line of words instead of a plot.
bool stays(const Sweep& sweep, std::string_view key) {
  std::optional<double> first;
  for (const SweepPoint& point : sweep.points) {
    const Figure* at = point.plan ? point.plan->sheet.find(key) : nullptr;
    if (at == nullptr) continue;
    const double value = at->value.value;
    if (first && *first != value) return false;
    first = value;
  }
  return true;
}

std::string unchanged(const Sweep& sweep) {
  std::vector<std::string> lines;
  for (const SweptFigure& f : swept_of(sweep)) {
    if (!stays(sweep, f.key)) continue;
    const auto one = std::ranges::find_if(sweep.points, [&f](const auto& p) {
      return p.plan && p.plan->sheet.find(f.key) != nullptr;
    });
    lines.push_back(fmt::format("{}: {}", f.title, headline_text(*one->plan, f.key)));
  }
  return lines.empty() ? "" : "<h2>What it does not change</h2>" + list_of(lines);
}

// Each value and why it is refused, as far as they fit.
std::string refusals(const Sweep& sweep) {
  std::vector<std::string> lines;
  size_t refused = 0;
  for (const SweepPoint& point : sweep.points) {
    if (point.plan) continue;
    ++refused;
    if (lines.size() == kReasonsMost) continue;
    lines.push_back(fmt::format(
        "{}{}: {}", point.value,
        sweep.also ? fmt::format(" with {} = {}", sweep.also->key, point.also) : std::string(),
        without_origin(point.refused)));
  }
  if (lines.empty()) return "";
  if (refused > lines.size())
    lines.push_back(fmt::format("and {} more; the table has them all", refused - lines.size()));
  return "<h2>Refused</h2>" + quiet("A cross on the axis: there is no such cluster.") +
         list_of(lines);
}

// Where some domains are a node larger than others, and room lies idle.
std::string uneven(const Sweep& sweep) {
  std::string at;
  for (const SweepPoint& point : sweep.points)
    if (point.plan && figure(*point.plan, "capacity.uneven").value.value > 0)
      at += fmt::format("{}{}{}", at.empty() ? "" : ", ", point.value,
                        sweep.also ? " with " + point.also : std::string());
  if (at.empty()) return "";
  return quiet("Some room is out of reach, some domains being a node larger, at " + at + ".");
}

std::string sweep_table(const Sweep& sweep) {
  std::string out = "<h2>The numbers</h2><div class=\"wide\"><table><tr>";
  if (sweep.also) out += fmt::format("<th>{}</th>", html_escaped(sweep.also->key));
  out += fmt::format("<th>{}</th>", html_escaped(sweep.variation.key));
  const std::vector<SweptFigure> swept = swept_of(sweep);
  for (const SweptFigure& f : swept) {
    const std::string_view label = headline_label(f.key);
    out += fmt::format("<th class=\"n\">{}</th>", html_escaped(label));
  }
  out += "</tr>\n";
  for (const SweepPoint& point : sweep.points) {
    out += "<tr>";
    if (sweep.also) out += cell(html_escaped(point.also), "");
    out += cell(html_escaped(point.value), "");
    if (point.plan) {
      for (const SweptFigure& f : swept) out += cell(say(*point.plan, f.key));
    } else {
      out += fmt::format("<td class=\"no\" colspan=\"{}\">{}</td>", swept.size(),
                         html_escaped(without_origin(point.refused)));
    }
    out += "</tr>\n";
  }
  return out + "</table></div>\n";
}

// --- cheapest ---

std::string name_of(const Candidate& c) {
  return c.shape + (c.network == "tier1" ? " tier1" : "");
}

// A label that fits beside a bar: the shape's name without what all of them begin with.
std::string short_name(const Candidate& c, const std::vector<Cheapest::Choice>& all) {
  std::string common = all.front().candidate.shape;
  for (const auto& choice : all) {
    const auto [here, there] = std::ranges::mismatch(common, choice.candidate.shape);
    common.resize(static_cast<size_t>(here - common.begin()));
  }
  const size_t dash = common.rfind('-');
  const size_t skip = all.size() < 2 || dash == common.npos ? 0 : dash + 1;
  constexpr size_t kFits = 14;
  std::string out = name_of(c).substr(skip);
  if (out.size() > kFits) {
    // The end tells tier1 and metal apart, the beginning how large it is.
    const std::string tail = c.network == "tier1" ? " t1" : "";
    out = out.substr(0, kFits - 1 - tail.size()) + "…" + tail;
  }
  return out;
}

std::string choice_bars(const Cheapest& found, std::string_view key, std::string_view title) {
  std::vector<Bar> lines;
  for (const auto& choice : found.by_shape)
    lines.push_back({short_name(choice.candidate, found.by_shape),
                     figure(choice.plan, key).value.value, headline_text(choice.plan, key),
                     lines.empty()});
  return drawn(title, bars(title, lines));
}

std::string choice_table(const Cheapest& found) {
  std::string out =
      "<h2>The cheapest of each shape</h2><div class=\"wide\"><table><tr><th>shape</th><th "
      "class=\"n\">nodes</th><th class=\"n\">domains</th><th class=\"n\">stripe</th>";
  const std::vector<std::string> keys = headline_figures(found.by_shape.front().plan);
  for (const std::string& key : keys)
    out += fmt::format("<th class=\"n\">{}</th>", html_escaped(headline_label(key)));
  out += "</tr>\n";
  for (const auto& choice : found.by_shape) {
    const Candidate& c = choice.candidate;
    out += "<tr>" + cell(html_escaped(name_of(c)), "w") + cell(fmt::format("{}", c.nodes)) +
           cell(fmt::format("{}", c.domains)) + cell(fmt::format("{}+{}", c.k, c.m));
    for (const std::string& key : keys) out += cell(say(choice.plan, key));
    out += "</tr>\n";
  }
  return out + "</table></div>\n";
}

}  // namespace

std::string comparison_html(const Plan& a, const Plan& b, const Comparison& comparison) {
  std::string out = quiet(a.catalogue + ". A figure with a * rests on something assumed.");
  out += fmt::format("<p><b>A</b> {}<br><b>B</b> {}</p>\n", html_escaped(a.name),
                     html_escaped(b.name));
  out += "<h2>Asked differently</h2>";
  out += comparison.asked.empty() ? quiet("Nothing.") : list_of(comparison.asked);
  out += "<h2>Side by side</h2><div class=\"two\">";
  for (const Comparison::Row& row : comparison.rows) {
    const std::string_view label = headline_label(row.figure);
    const std::string by = change(row.a.value, row.b.value);
    out += drawn(fmt::format("{}{}", label, by.empty() ? "" : "; B to A: " + by),
                 bars(label, {{"A", row.a.value, headline_text(a, row.figure), false},
                              {"B", row.b.value, headline_text(b, row.figure), true}}));
  }
  out += "</div>\n<h2>In words</h2>" + list_of(comparison.words);
  return page_of(fmt::format("{} and {}", a.name, b.name), out, kStyle);
}

std::string sweep_html(const Sweep& sweep) {
  std::string words = fmt::format("{} from {} to {}", sweep.variation.key,
                                  sweep.variation.values.front(), sweep.variation.values.back());
  if (sweep.also)
    words +=
        fmt::format(", for each of {} values of {}", sweep.also->values.size(), sweep.also->key);
  words += ". All else is as the scenario says";
  if (!sweep.own.empty())
    words += fmt::format(", which has {} = {} (the dashed line, where it is on the plot)",
                         sweep.variation.key, sweep.own);
  std::string out = quiet(words + ". A figure with a * rests on something assumed.");
  out += "<h2>What it does</h2><div class=\"two\">";
  for (const SweptFigure& f : swept_of(sweep))
    if (!stays(sweep, f.key)) out += drawn(f.title, swept_plot(sweep, f));
  out += "</div>\n" + unchanged(sweep) + refusals(sweep) + uneven(sweep) + sweep_table(sweep);
  return page_of(sweep.name, out, kStyle);
}

std::string sensitivity_html(const Plan& plan, const Shaken& shaken) {
  std::string out = quiet(plan.catalogue +
                          ". Each assumed datum at half and at twice what is assumed; the dashed "
                          "line is the plan, the widest bar is what to find out first.");
  out += "<div class=\"two\">";
  std::vector<std::string> certain;
  for (const Sensitivity& s : shaken.figures) {
    const std::string_view label = headline_label(s.figure);
    if (s.bars.empty()) {
      certain.push_back(fmt::format("{}: {}", label, format_quantity(s.base)));
      continue;
    }
    std::vector<Range> lines;
    for (const Sensitivity::Bar& bar : s.bars) {
      if (lines.size() == kTornadoMost) break;
      const size_t dot = bar.datum.rfind('.');
      lines.push_back({bar.datum.substr(dot + 1), bar.at_half.value, bar.at_twice.value,
                       format_quantity(bar.at_half) + " .. " + format_quantity(bar.at_twice)});
    }
    std::string caption = fmt::format("{}: {}", label, format_quantity(s.base));
    if (s.bars.size() > lines.size())
      caption += fmt::format("; {} narrower ones are not drawn", s.bars.size() - lines.size());
    out += drawn(caption, ranges(label, s.base.value, lines));
  }
  out += "</div>\n";
  if (!certain.empty()) out += "<h2>What no assumption moves</h2>" + list_of(certain);
  if (!shaken.notes.empty())
    out += "<h2>What could not be halved and doubled</h2>" + list_of(shaken.notes);
  return page_of(plan.name + ": what the assumptions are worth", out, kStyle);
}

std::string cheapest_html(const Cheapest& found) {
  const Cheapest::Choice& best = found.by_shape.front();
  const Candidate& c = best.candidate;
  std::string out =
      quiet(fmt::format("{}. The cheapest of {} clusters, {} of them computed. A figure with a * "
                        "rests on something assumed.",
                        best.plan.catalogue, counted(found.space), counted(found.evaluated)));
  out += fmt::format("<p><b>{} × {}</b> in {} domains, {}+{}</p>\n<div class=\"cards\">", c.nodes,
                     html_escaped(name_of(c)), c.domains, c.k, c.m);
  for (const std::string& key : headline_figures(best.plan))
    out += fmt::format("<div class=\"card\"><b>{}</b>{}</div>", say(best.plan, key),
                       html_escaped(headline_label(key)));
  out += "</div>\n<h2>Against the other shapes</h2><div class=\"two\">";
  out += choice_bars(found, "money.month", "Money a month");
  out += choice_bars(found, "money.usable", "Usable room costs");
  out += choice_bars(found, "capacity.usable", "Usable room");
  out += choice_bars(found, "speed.read", "Read");
  out += "</div>\n" + choice_table(found);
  return page_of(best.plan.name, out, kStyle);
}

}  // namespace atl::plan
