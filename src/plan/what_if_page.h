// What-ifs and the inverse search as HTML pages that need nothing else, in the style of report.h.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "plan/cheapest.h"
#include "plan/what_if.h"

namespace atl::plan {

std::string comparison_html(const Plan& a, const Plan& b, const Comparison& comparison);
std::string sweep_html(const Sweep& sweep);
std::string sensitivity_html(const Plan& plan, const Shaken& shaken);
std::string cheapest_html(const Cheapest& found);

}  // namespace atl::plan
