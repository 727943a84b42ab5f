// The drawings of the report, as SVG text in the size and style of plan/svg.h.
//
// Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lab/report_input.h"

namespace atl::lab {

// "12 ms", "3.41 s", with a space that does not break.
std::string span_words(double ms);

// So few gaps are named one by one instead of by median and longest.
inline constexpr size_t kNamedGaps = 3;
// From so many on the nearest rank of 99 % is not the longest.
inline constexpr size_t kNinetyNine = 100;
// "1.36 s and 2.58 s", in the order of length.
std::string each_gap_words(const ReportRow& row);

// Every gap as a dot on a logarithmic scale, where there are more than kNamedGaps with its median
// and its 99th percentile, a line a mover. The scale is that of the whole report, so that plots can
// be compared.
struct GapScale {
  double low_ms = 10;
  double high_ms = 10'000;
  static GapScale of(const ReportInput& input);
};
std::string gap_plot(std::string_view title, const std::vector<const ReportRow*>& rows,
                     const GapScale& scale);

// What the gap at the median is made of, a line a mover, all to one scale.
std::string split_plot(std::string_view title, const std::vector<const ReportRow*>& rows);

}  // namespace atl::lab
