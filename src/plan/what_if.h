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
// With those of failover, where the plan has one.
std::vector<std::string> headline_figures(const Plan& plan);
// "12.5 GiB/s*": with a mark where it is assumed; what cannot be said of this cluster is "all
// lost", and a figure that it does not have "-".
std::string headline_text(const Plan& plan, std::string_view key);
// What people read: "rebuild of a domain".
std::string_view headline_label(std::string_view figure);

// --- compare ---

struct Comparison {
  // What the scenarios and their data say differently: "cluster.nodes: 8 | 16".
  std::vector<std::string> asked;
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
// `flag` is what messages begin with: kNoFlag where the text was no word of the command line.
inline constexpr std::string_view kVaryFlag = "--vary ";
inline constexpr std::string_view kNoFlag = "";
Result<Variation> parse_variation(std::string_view text, std::string_view flag = kVaryFlag);

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

// What a headline figure becomes when one assumed datum is half and twice what is assumed: a whole
// number rounded, a share at most 1. Where either cannot be, the datum is left out, and a note says
// so.
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
struct Shaken {
  std::vector<Sensitivity> figures;
  std::vector<std::string> notes;
};
Result<Shaken> sensitivity(const Book& scenario, const Book& catalogue);

// --- as text and JSON ---

std::string comparison_text(const Plan& a, const Plan& b, const Comparison& comparison);
std::string comparison_json(const Plan& a, const Plan& b, const Comparison& comparison);
std::string sweep_text(const Sweep& sweep);
std::string sweep_json(const Sweep& sweep);
std::string sensitivity_text(const Plan& plan, const Shaken& shaken);
std::string sensitivity_json(const Plan& plan, const Shaken& shaken);

}  // namespace atl::plan
