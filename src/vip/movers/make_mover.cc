#include "vip/movers/make_mover.h"

#include <array>

#include <fmt/format.h>

#include "vip/movers/alias_mover.h"
#include "vip/movers/arp_mover.h"
#include "vip/movers/garp_mover.h"
#include "vip/movers/lb_mover.h"
#include "vip/movers/pool_mover.h"
#include "vip/movers/route_mover.h"

namespace atl::vip {
namespace {

using Make = std::unique_ptr<Mover> (*)(env::Env& env, cloud::Compute& compute);

template <typename T>
std::unique_ptr<Mover> make(env::Env& env, cloud::Compute& compute) {
  return std::make_unique<T>(env, compute);
}

constexpr auto kNames = std::to_array<std::string_view>(
    {"gcp-alias", "gcp-route", "gcp-lb", "gcp-garp", "gcp-pool", "linux-arp"});
constexpr std::array<Make, kNames.size() - 1> kMakers{
    make<AliasMover>, make<RouteMover>, make<LbMover>, make<GarpMover>, make<PoolMover>};

}  // namespace

std::span<const std::string_view> mover_names() {
  return kNames;
}

Result<std::unique_ptr<Mover>> make_mover(std::string_view name, env::Env& env,
                                          cloud::Compute* compute) {
  if (name == kNames.back()) return std::make_unique<ArpMover>(env, compute);
  for (size_t i = 0; i < kMakers.size(); ++i) {
    if (name != kNames[i]) continue;
    if (compute == nullptr)
      return fail(Errc::kInvalidArgument, fmt::format("mover {} needs a cloud", name));
    return kMakers[i](env, *compute);
  }
  return fail(Errc::kInvalidArgument,
              fmt::format("no mover {:?}; there are {}", name, fmt::join(kNames, ", ")));
}

}  // namespace atl::vip
