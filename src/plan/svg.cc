#include "plan/svg.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace atl::plan {
namespace {

constexpr double kLine = 26;           // the height of one bar with its gap
constexpr double kThick = 16;          // of the bar itself
constexpr double kLabelsMost = 144;    // to the left of bars
constexpr double kAmountsLeast = 116;  // to the right of them
constexpr size_t kColours = 5;         // .c0 to .c4 in the page's style
constexpr double kCharacter = 7.2;     // about as wide as one of the page's 13-unit letters

std::string open(std::string_view title, double height) {
  return fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">",
                     kDrawingWidth, height, html_escaped(title));
}
std::string text(double x, double y, std::string_view anchor, std::string_view words,
                 std::string_view style = {}) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>", x, y, anchor,
                     style.empty() ? "" : fmt::format(" class=\"{}\"", style), html_escaped(words));
}
std::string box(double x, double y, double w, double h, std::string_view style) {
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"2\" class=\"{}\"/>",
      x, y, std::max(w, 0.5), h, style);
}
std::string colour(size_t i) {
  return fmt::format("c{}", i % kColours);
}

}  // namespace

std::string html_escaped(std::string_view in) {
  std::string out;
  for (const char c : in) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string stacked_bar(std::string_view title, const std::vector<Part>& parts) {
  double total = 0;
  for (const Part& part : parts) total += part.amount;
  const double legend = 22;
  std::string out = open(title, 44 + legend * static_cast<double>(parts.size()));
  double x = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const double w = total > 0 ? parts[i].amount / total * kDrawingWidth : 0;
    out += box(x, 4, w, 26, colour(i));
    x += w;
    const double y = 52 + legend * static_cast<double>(i);
    out += box(0, y - 11, 12, 12, colour(i)) + text(20, y, "start", parts[i].label);
  }
  return out + "</svg>";
}

std::string bars(std::string_view title, const std::vector<Bar>& lines, double mark,
                 std::string_view mark_label) {
  double most = std::max(mark, 0.0);
  size_t longest = 0, longest_text = 0;
  for (const Bar& line : lines) {
    most = std::max(most, line.amount);
    longest = std::max(longest, line.label.size());
    longest_text = std::max(longest_text, line.text.size());
  }
  const double labels = std::min(kLabelsMost, 14 + kCharacter * double(longest));
  const double amounts = std::max(kAmountsLeast, 10 + kCharacter * double(longest_text));
  const double room = kDrawingWidth - labels - amounts;
  const double bottom = kLine * static_cast<double>(lines.size());
  std::string out = open(title, bottom + (mark >= 0 ? 24 : 4));
  for (size_t i = 0; i < lines.size(); ++i) {
    const double y = kLine * static_cast<double>(i) + 4;
    const double w = most > 0 ? lines[i].amount / most * room : 0;
    out += text(labels - 8, y + 13, "end", lines[i].label);
    out += box(labels, y, w, kThick, lines[i].strong ? "strong" : "weak");
    out += text(labels + w + 6, y + 13, "start", lines[i].text);
  }
  if (mark >= 0 && most > 0) {
    const double x = labels + mark / most * room;
    out +=
        fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"0\" y2=\"{1:.1f}\" class=\"mark\"/>",
                    x, bottom + 6);
    const double half = static_cast<double>(mark_label.size()) * kCharacter / 2;
    out +=
        text(std::clamp(x, half, kDrawingWidth - half), bottom + 20, "middle", mark_label, "quiet");
  }
  return out + "</svg>";
}

std::string ranges(std::string_view title, double base, const std::vector<Range>& lines) {
  double low = base, high = base;
  for (const Range& line : lines) {
    low = std::min({low, line.low, line.high});
    high = std::max({high, line.low, line.high});
  }
  // Two lines each: the words, and the bar below them.
  const double row = 42;
  auto x_of = [&](double v) {
    return (high > low ? (v - low) / (high - low) : 0.5) * kDrawingWidth;
  };
  const double bottom = row * static_cast<double>(lines.size());
  std::string out = open(title, bottom + 4);
  for (size_t i = 0; i < lines.size(); ++i) {
    const double y = row * static_cast<double>(i);
    const double a = x_of(std::min(lines[i].low, lines[i].high));
    const double b = x_of(std::max(lines[i].low, lines[i].high));
    out += text(0, y + 13, "start", lines[i].label);
    out += text(kDrawingWidth, y + 13, "end", lines[i].text, "quiet");
    out += box(a, y + 18, b - a, kThick, "strong");
    out += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" class=\"mark\"/>",
        std::clamp(x_of(base), 1.0, kDrawingWidth - 1), y + 16, y + 36);
  }
  return out + "</svg>";
}

std::string curves(std::string_view title, std::string_view x_label,
                   const std::vector<Curve>& lines) {
  double x_low = 1e300, x_high = 0, y_high = 0;
  for (const Curve& line : lines)
    for (const auto& [x, y] : line.points) {
      x_low = std::min(x_low, x);
      x_high = std::max(x_high, x);
      y_high = std::max(y_high, y);
    }
  const double left = 36, right = kDrawingWidth - 100, top = 12, bottom = 180;
  auto px = [&](double x) {
    return left + std::log(x / x_low) / std::log(std::max(x_high / x_low, 1.0001)) * (right - left);
  };
  auto py = [&](double y) { return bottom - y / y_high * (bottom - top); };
  std::string out = open(title, bottom + 40);
  for (int step = 0; step <= 4; ++step) {
    const double y = y_high * step / 4;
    out += fmt::format(
        "<line x1=\"{:.0f}\" x2=\"{:.0f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" class=\"grid\"/>", left,
        right, py(y), py(y));
    out += text(left - 6, py(y) + 4, "end", fmt::format("{:.2g}", y), "quiet");
  }
  std::vector<double> marks;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string path;
    for (const auto& [x, y] : lines[i].points) {
      path += fmt::format("{:.1f},{:.1f} ", px(x), py(y));
      if (std::ranges::find(marks, x) == marks.end()) marks.push_back(x);
    }
    out += fmt::format("<polyline points=\"{}\" class=\"line s{}\"/>", path, i % kColours);
    const double y = top + 18 * static_cast<double>(i) + 8;
    out +=
        box(right + 14, y - 10, 12, 12, colour(i)) + text(right + 32, y, "start", lines[i].label);
  }
  for (const double x : marks)
    out += text(px(x), bottom + 16, "middle", fmt::format("{:g}", x), "quiet");
  out += text((left + right) / 2, bottom + 34, "middle", x_label, "quiet");
  return out + "</svg>";
}

}  // namespace atl::plan
