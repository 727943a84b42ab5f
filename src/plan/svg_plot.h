// One figure against a varied key, as SVG text in the size and style of svg.h.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/quantity.h"

namespace atl::plan {

struct PlotLine {
  std::string label;  // in the legend; none when there is but one line
  // By place along the x axis; nothing where there is no plan.
  std::vector<std::optional<AnyQuantity>> values;
};

struct Plot {
  std::string title;
  std::string x_label;
  std::vector<std::string> places;  // along x: numbers, or words at equal distances
  std::vector<PlotLine> lines;
  std::optional<size_t> own;  // the place that the scenario itself has
};

// The y axis is logarithmic where the values differ by a factor of more than kLogAbove, and so is
// the x axis. A place without a value is a cross on the axis.
inline constexpr double kLogAbove = 50;
std::string plot(const Plot& p);

}  // namespace atl::plan
