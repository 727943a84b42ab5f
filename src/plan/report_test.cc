#include "plan/report.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "plan/svg.h"

namespace atl::plan {
namespace {

size_t count(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

TEST(Report, IsOnePageThatNeedsNothingElse) {
  auto scenario = Book::parse(R"(name = "a <b> & \"c\""
[cluster]
shape = "z3-highmem-88-highlssd"
nodes = 8
domains = 8
protection = "6+2"
[workload]
read = "900 GB/s"
[money]
load_balancer = "1 GB/s"
)",
                              "s.toml");
  ASSERT_TRUE(scenario.has_value()) << scenario.error().message;
  auto plan = make_plan(*scenario, built_in_catalogue());
  auto shaken = sensitivity(*scenario, built_in_catalogue());
  ASSERT_TRUE(plan && shaken);
  const std::string page = plan_html(*plan, *shaken);
  for (const char* none :
       {"<script", "http:", "https:", "@import", "url(", "a <b>", "\"nan", "\"inf"})
    EXPECT_EQ(page.find(none), page.npos) << none;
  for (const char* tag : {"svg", "figure", "table", "main", "details", "div", "ul", "text"})
    EXPECT_EQ(count(page, fmt::format("<{}>", tag)) + count(page, fmt::format("<{} ", tag)),
              count(page, fmt::format("</{}>", tag)))
        << tag;
  EXPECT_NE(page.find("a &lt;b&gt; &amp; &quot;c&quot;"), page.npos);
  EXPECT_NE(page.find("prefers-color-scheme:dark"), page.npos);
  EXPECT_NE(page.find("less than is asked"), page.npos);
  for (const Figure& figure : plan->sheet.figures())
    EXPECT_NE(page.find("<td>" + figure.key + "</td>"), page.npos) << figure.key;
}

TEST(Svg, NothingToDrawIsDrawn) {
  EXPECT_NE(bars("t", {}).find("</svg>"), std::string::npos);
  EXPECT_NE(bars("t", {{"zero", 0, "0", false}}, 0, "asked").find("</svg>"), std::string::npos);
  EXPECT_NE(ranges("t", 1, {{"same", 1, 1, ""}}).find("</svg>"), std::string::npos);
  EXPECT_NE(stacked_bar("t", {{"none", 0}}).find("</svg>"), std::string::npos);
}

}  // namespace
}  // namespace atl::plan
