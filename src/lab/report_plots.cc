#include "lab/report_plots.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "plan/svg.h"

namespace atl::lab {
namespace {

using plan::html_escaped;
using plan::kDrawingWidth;

constexpr double kRow = 46;       // the words, and the strip below them
constexpr double kStrip = 18;     // of that, the strip
constexpr double kMargin = 8;     // left and right of the scale, so that its ends are whole
constexpr size_t kDotsMax = 400;  // more cannot be told apart in 420 units; evenly picked then

std::string open(std::string_view title, double height) {
  return fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">",
                     kDrawingWidth, height, html_escaped(title));
}
std::string words(double x, double y, std::string_view anchor, std::string_view text,
                  std::string_view style = {}) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>", x, y, anchor,
                     style.empty() ? "" : fmt::format(" class=\"{}\"", style), html_escaped(text));
}
std::string upright(double x, double top, double bottom, std::string_view style) {
  return fmt::format(
      "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" class=\"{3}\"/>", x, top,
      bottom, style);
}

double x_of(double ms, const GapScale& scale) {
  const double at = std::log(std::clamp(ms, scale.low_ms, scale.high_ms) / scale.low_ms) /
                    std::log(scale.high_ms / scale.low_ms);
  return kMargin + at * (kDrawingWidth - 2 * kMargin);
}

std::string strip(const ReportRow& row, double top, const GapScale& scale) {
  std::vector<double> totals;
  for (const GapSample& gap : row.gaps) totals.push_back(gap.total_ms);
  std::ranges::sort(totals);
  const size_t step = totals.size() / kDotsMax + 1;
  const double radius = totals.size() <= kNamedGaps ? 4 : 2.2;
  std::string out;
  for (size_t i = 0; i < totals.size(); i += step) {
    // Up and down by turns, so that equal ones do not hide each other.
    const double y = top + 3 + static_cast<double>(i / step * 5 % 13);
    out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:g}\" class=\"dot\"/>",
                       x_of(totals[i], scale), y, radius);
  }
  if (row.gaps.size() <= kNamedGaps) return out;  // the lines would only hide the dots
  out += upright(x_of(row.gap_ms(0.99), scale), top, top + kStrip, "late");
  return out + upright(x_of(row.gap_ms(0.5), scale), top - 1, top + kStrip + 1, "mid");
}

std::string gaps_label(const ReportRow& row) {
  if (row.gaps.size() <= kNamedGaps) return each_gap_words(row);
  const bool many = row.gaps.size() >= kNinetyNine;
  return fmt::format("{}, {} {}", span_words(row.gap_ms(0.5)), many ? "99 %" : "longest",
                     span_words(row.gap_ms(many ? 0.99 : 1)));
}

}  // namespace

std::string each_gap_words(const ReportRow& row) {
  std::vector<double> totals;
  for (const GapSample& gap : row.gaps) totals.push_back(gap.total_ms);
  std::ranges::sort(totals);
  std::string all;
  for (size_t i = 0; i < totals.size(); ++i)
    all += (i == 0 ? "" : i + 1 == totals.size() ? " and " : ", ") + span_words(totals[i]);
  return all;
}

std::string span_words(double ms) {
  if (ms < 1000) return fmt::format("{:.0f}\u00a0ms", ms);
  if (ms < 100'000) return fmt::format("{:.2f}\u00a0s", ms / 1000);
  return fmt::format("{:.0f}\u00a0s", ms / 1000);
}

GapScale GapScale::of(const ReportInput& input) {
  GapScale scale;
  for (const ReportRow& row : input.rows)
    for (const GapSample& gap : row.gaps) {
      while (gap.total_ms > scale.high_ms) scale.high_ms *= 10;
      while (gap.total_ms < scale.low_ms && scale.low_ms > 1) scale.low_ms /= 10;
    }
  return scale;
}

std::string gap_plot(std::string_view title, const std::vector<const ReportRow*>& rows,
                     const GapScale& scale) {
  const double bottom = kRow * static_cast<double>(rows.size());
  std::string out = open(title, bottom + 22);
  for (double tick = scale.low_ms; tick <= scale.high_ms * 1.001; tick *= 10) {
    const double x = x_of(tick, scale);
    const std::string_view anchor = tick == scale.low_ms            ? "start"
                                    : tick * 1.001 >= scale.high_ms ? "end"
                                                                    : "middle";
    out += upright(x, 0, bottom, "grid");
    out +=
        words(anchor == "start" ? 0
              : anchor == "end" ? kDrawingWidth
                                : x,
              bottom + 16, anchor,
              tick < 1000 ? fmt::format("{:.0f} ms", tick) : fmt::format("{:.0f} s", tick / 1000),
              "quiet");
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const ReportRow& row = *rows[i];
    const double y = kRow * static_cast<double>(i);
    out += words(0, y + 13, "start", fmt::format("{} ({})", row.mover, row.gaps.size()));
    out += words(kDrawingWidth, y + 13, "end", gaps_label(row), "quiet");
    out += strip(row, y + 19, scale);
  }
  return out + "</svg>";
}

std::string split_plot(std::string_view title, const std::vector<const ReportRow*>& rows) {
  constexpr double kLegend = 46;
  double most = 0;
  for (const ReportRow* row : rows) most = std::max(most, row->median_gap().total_ms);
  std::string out = open(title, kLegend + 40 * static_cast<double>(rows.size()));
  for (size_t i = 0; i < kGapParts; ++i) {
    const double x = static_cast<double>(i % 3) * 140;
    const double y = i < 3 ? 2 : 22;
    out += fmt::format("<rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"12\" height=\"12\" class=\"c{}\"/>",
                       x, y, i);
    out += words(x + 18, y + 11, "start", gap_part_name(static_cast<GapPart>(i)));
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    const GapSample& gap = rows[r]->median_gap();
    const double y = kLegend + 40 * static_cast<double>(r);
    out += words(0, y + 12, "start", rows[r]->mover);
    out += words(kDrawingWidth, y + 12, "end", span_words(gap.total_ms), "quiet");
    double x = 0;
    for (size_t i = 0; i < kGapParts; ++i) {
      const double w = most > 0 ? gap.parts_ms[i] / most * kDrawingWidth : 0;
      if (w <= 0) continue;
      out += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"14\" class=\"c{}\"/>", x,
          y + 17, w, i);
      x += w;
    }
  }
  return out + "</svg>";
}

}  // namespace atl::lab
