// The status document of `atoll status` and GET /v1/status. docs/formats/status.schema.json.
#pragma once

#include <boost/json/value.hpp>

#include "base/result.h"
#include "env/task.h"
#include "server/local_cluster.h"

namespace atl::server {

Task<Result<boost::json::value>> make_status(LocalCluster& cluster);
boost::json::value make_scrub_state(const ScrubState& state);
// Sets the gauges of /metrics that mirror the status.
void update_gauges(LocalCluster& cluster);

}  // namespace atl::server
