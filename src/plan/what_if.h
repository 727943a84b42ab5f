// Plans side by side: two scenarios compared, one key varied, every assumption shaken.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"

namespace atl::plan {

// Values that one sweep takes.
inline constexpr size_t kSweepPointsMax = 1000;
// Values of a second key: a plot has no more colours.
inline constexpr size_t kSweepAlsoMax = 5;

// The figures that a comparison is about, in the order in which they are shown.
const std::vector<std::string>& headline_figures();
// What people read: "rebuild of a domain".
std::string_view headline_label(std::string_view figure);

// --- compare ---

struct Comparison {
  std::vector<std::string> asked;  // what the scenarios say differently: "cluster.nodes: 8 | 16"
  struct Row {
    std::string figure;
    AnyQuantity a, b;
    bool assumed = false;  // either
  };
  std::vector<Row> rows;           // the headline figures that both have
  std::vector<std::string> words;  // the differences, each a sentence about the second
};
Comparison compare(const Plan& a, const Plan& b);

// --- sweep ---

struct Variation {
  std::string key;  // of the scenario: "cluster.domains"
  std::vector<std::string> values;
};
// "cluster.domains=3..32", "cluster.nodes=8..64:8" (a step), "cluster.protection=4+2,6+2",
// "workload.read=10 GB/s,20 GB/s". kInvalidArgument says what is wrong and what would be right.
Result<Variation> parse_variation(std::string_view text);

struct SweepPoint {
  std::string value;
  std::string also;  // of the second key, if there is one
  std::optional<Plan> plan;
  std::string refused;  // why there is no plan for this value
};
struct Sweep {
  std::string name;
  Variation variation;
  std::optional<Variation> also;
  std::string own, own_also;       // what the scenario itself says; empty: nothing
  std::vector<SweepPoint> points;  // for each value of `also` those of `variation`, in order
};
// kInvalidArgument: the scenario knows no such key, or no value gives a plan. kTooLarge: more than
// kSweepPointsMax points, or kSweepAlsoMax values of the second key.
Result<Sweep> sweep(const Book& scenario, const Book& catalogue, const Variation& variation,
                    const std::optional<Variation>& also = std::nullopt);

// --- sensitivity ---

// What a headline figure becomes when one assumed datum is half and twice what is assumed (a share
// at most 1).
struct Sensitivity {
  std::string figure;
  AnyQuantity base;
  struct Bar {
    std::string datum;  // key in the catalogue
    AnyQuantity at_half, at_twice;
    double swing = 0;  // |at_twice - at_half| / base
  };
  std::vector<Bar> bars;  // the widest first; data that change nothing are left out
};
Result<std::vector<Sensitivity>> sensitivity(const Book& scenario, const Book& catalogue);

// --- as text and JSON ---

std::string comparison_text(const Plan& a, const Plan& b, const Comparison& comparison);
std::string comparison_json(const Plan& a, const Plan& b, const Comparison& comparison);
std::string sweep_text(const Sweep& sweep);
std::string sweep_json(const Sweep& sweep);
std::string sensitivity_text(const Plan& plan, const std::vector<Sensitivity>& sensitivities);
std::string sensitivity_json(const Plan& plan, const std::vector<Sensitivity>& sensitivities);

}  // namespace atl::plan
