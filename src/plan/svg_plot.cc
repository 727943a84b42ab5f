#include "plan/svg_plot.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "plan/svg.h"
#include "plan/unit_text.h"

namespace atl::plan {
namespace {

constexpr double kLeft = 84;  // room for "1,000 GiB/s"
constexpr double kRight = kDrawingWidth - 12;
constexpr double kTop = 12;
constexpr double kBottom = 190;
constexpr double kLegendLine = 20;
constexpr size_t kColours = 5;    // .c0 to .c4 in the page's style
constexpr size_t kMarksMost = 7;  // labels that fit below the x axis
constexpr size_t kLabelMost = 9;  // letters of one of them
constexpr size_t kDecadesMost = 5;
constexpr size_t kDense = 20;  // with more places the dots are smaller

std::optional<double> number(const std::string& text) {
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// From a value to a place between `from` and `to`.
struct Axis {
  double low = 0, high = 1;
  bool log = false;
  double from = 0, to = 1;
  double at(double v) const {
    if (high <= low) return (from + to) / 2;
    const double share = log ? std::log(v / low) / std::log(high / low) : (v - low) / (high - low);
    return from + share * (to - from);
  }
};

// 1, 2 or 5 times a power of ten, not below `v`.
double nice(double v) {
  const double power = std::pow(10, std::floor(std::log10(v)));
  for (const double step : {1.0, 2.0, 5.0})
    if (v <= step * power * 1.000001) return step * power;
  return 10 * power;
}

// The unit in which people read a quantity, for all labels of one axis alike.
struct Shown {
  double one = 1;             // in base units: 1099511627776 for TiB
  std::string before, after;  // "$", " TiB"

  explicit Shown(AnyQuantity q) {
    std::string text = format_quantity(q);
    std::erase(text, ',');
    if (text.starts_with('$')) {
      before = "$";
      text.erase(0, 1);
    }
    char* end = nullptr;
    const double shown = std::strtod(text.c_str(), &end);
    // Of a price the axis says what is money; the caption says for what.
    if (before.empty()) after = end;
    if (shown != 0) one = exact(q.value / shown);
  }
  std::string operator()(double v) const { return before + grouped(v / one) + after; }

 private:
  // What is shown is rounded, and so is the quotient; units are not.
  static double exact(double rough) {
    std::vector<double> units{60,
                              kHour.value,
                              24 * kHour.value,
                              kYear.value,
                              1 / (kTiB * kMonth).value,
                              1 / kGiB.value,
                              1 / kHour.value};
    for (double power = 1e-6; power < 1e10; power *= 10) units.push_back(power);
    for (double power = 1024; power < 1e16; power *= 1024) units.push_back(power);
    for (const double unit : units)
      if (std::abs(rough / unit - 1) < kRounded) return unit;
    return rough;
  }
  static std::string grouped(double v) {
    if (v < 1e4) return fmt::format("{:.4g}", v);
    return format_quantity(any(std::round(v)));
  }
  static constexpr double kRounded = 0.006;  // three digits are shown at least
};

class Drawing {
 public:
  explicit Drawing(const Plot& p) : p_(p) {}

  std::string svg() {
    scale();
    const double legend = p_.lines.size() > 1 ? kLegendLine * double(p_.lines.size()) + 8 : 0;
    out_ = fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">",
                       kDrawingWidth, kBottom + 44 + legend, html_escaped(p_.title));
    grid();
    marks();
    for (size_t i = 0; i < p_.lines.size(); ++i) line(i);
    crosses();
    if (legend > 0)
      for (size_t i = 0; i < p_.lines.size(); ++i) {
        const double y = kBottom + 60 + kLegendLine * double(i);
        out_ += fmt::format(
            "<rect x=\"{}\" y=\"{:.1f}\" width=\"12\" height=\"12\" rx=\"2\" "
            "class=\"c{}\"/>",
            kLeft, y - 11, i % kColours);
        text(kLeft + 20, y, "start", p_.lines[i].label);
      }
    return out_ + "</svg>";
  }

 private:
  void text(double x, double y, std::string_view anchor, std::string_view words,
            std::string_view style = {}) {
    out_ +=
        fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>", x, y, anchor,
                    style.empty() ? "" : fmt::format(" class=\"{}\"", style), html_escaped(words));
  }
  void rule(double x1, double y1, double x2, double y2, std::string_view style) {
    out_ +=
        fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>",
                    x1, y1, x2, y2, style);
  }

  Shown shown() const { return Shown({most_, dimensions_}); }

  void scale() {
    for (const std::string& place : p_.places) {
      const std::optional<double> v = number(place);
      numbers_ &= v.has_value();
      xs_.push_back(v.value_or(0));
    }
    if (!numbers_)
      for (size_t i = 0; i < xs_.size(); ++i) xs_[i] = double(i);
    const auto [least, most] = std::ranges::minmax_element(xs_);
    x_ = {*least, *most, numbers_ && *least > 0 && *most / *least > kLogAbove, kLeft + 12,
          kRight - 12};
    double low = 1e300, high = -1e300;
    for (const PlotLine& line : p_.lines)
      for (const auto& v : line.values)
        if (v) {
          low = std::min(low, v->value);
          high = std::max(high, v->value);
          dimensions_ = v->dimensions;
        }
    if (high < low) low = high = 0;
    most_ = high;
    y_ = {0, high, false, kBottom, kTop};
    if (low > 0 && high / low > kLogAbove) {
      y_.log = true;
      y_.low = std::pow(10, std::floor(std::log10(low)));
      y_.high = std::pow(10, std::ceil(std::log10(high)));
    } else if (high > 0) {
      const double unit = shown().one;
      step_ = nice(high / unit / 4) * unit;
      y_.high = std::ceil(high / step_ * 0.999999) * step_;
    }
  }

  void tick(double v, std::string_view words) {
    rule(kLeft, y_.at(v), kRight, y_.at(v), "grid");
    text(kLeft - 6, y_.at(v) + 4, "end", words, "quiet");
  }
  void grid() {
    if (y_.log) {
      const int first = int(std::lround(std::log10(y_.low)));
      const int last = int(std::lround(std::log10(y_.high)));
      const int by = (last - first + int(kDecadesMost) - 1) / int(kDecadesMost);
      for (int e = first; e <= last; e += by)
        tick(std::pow(10, e), dimensions_ == Dimensions{}
                                  ? fmt::format("1e{}", e)
                                  : format_quantity({std::pow(10, e), dimensions_}));
      return;
    }
    if (y_.high <= 0) return tick(0, "0");
    const Shown unit = shown();
    for (int i = 0; double(i) * step_ <= y_.high * 1.000001; ++i)
      tick(double(i) * step_, i == 0 ? "0" : unit(double(i) * step_));
  }

  // Labels below the axis: round numbers, or as many of the places as fit.
  void marks() {
    if (numbers_ && !x_.log && x_.high > x_.low && xs_.size() > kMarksMost) {
      const double step = nice((x_.high - x_.low) / kMarksMost);
      for (double v = std::ceil(x_.low / step) * step; v <= x_.high * 1.000001; v += step)
        text(x_.at(v), kBottom + 18, "middle", fmt::format("{:g}", v), "quiet");
    } else {
      place_marks();
    }
    text((kLeft + kRight) / 2, kBottom + 38, "middle", p_.x_label, "quiet");
    if (p_.own && *p_.own < xs_.size()) rule(px(*p_.own), kTop, px(*p_.own), kBottom, "mark");
  }
  void place_marks() {
    double free_from = -1;
    for (size_t i = 0; i < p_.places.size(); ++i) {
      std::string words = p_.places[i];
      if (words.size() > kLabelMost && p_.places.size() > 3)
        words = words.substr(0, kLabelMost - 1) + "…";
      const double half = double(std::min(words.size(), kLabelMost)) * 3.6;
      if (px(i) - half < free_from) continue;
      free_from = px(i) + half + 8;
      text(px(i), kBottom + 18, "middle", words, "quiet");
    }
  }

  double px(size_t i) const { return x_.at(xs_[i]); }

  void line(size_t which) {
    const PlotLine& line = p_.lines[which];
    std::string path, dots;
    // Words are not a scale: a line between them would say that there is something between.
    auto flush = [&] {
      if (!path.empty() && numbers_)
        out_ += fmt::format("<polyline points=\"{}\" class=\"line s{}\"/>", path, which % kColours);
      path.clear();
    };
    for (size_t i = 0; i < line.values.size(); ++i) {
      const auto& v = line.values[i];
      if (!v) {
        flush();
        continue;
      }
      path += fmt::format("{:.1f},{:.1f} ", px(i), y_.at(v->value));
      dots += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" class=\"c{}\"><title>{}{}: "
          "{}</title></circle>",
          px(i), y_.at(v->value),
          !numbers_             ? 5
          : xs_.size() > kDense ? 2.5
                                : 3.5,
          which % kColours, html_escaped(p_.places[i]),
          line.label.empty() ? "" : ", " + html_escaped(line.label),
          html_escaped(format_quantity(*v)));
    }
    flush();
    out_ += dots;
  }

  void crosses() {
    for (size_t i = 0; i < p_.places.size(); ++i) {
      const bool none = std::ranges::any_of(
          p_.lines, [i](const PlotLine& line) { return !line.values[i].has_value(); });
      if (!none) continue;
      out_ += fmt::format(
          "<path d=\"M{0:.1f} {1:.1f}l8 8m0 -8l-8 8\" class=\"refused\"><title>{2}: "
          "refused</title></path>",
          px(i) - 4, kBottom - 4, html_escaped(p_.places[i]));
    }
  }

  const Plot& p_;
  bool numbers_ = true;
  std::vector<double> xs_;
  Axis x_, y_;
  double step_ = 1, most_ = 0;
  Dimensions dimensions_;
  std::string out_;
};

}  // namespace

std::string plot(const Plot& p) {
  if (p.places.empty()) return "";
  return Drawing(p).svg();
}

}  // namespace atl::plan
