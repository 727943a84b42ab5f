#include "vip/movers/arp_mover.h"

#include <utility>

#include "vip/movers/check_parts.h"
#include "vip/movers/round.h"

namespace atl::vip {

Task<Status> ArpMover::check(const Pool& pool) {
  ATOLL_CO_TRY_STATUS(check_sizes(pool));
  if (compute_ == nullptr || pool.network.empty()) co_return Status{};
  Round round(env_, *compute_);
  const Result<cloud::NetworkFeatures> features = co_await round.network_features(pool.network);
  if (!features && features.error().code == Errc::kNotFound) co_return Status{};
  if (!features) co_return fail(features.error());
  co_return fail(Errc::kUnsupported,
                 not_on(*features, "gratuitous ARP: there is no shared segment"));
}

Task<Outcome> ArpMover::reconcile(const Pool& pool, std::vector<Wanted> wanted,
                                  std::set<Vip> urgent, MayGoOn may) {
  (void)urgent;
  (void)may;
  Outcome outcome;
  for (const Wanted& want : wanted) {
    if (pool.find(want.node) != nullptr) continue;
    Error why(Errc::kInvalidArgument, "node " + want.node + " is not of the pool");
    outcome.unfinished.push_back({want.vip, std::move(why), false});
  }
  co_return outcome;
}

}  // namespace atl::vip
