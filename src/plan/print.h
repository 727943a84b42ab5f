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
// The same figure of several plans, each under its label; without a key the headline figures.
struct Labelled {
  std::string label;
  const Plan* plan;
};
Result<std::string> plans_explained(const std::vector<Labelled>& plans, std::string_view key);
Result<std::string> plan_explained(const Plan& plan, std::string_view key);

}  // namespace atl::plan
