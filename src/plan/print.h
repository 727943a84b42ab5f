// A plan as people and programs read it.
#pragma once

#include <string>
#include <string_view>

#include "plan/plan.h"

namespace atl::plan {

// One screen.
std::string plan_text(const Plan& plan);

// docs/formats/plan.schema.json.
std::string plan_json(const Plan& plan);

// How every figure came about, or one of them ("capacity.usable"). kNotFound names the nearest.
Result<std::string> plan_explained(const Plan& plan, std::string_view key);

}  // namespace atl::plan
