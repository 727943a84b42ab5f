#include "plan/report.h"

#include <algorithm>

#include <fmt/format.h>

#include "plan/sections.h"
#include "plan/simulate.h"
#include "plan/svg.h"

namespace atl::plan {
namespace {

// The widest bars of a sensitivity; the rest moves less.
constexpr size_t kBarsMax = 8;

constexpr std::string_view kStyle = R"(
:root{--paper:#fff;--ink:#1b1f24;--quiet:#5d6875;--rule:#d9dee4;--card:#f5f7f9;--strong:#1f6feb;--weak:#9db8e0;
--c0:#1f6feb;--c1:#d9822b;--c2:#2a9d6f;--c3:#8e6bbf;--c4:#b0475c;--warn:#b3261e}
@media(prefers-color-scheme:dark){:root{--paper:#14171b;--ink:#e6e9ee;--quiet:#9aa5b1;--rule:#333a42;--card:#1d2228;
--strong:#6ea8fe;--weak:#3d5a85;--c0:#6ea8fe;--c1:#f0a35e;--c2:#5cc79a;--c3:#b79be0;--c4:#e08095;--warn:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:1240px;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.6rem;line-height:1.2;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .6rem;border-top:1px solid var(--rule);padding-top:1rem}
.quiet,figcaption{color:var(--quiet);font-size:.9rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(185px,1fr));gap:.7rem;margin:1.4rem 0}
.card{background:var(--card);border-radius:8px;padding:.7rem .9rem}.card b{display:block;font-size:1.15rem;overflow-wrap:anywhere}
.card.bad b{color:var(--warn)}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:1.6rem}
figure{margin:0 0 1rem}svg{width:100%;max-width:520px;height:auto;display:block;font:13px system-ui,sans-serif}
svg text{fill:var(--ink)}svg .quiet{fill:var(--quiet);font-size:13px}
.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}
.strong{fill:var(--strong)}.weak{fill:var(--weak)}.mark{stroke:var(--ink);stroke-dasharray:3 3}.grid{stroke:var(--rule)}
.line{fill:none;stroke-width:2.5}.s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}.s4{stroke:var(--c4)}
.wide{overflow-x:auto;max-width:100%}table{border-collapse:collapse;font-size:.85rem;min-width:640px}
td,th{text-align:left;vertical-align:top;padding:.25rem .7rem .25rem 0;border-bottom:1px solid var(--rule)}
td:nth-child(2),.name{white-space:nowrap}summary{cursor:pointer}
)";

class Report {
 public:
  Report(const Plan& plan, const Shaken& shaken) : plan_(plan), shaken_(shaken) {}

  std::string html() {
    out_ = fmt::format("<p class=\"quiet\">{}. A figure with a * rests on something assumed.</p>\n",
                       html_escaped(plan_.catalogue));
    cards();
    notes();
    capacity();
    speeds();
    widths();
    out_ += failover_html(plan_);
    money();
    out_ += block_html(plan_) + hibernation_html(plan_) + locality_html(plan_);
    tornado();
    table();
    return page_of(plan_.name, out_);
  }

 private:
  const Figure& figure(std::string_view key) { return plan_.sheet.at(key); }
  std::string say(std::string_view key) {
    const Figure& f = figure(key);
    return format_quantity(f.value) + (f.assumed ? "*" : "");
  }
  double of(std::string_view key) { return figure(key).value.value; }
  void head(std::string_view title) { out_ += fmt::format("<h2>{}</h2>\n", title); }
  void draw(std::string_view caption, std::string drawing) {
    out_ += fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", drawing,
                        html_escaped(caption));
  }

  void cards() {
    out_ += "<div class=\"cards\">";
    for (const std::string& key : headline_figures(plan_)) {
      bool holds = true;
      for (const Speed& speed : plan_.speeds)
        if (speed.figure == key) holds = speed.holds;
      out_ += fmt::format("<div class=\"card{}\"><b>{}</b>{}{}</div>", holds ? "" : " bad",
                          html_escaped(headline_text(plan_, key)), headline_label(key),
                          holds ? "" : ": less than is asked");
    }
    out_ += "</div>\n";
    if (const std::string words = simulated_words(plan_); !words.empty())
      out_ +=
          fmt::format("<p class=\"quiet\">An object lost in a year, {}</p>\n", html_escaped(words));
  }

  void notes() {
    out_ += "<ul>";
    for (const std::string& note : plan_.notes)
      out_ += fmt::format("<li>{}</li>", html_escaped(note));
    out_ += "</ul>\n";
  }

  void capacity() {
    head("Where the room goes");
    const double parity = of("capacity.raw") - of("capacity.set_aside") - of("capacity.spare") -
                          of("capacity.uneven") - of("capacity.usable");
    draw(fmt::format("Of {} raw. {:.0f} domain(s) may be lost.", say("capacity.raw"),
                     of("cluster.domains_survived")),
         stacked_bar("Capacity", {{"usable " + say("capacity.usable"), of("capacity.usable")},
                                  {"parity " + format_quantity(any(Bytes{parity})), parity},
                                  {"spare, to rebuild a lost domain into " + say("capacity.spare"),
                                   of("capacity.spare")},
                                  {"out of reach, domains being unequal " + say("capacity.uneven"),
                                   of("capacity.uneven")},
                                  {"set aside for Atoll itself " + say("capacity.set_aside"),
                                   of("capacity.set_aside")}}));
  }

  void speeds() {
    head("What limits the speed");
    out_ += "<div class=\"two\">";
    for (const Speed& speed : plan_.speeds) {
      std::vector<Bar> lines;
      for (const Limit& limit : speed.limits)
        lines.push_back({limit.what, of(limit.figure), say(limit.figure),
                         limit.figure == speed.limits.front().figure});
      std::string name = speed.name;
      std::ranges::replace(name, '_', ' ');
      const bool asked = !speed.asked.empty();
      draw(fmt::format("{}: {}, bound by {}.", name, say(speed.figure), speed.limits.front().what),
           bars(name, lines, asked ? of(speed.asked) : -1,
                asked ? "asked " + say(speed.asked) : std::string()));
    }
    out_ += "</div>\n";
  }

  void widths() {
    head("What more domains save");
    std::vector<Curve> lines;
    for (const Width& width : plan_.widths) {
      const std::string label = fmt::format("any {} lost", width.lost);
      if (std::ranges::find(lines, label, &Curve::label) == lines.end())
        lines.push_back({label, {}});
      auto at = std::ranges::find(lines, label, &Curve::label);
      at->points.emplace_back(width.domains, width.overhead);
    }
    draw(
        "Bytes stored for each byte kept, with the widest stripe that the domains allow: one shard "
        "in each.",
        curves("Overhead by domains", "domains", lines));
  }

  void money() {
    head("Money a month");
    std::vector<Bar> lines;
    for (const Figure& f : plan_.sheet.figures()) {
      if (!f.key.starts_with("money.") || f.key == "money.month" || f.key == "money.usable")
        continue;
      std::string label = f.key.substr(6);
      std::ranges::replace(label, '_', ' ');
      lines.push_back({label, f.value.value, say(f.key), false});
    }
    const auto dearest = std::ranges::max_element(lines, {}, &Bar::amount);
    if (dearest != lines.end()) dearest->strong = true;
    draw(fmt::format("Together {}; usable room costs {}.", say("money.month"), say("money.usable")),
         bars("Money", lines));
  }

  void tornado() {
    head("What the assumptions are worth");
    out_ +=
        "<p class=\"quiet\">Each assumed datum at half and at twice what is assumed; the dashed "
        "line is the plan.</p>"
        "<div class=\"two\">";
    for (const Sensitivity& s : shaken_.figures) {
      if (s.bars.empty()) continue;
      std::vector<Range> lines;
      for (const Sensitivity::Bar& bar : s.bars) {
        if (lines.size() == kBarsMax) break;
        const size_t dot = bar.datum.rfind('.');
        lines.push_back({bar.datum.substr(dot + 1), bar.at_half.value, bar.at_twice.value,
                         format_quantity(bar.at_half) + " .. " + format_quantity(bar.at_twice)});
      }
      draw(fmt::format("{}: {}", headline_label(s.figure), format_quantity(s.base)),
           ranges(headline_label(s.figure), s.base.value, lines));
    }
    out_ += "</div>\n";
    for (const std::string& note : shaken_.notes)
      out_ += fmt::format("<p class=\"quiet\">{}</p>\n", html_escaped(note));
  }

  void table() {
    head("Every figure");
    out_ +=
        "<details><summary>How each came about, and the data behind it</summary><div "
        "class=\"wide\"><table>"
        "<tr><th>figure</th><th>value</th><th>how</th><th>from</th></tr>\n";
    for (const Figure& f : plan_.sheet.figures()) {
      std::string from = f.origin;
      for (const std::string& input : f.inputs) from += (from.empty() ? "" : ", ") + input;
      if (!f.source.empty()) from += ": " + f.source;
      out_ += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                          html_escaped(f.key), html_escaped(say(f.key)), html_escaped(f.how),
                          html_escaped(from));
    }
    out_ += "</table></div></details>\n";
  }

  const Plan& plan_;
  const Shaken& shaken_;
  std::string out_;
};

}  // namespace

std::string page_of(std::string_view title, std::string_view body, std::string_view style) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<title>{0}</title><style>{1}{3}</style></head><body><main>\n<h1>{0}</h1>\n{2}</main></"
      "body></"
      "html>\n",
      html_escaped(title), kStyle, body, style);
}

std::string plan_html(const Plan& plan, const Shaken& shaken) {
  return Report(plan, shaken).html();
}

}  // namespace atl::plan
