#include "plan/what_if_page.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "plan/print.h"
#include "plan/svg_plot.h"

namespace atl::plan {
namespace {

size_t count(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

Book book(int nodes) {
  auto parsed = Book::parse(fmt::format("name = \"a <b> {0}\"\n[cluster]\nshape = "
                                        "\"z3-highmem-88-highlssd\"\nnodes = {0}\ndomains = "
                                        "8\nprotection = \"6+2\"\n",
                                        nodes),
                            "s.toml");
  EXPECT_TRUE(parsed.has_value());
  return *parsed;
}

void expect_whole(const std::string& page) {
  for (const char* none : {"<script", "http:", "https:", "url(", "a <b>", "nan", "\"inf"})
    EXPECT_EQ(page.find(none), page.npos) << none;
  for (const char* tag : {"svg", "figure", "table", "tr", "main", "div", "ul", "li", "text"})
    EXPECT_EQ(count(page, fmt::format("<{}>", tag)) + count(page, fmt::format("<{} ", tag)),
              count(page, fmt::format("</{}>", tag)))
        << tag;
}

TEST(WhatIfPage, ASweepShowsEveryPointAndEveryRefusal) {
  const Book scenario = book(16);
  auto swept = sweep(scenario, built_in_catalogue(), *parse_variation("cluster.domains=2..20:2"));
  ASSERT_TRUE(swept.has_value()) << swept.error().message;
  EXPECT_EQ(swept->own, "8");
  const std::string page = sweep_html(*swept);
  expect_whole(page);
  // 18 and 20 domains are more than 16 nodes: a cross in every plot, a line each, a row each.
  const size_t plots = count(page, "<svg");
  EXPECT_GT(plots, 3u);
  EXPECT_EQ(count(page, "class=\"refused\""), 2 * plots);
  EXPECT_EQ(count(page, "18 domains are more than 16 nodes"), 2u);
  EXPECT_EQ(count(page, "<circle"), 8 * plots);
  // What domains do not change is told in words.
  EXPECT_NE(page.find("<li>Money a month: "), page.npos);
  EXPECT_EQ(page.find("aria-label=\"Money a month\""), page.npos);
  // Losses differ by powers of ten.
  EXPECT_NE(page.find(">1e-"), page.npos);
}

TEST(WhatIfPage, TwoKeysAreOneLineForEachValueOfTheSecond) {
  auto swept = sweep(book(16), built_in_catalogue(), *parse_variation("cluster.nodes=16..64:16"),
                     *parse_variation("cluster.protection=6+2,5+3,60+9"));
  ASSERT_TRUE(swept.has_value()) << swept.error().message;
  ASSERT_EQ(swept->points.size(), 12u);
  EXPECT_EQ(swept->points[5].also, "5+3");
  EXPECT_EQ(swept->points[5].value, "32");
  EXPECT_FALSE(swept->points[8].plan.has_value());
  const std::string page = sweep_html(*swept);
  expect_whole(page);
  EXPECT_EQ(count(page, "<polyline"), 2 * count(page, "<svg"));  // the third has no points
  EXPECT_NE(page.find("cluster.protection = 5+3"), page.npos);
}

TEST(WhatIfPage, ComparisonSensitivityAndCheapest) {
  auto a = make_plan(book(8), built_in_catalogue());
  auto b = make_plan(book(16), built_in_catalogue());
  ASSERT_TRUE(a && b);
  const std::string compared = comparison_html(*a, *b, compare(*a, *b));
  expect_whole(compared);
  EXPECT_EQ(count(compared, "<svg"), headline_figures().size());
  EXPECT_NE(compared.find("cluster.nodes: 8 | 16"), compared.npos);
  auto shaken = sensitivity(book(8), built_in_catalogue());
  ASSERT_TRUE(shaken.has_value());
  const std::string tornado = sensitivity_html(*a, *shaken);
  expect_whole(tornado);
  EXPECT_NE(tornado.find("node_blank"), tornado.npos);
  EXPECT_NE(tornado.find("<li>usable room: "), tornado.npos);
  auto need = Book::parse("[need]\nusable = \"100 TiB\"\n[search]\ndomains = \"8\"\n", "n.toml");
  auto found = find_cheapest(*need, built_in_catalogue());
  ASSERT_TRUE(found.has_value());
  const std::string cheapest = cheapest_html(*found);
  expect_whole(cheapest);
  for (const auto& choice : found->by_shape)
    EXPECT_NE(cheapest.find(choice.candidate.shape), cheapest.npos);
}

TEST(WhatIfPage, ExplainedOneUnderTheOther) {
  auto a = make_plan(book(8), built_in_catalogue());
  auto b = make_plan(book(16), built_in_catalogue());
  ASSERT_TRUE(a && b);
  auto text = plans_explained({{"eight", &*a}, {"sixteen", &*b}}, "capacity.raw");
  ASSERT_TRUE(text.has_value());
  EXPECT_LT(text->find("--- eight\ncapacity.raw = 281.2 TiB"),
            text->find("--- sixteen\ncapacity.raw = 562.5 TiB"));
  EXPECT_FALSE(plans_explained({{"eight", &*a}}, "capacity.rwa").has_value());
}

// Points where the axes say: a straight line of y = x rises evenly, a power is straight on a
// logarithmic axis.
std::vector<double> heights(const Plot& p) {
  const std::string svg = plot(p);
  std::vector<double> out;
  for (size_t at = svg.find("cy=\""); at != svg.npos; at = svg.find("cy=\"", at + 4))
    out.push_back(std::strtod(svg.c_str() + at + 4, nullptr));
  return out;
}

TEST(SvgPlot, LinearAndLogarithmic) {
  const std::vector<double> even =
      heights({"t", "x", {"1", "2", "3"}, {{"", {any(10.0), any(20.0), any(30.0)}}}, {}});
  ASSERT_EQ(even.size(), 3u);
  EXPECT_NEAR(even[0] - even[1], even[1] - even[2], 0.11);
  EXPECT_GT(even[0], even[1]);
  const std::vector<double> powers =
      heights({"t", "x", {"1", "2", "3"}, {{"", {any(1e-12), any(1e-8), any(1e-4)}}}, {}});
  EXPECT_NEAR(powers[0] - powers[1], powers[1] - powers[2], 0.11);
  EXPECT_GT(powers[0] - powers[1], 50);
}

TEST(SvgPlot, LabelsAreRoundNumbersOfOneUnit) {
  const std::string svg =
      plot({"t", "x", {"1", "2"}, {{"", {any(3.1 * kTiB), any(0.2 * kTiB)}}}, {}});
  for (const char* label : {">0<", ">1 TiB<", ">2 TiB<", ">3 TiB<", ">4 TiB<"})
    EXPECT_NE(svg.find(label), svg.npos) << label << svg;
  const std::string hours =
      plot({"t", "x", {"1", "2"}, {{"", {any(7 * kHour), any(1 * kHour)}}}, {}});
  EXPECT_NE(hours.find(">2 h<"), hours.npos) << hours;
}

TEST(SvgPlot, NothingToDrawIsDrawn) {
  EXPECT_EQ(plot({"t", "x", {}, {}, {}}), "");
  EXPECT_NE(plot({"t", "x", {"1"}, {{"", {std::nullopt}}}, 0}).find("</svg>"), std::string::npos);
  EXPECT_NE(plot({"t", "x", {"1", "1"}, {{"", {any(0.0), any(0.0)}}}, {}}).find("</svg>"),
            std::string::npos);
}

}  // namespace
}  // namespace atl::plan
