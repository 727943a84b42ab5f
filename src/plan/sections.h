// Failover, hibernation, locality and block storage as people and programs read them: parts of
// print.h's screen and JSON, and of report.h's page.
//
// Each is empty when the plan has nothing of the kind. Threads: pure functions.
#pragma once

#include <string>

#include "plan/plan.h"

namespace atl::plan {

std::string failover_text(const Plan& plan);
std::string hibernation_text(const Plan& plan);
std::string locality_text(const Plan& plan);
// One line: the cheapest kind, and the others.
std::string block_text(const Plan& plan);

// JSON text: docs/formats/plan.schema.json, "failover".
std::string failover_json(const Plan& plan);

std::string failover_html(const Plan& plan);
std::string hibernation_html(const Plan& plan);
std::string locality_html(const Plan& plan);
std::string block_html(const Plan& plan);

}  // namespace atl::plan
