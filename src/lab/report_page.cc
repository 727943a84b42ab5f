#include "lab/report_page.h"

#include <fmt/format.h>

#include "base/check.h"
#include "plan/report.h"
#include "plan/svg.h"

namespace atl::lab {
namespace {

constexpr std::string_view kMarks = "\\`*[]|<>";

// Beyond the style of the plan's pages: a sixth colour, dots, cells of words.
constexpr std::string_view kStyle = R"(
:root{--c5:#6b7785}@media(prefers-color-scheme:dark){:root{--c5:#8f9baa}}
.c5{fill:var(--c5)}.dot{fill:var(--strong);opacity:.6}.mid{stroke:var(--ink);stroke-width:2.5}
.late{stroke:var(--warn);stroke-width:2}
td code,h3 code,li code{white-space:nowrap}a{color:var(--strong)}code{font-size:.88em}h3{font-size:1rem;margin:1.4rem 0 .3rem}
td:nth-child(2){white-space:normal}td{overflow-wrap:break-word}p{margin:.5rem 0}li{margin:.3rem 0}
summary{margin:.8rem 0;font-weight:600}.wide{margin:.6rem 0}
)";

// From `at`, a mark of that kind up to the same again; npos: it is not closed.
size_t closing(std::string_view text, size_t at, std::string_view mark) {
  return text.find(mark, at + mark.size());
}

// "[words](address)" at `at`: appends it and returns where it ends; npos: it is none.
size_t take_link(std::string_view text, size_t at, std::string* out) {
  const size_t middle = text.find("](", at);
  const size_t end = middle == text.npos ? text.npos : text.find(')', middle);
  if (end == text.npos) return text.npos;
  *out += fmt::format("<a href=\"{}\">{}</a>",
                      plan::html_escaped(text.substr(middle + 2, end - middle - 2)),
                      inline_html(text.substr(at + 1, middle - at - 1)));
  return end + 1;
}

}  // namespace

std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      out.push_back(' ');
      continue;
    }
    if (kMarks.find(c) != kMarks.npos) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string inline_html(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.npos;
    if (text[at] == '\\' && at + 1 < text.size()) {
      out += plan::html_escaped(text.substr(at + 1, 1));
      end = at + 2;
    } else if (text.substr(at, 2) == "**" && closing(text, at, "**") != text.npos) {
      const size_t close = closing(text, at, "**");
      out += fmt::format("<b>{}</b>", inline_html(text.substr(at + 2, close - at - 2)));
      end = close + 2;
    } else if (text[at] == '`' && closing(text, at, "`") != text.npos) {
      const size_t close = closing(text, at, "`");
      out +=
          fmt::format("<code>{}</code>", plan::html_escaped(text.substr(at + 1, close - at - 1)));
      end = close + 1;
    } else if (text[at] == '[') {
      end = take_link(text, at, &out);
    }
    if (end == text.npos) {
      out += plan::html_escaped(text.substr(at, 1));
      end = at + 1;
    }
    at = end;
  }
  return out;
}

void ReportPage::heading(std::string_view text) {
  html_ += fmt::format("<h2>{}</h2>\n", inline_html(text));
  markdown_ += fmt::format("## {}\n\n", text);
}

void ReportPage::subheading(std::string_view text) {
  html_ += fmt::format("<h3>{}</h3>\n", inline_html(text));
  markdown_ += fmt::format("### {}\n\n", text);
}

void ReportPage::text(std::string_view words) {
  html_ += fmt::format("<p>{}</p>\n", inline_html(words));
  markdown_ += fmt::format("{}\n\n", words);
}

void ReportPage::quiet(std::string_view words) {
  html_ += fmt::format("<p class=\"quiet\">{}</p>\n", inline_html(words));
  markdown_ += fmt::format("{}\n\n", words);
}

void ReportPage::list(const std::vector<std::string>& items) {
  html_ += "<ul>\n";
  for (const std::string& item : items) {
    html_ += fmt::format("<li>{}</li>\n", inline_html(item));
    markdown_ += fmt::format("- {}\n", item);
  }
  html_ += "</ul>\n";
  markdown_ += "\n";
}

void ReportPage::table(const Row& head, const std::vector<Row>& rows) {
  auto put = [&](const Row& row, std::string_view tag) {
    ATOLL_CHECK(row.size() == head.size());
    html_ += "<tr>";
    markdown_ += "|";
    for (const std::string& cell : row) {
      html_ += fmt::format("<{0}>{1}</{0}>", tag, inline_html(cell));
      markdown_ += fmt::format(" {} |", cell);
    }
    html_ += "</tr>\n";
    markdown_ += "\n";
  };
  html_ += "<div class=\"wide\"><table>\n";
  put(head, "th");
  markdown_ += "|";
  for (size_t i = 0; i < head.size(); ++i) markdown_ += "---|";
  markdown_ += "\n";
  for (const Row& row : rows) put(row, "td");
  html_ += "</table></div>\n";
  markdown_ += "\n";
}

void ReportPage::figure(std::string_view svg, std::string_view caption, std::string_view instead) {
  html_ +=
      fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", svg, inline_html(caption));
  if (!instead.empty()) markdown_ += fmt::format("{}\n\n", instead);
}

void ReportPage::columns_begin() {
  html_ += "<div class=\"two\">\n";
}
void ReportPage::columns_end() {
  html_ += "</div>\n";
}

void ReportPage::fold_begin(std::string_view summary) {
  html_ += fmt::format("<details><summary>{}</summary>\n", inline_html(summary));
  markdown_ += fmt::format("**{}**\n\n", summary);
}
void ReportPage::fold_end() {
  html_ += "</details>\n";
}

std::string ReportPage::html(std::string_view title) const {
  return plan::page_of(title, html_, kStyle);
}

std::string ReportPage::markdown(std::string_view title) const {
  std::string out = fmt::format("# {}\n\n{}", title, markdown_);
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace atl::lab
