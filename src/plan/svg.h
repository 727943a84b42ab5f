// The few drawings of the report, as SVG text. Lengths are in the drawing's own units, 420 wide:
// about the width of a phone, so that words keep their size there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace atl::plan {

inline constexpr double kDrawingWidth = 420;

// & < > " as HTML wants them.
std::string html_escaped(std::string_view text);

// Parts of one whole, side by side, with a legend below.
struct Part {
  std::string label;  // with its amount
  double amount = 0;
};
std::string stacked_bar(std::string_view title, const std::vector<Part>& parts);

// One bar a line, all to one scale. `mark`: a line across at that value (what is asked), below 0:
// none.
struct Bar {
  std::string label;
  double amount = 0;
  std::string text;     // the amount as people read it
  bool strong = false;  // the one that binds
};
std::string bars(std::string_view title, const std::vector<Bar>& lines, double mark = -1,
                 std::string_view mark_label = {});

// Ranges around one value: from low to high.
struct Range {
  std::string label;
  double low = 0, high = 0;
  std::string text;
};
std::string ranges(std::string_view title, double base, const std::vector<Range>& lines);

// Curves over a logarithmic x.
struct Curve {
  std::string label;
  std::vector<std::pair<double, double>> points;
};
std::string curves(std::string_view title, std::string_view x_label,
                   const std::vector<Curve>& lines);

}  // namespace atl::plan
