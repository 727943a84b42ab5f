// What the parts of StripeStore share. Tasks that outlive their call (a late read, the clean-up of
// an abandoned write) hold it too, so it outlives the StripeStore until they end.
//
// Threads: the reactor's.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ec/code.h"
#include "stripe/hedge_clock.h"
#include "stripe/layout.h"
#include "stripe/repair_queue.h"
#include "stripe/stripe.h"
#include "stripe/stripe_metrics.h"

namespace atl::stripe {

// The groups that a new stripe may go to, worked out once for each map.
class GroupChoice {
 public:
  // A group without any of the devices in `avoid`: one of the best at random, else the next best.
  // Null when there is none.
  const cluster::Group* choose(cluster::ClusterView& view, const std::set<DeviceId>& avoid);
  const cluster::Group* best(cluster::ClusterView& view);

 private:
  void refresh(cluster::ClusterView& view);

  std::shared_ptr<const cluster::ClusterMap> map_;
  std::vector<const cluster::Group*> groups_;  // of map_, the best first
  size_t best_count_ = 0;                      // groups of the same scheme as the first
};

struct StripeStore::Impl : std::enable_shared_from_this<StripeStore::Impl> {
  Impl(cluster::ClusterView& view_in, StripeIdSource& ids_in, StoreOptions options_in)
      : view(view_in),
        ids(ids_in),
        options(options_in),
        hedges(view_in.env(), options_in.hedge_delay) {}

  env::Env& env() { return view.env(); }
  // The code of a scheme; the map has only schemes that ec accepts.
  const ec::Code& code(uint32_t k, uint32_t m);

  cluster::ClusterView& view;
  StripeIdSource& ids;
  const StoreOptions options;
  StripeMetrics& metrics = StripeMetrics::get();
  std::map<std::pair<uint32_t, uint32_t>, std::unique_ptr<ec::Code>> codes;
  std::unordered_set<StripeId> in_flight;
  GroupChoice groups;
  RepairQueue repairs;
  HedgeClock hedges;
};

using StorePtr = std::shared_ptr<StripeStore::Impl>;

// Deletes all shards of a stripe that can be reached, and reports devices that fail at it.
Task<void> delete_shards(StorePtr store, StripeId id, std::vector<DeviceId> slots);

}  // namespace atl::stripe
