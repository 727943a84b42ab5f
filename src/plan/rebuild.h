// How long it takes until what was lost is whole again, or a part of the cluster is empty, and what
// clients still get meanwhile.
//
// Threads: pure functions.
#pragma once

#include "plan/plan.h"
#include "plan/sources.h"
#include "plan/speed.h"

namespace atl::plan {

struct Rebuilds {
  Known<Seconds> device, node, domain;
};
// Puts rebuild.* into the sheet. `kept`: bytes of users in the cluster; `read`: of cluster_speeds.
Result<Rebuilds> rebuild_times(const Sources& from, const ClusterFigures& cluster,
                               const NodeNetworks& networks, const Known<Bytes>& kept,
                               const Speed& read);

}  // namespace atl::plan
