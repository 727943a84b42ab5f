// A plan as one HTML page that needs nothing else: no script, no font, no other file. Light and
// dark as the reader's system says; readable at the width of a phone.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"
#include "plan/what_if.h"

namespace atl::plan {

// The page's frame and style around `body`, which is HTML; `style` is CSS beyond the common one.
std::string page_of(std::string_view title, std::string_view body, std::string_view style = {});
std::string plan_html(const Plan& plan, const Shaken& shaken);

}  // namespace atl::plan
