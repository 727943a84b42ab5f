// The cluster as one process sees it now: the newest map, a client for each device, and the way to
// report a device that failed. Everything above asks here; nobody keeps a map of its own.
//
// Failure detection in one process: a device call that says kIo, kUnavailable or kTimeout, or a
// device that is no longer in place, is reported with `report_failure`, which marks the device
// kFailed in the map (CAS in the coordinator), adds narrower groups if none is writable, and tells
// the listeners.
//
// Threads: the reactor's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "cluster/cluster_map.h"
#include "cluster/placement.h"
#include "coord/coordinator.h"
#include "device/device_client.h"
#include "env/env.h"
#include "env/sync.h"
#include "fabric/fabric.h"

namespace atl::cluster {

class ClusterView {
 public:
  ClusterView(env::Env& env, coord::Coordinator& coordinator, fabric::Fabric& fabric, NodeId self);

  // Reads the map from the coordinator; call before anything else.
  Task<Status> load();
  const ClusterMap& map() const { return *map_; }
  std::shared_ptr<const ClusterMap> snapshot() const { return map_; }

  env::Env& env() { return env_; }
  coord::Coordinator& coordinator() { return coordinator_; }

  // Never null for a device of the map, null for others; the client lives as long as the view.
  device::DeviceClient* client(DeviceId id);
  bool readable(DeviceId id) const;  // kUp or kDraining
  bool writable(DeviceId id) const;  // kUp, its domain not draining

  // Changes the map by compare-and-swap: `change` edits a copy (it may run more than once) and
  // returns false to leave it as it is. On success map() is the new one and listeners have been
  // told.
  Task<Status> update(std::function<Result<bool>(ClusterMap*)> change);

  // Marks a device failed because of `why`. Safe to call many times; returns once the map says so.
  // An error that does not mean a failed device (kNotFound, kCorrupt, kNoSpace...) is ignored, and
  // so is kTimeout while losing the device would make data unreadable: slow is better than nothing.
  Task<void> report_failure(DeviceId id, Error why);
  static bool means_failure(Errc code);
  // From now on reports are ignored: devices are being closed on purpose, and a call that is still
  // under way would take that for a failure and have it remembered.
  void stop_reports() { reports_stopped_ = true; }

  // Called after each change of the map, on the reactor. It must not co_await or update the map
  // inside; it may spawn. What it uses must live as long as the view.
  void on_change(std::function<void()> listener);

 private:
  Task<Status> reload();
  void adopt(ClusterMap map);

  env::Env& env_;
  coord::Coordinator& coordinator_;
  fabric::Fabric& fabric_;
  NodeId self_;
  std::shared_ptr<const ClusterMap> map_;
  std::map<std::pair<NodeId, DeviceId>, std::unique_ptr<device::DeviceClient>> clients_;
  std::vector<std::function<void()>> listeners_;
  env::Mutex update_mutex_;
  bool reports_stopped_ = false;
};

}  // namespace atl::cluster
