// The movers by name: what a pool's configuration says.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "env/env.h"
#include "vip/mover.h"

namespace atl::vip {

std::span<const std::string_view> mover_names();

// kInvalidArgument: no such mover (the message lists them), or `compute` is null and it needs one
// (all but linux-arp do). env and compute outlive the mover.
Result<std::unique_ptr<Mover>> make_mover(std::string_view name, env::Env& env,
                                          cloud::Compute* compute);

}  // namespace atl::vip
