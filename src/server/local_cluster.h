// A cluster whose domains are all in this process: devices, coordinator, stripes, journal,
// namespace, and what keeps them healthy. `atoll up` puts the S3 door and the admin API on top; the
// simulator runs this very class over simulated disks.
//
// Start: 1. form a new cluster where there is none; 2. open the coordinator from a majority of its
// copies;
// 3. open each device of the map (one that is missing, blank, foreign or older is marked failed;
// one that is back is used again and gets what it missed); 4. take the partition over; 5. serve.
//
// A steward task watches: devices that vanish or are swapped under us, map changes (journal
// segments and stripes are brought back to full protection), damaged coordinator copies.
//
// Threads: the reactor's. Ownership: owns all parts; `stop()` before destruction (a simulated crash
// leaks it instead, see env/sim_env.h).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/client.h"
#include "cluster/cluster_map.h"
#include "cluster/cluster_view.h"
#include "coord/embedded.h"
#include "device/device.h"
#include "device/device_client.h"
#include "env/env.h"
#include "env/sync.h"
#include "fabric/fabric.h"
#include "namespace/partition.h"
#include "stripe/stripe.h"

namespace atl::server {

// DeviceEntry::failure of what an operator has failed: stays so, also over a restart, until an
// operator says otherwise.
inline constexpr std::string_view kFailedByOperator = "failed by an operator";

// How often the steward looks whether each device is still in place.
inline constexpr Nanos kWatchInterval = 500ms;
// Shards that could not be restored are tried again this long after the last try.
inline constexpr Nanos kCompareAgain = 30s;
// How long after a failed repair the steward tries again.
inline constexpr Nanos kRepairRetryInterval = 2s;

struct ClusterOptions {
  std::string data_dir;
  uint32_t domains = 8;
  cluster::Protection protection;
  uint64_t device_bytes = 0;                    // of new devices; required when forming on files
  std::map<uint32_t, std::string> raw_devices;  // domain -> block device
  stripe::StoreOptions store;
  ns::PartitionOptions partition;  // view_path is set from data_dir
};

// A change of the map, named before it is awaited (g++ 12, see env/task.h).
using MapChange = std::function<Result<bool>(cluster::ClusterMap*)>;

struct Replaced {
  DeviceId old_device;
  DeviceId new_device;
  DomainId domain;
};

struct ScrubState {
  bool running = false;
  double progress = 0;
  std::optional<Error> error;                 // of the last scrub
  std::optional<stripe::ScrubReport> report;  // of the last finished one
  uint64_t view_files_repaired = 0;
  uint64_t coordinator_copies_repaired = 0;
};

class LocalCluster {
 public:
  static Task<Result<std::unique_ptr<LocalCluster>>> start(env::Env& env, fabric::Fabric& fabric,
                                                           ClusterOptions options);
  ~LocalCluster();
  Task<Status> stop();

  client::Client& client() { return *client_; }
  ns::Partition& partition() { return *partition_; }
  cluster::ClusterView& view() { return *view_; }
  stripe::StripeStore& store() { return *store_; }
  stripe::Maintenance& maintenance() { return *maintenance_; }
  coord::EmbeddedCoordinator& coordinator() { return *coordinator_; }
  env::Env& env() { return env_; }
  const ClusterOptions& options() const { return options_; }
  const device::Device* device(DeviceId id) const;
  const ScrubState& scrub_state() const { return scrub_; }

  // operations.cc; see admin/control.h for what they promise.
  Task<Status> domain_fail(DomainId domain);
  Task<Status> domain_drain(DomainId domain);
  Task<Status> domain_return(DomainId domain);
  Task<Result<std::vector<Replaced>>> device_replace(std::vector<DeviceId> devices, bool force);
  // Scrubs everything: devices and stripes, coordinator copies, the view.
  Task<Result<stripe::ScrubReport>> scrub();

  // True when every stripe, segment and coordinator copy has its full protection and no device
  // waits for a rebuild, as far as is known; false until the devices were compared with what should
  // be there, once after the start.
  bool fully_protected() const;
  bool compared() const { return compared_; }
  // Shards that the last comparison or scrub found missing or bad and could not restore: lost, or
  // waiting for room or for a device.
  uint64_t lost_shards() const { return lost_; }
  uint64_t waiting_shards() const { return waiting_; }
  // What could still be lost: of data, and of the coordinator's copies.
  cluster::Exposure exposure() const;
  // Lost, damaged or foreign copies of the coordinator's state, in domains that are in use.
  std::vector<coord::CopyStatus> copies_wanted() const;

 private:
  LocalCluster(env::Env& env, fabric::Fabric& fabric, ClusterOptions options);

  // forming.cc
  Task<Status> form();
  std::vector<std::string> coordinator_paths() const;
  bool anything_there() const;
  // local_cluster.cc
  Task<Status> open_coordinator();
  Task<Status> open_devices();
  Task<Status> serve_partition();
  Task<Result<uint64_t>> open_device(cluster::DeviceEntry entry);
  void close_device(DeviceId id);
  // steward.cc
  Task<void> watch_devices();
  Task<void> keep_protected();
  Task<Status> protect_once();
  // operations.cc
  Result<std::vector<DeviceId>> devices_of(DomainId domain) const;
  Task<Result<Replaced>> replace_one(DeviceId old, bool force);
  bool domain_in_use(size_t copy) const;
  Task<Status> compare_once();
  void note_unrestored(const stripe::ScrubReport& report);
  // How many were made anew. Those of another cluster are left unless `overwrite_foreign`.
  Task<Result<uint64_t>> mend_coordinator_copies(bool overwrite_foreign);

  env::Env& env_;
  fabric::Fabric& fabric_;
  ClusterOptions options_;
  std::unique_ptr<coord::EmbeddedCoordinator> coordinator_;
  std::unique_ptr<cluster::ClusterView> view_;
  std::map<DomainId, std::unique_ptr<device::DeviceService>> services_;
  std::map<DeviceId, std::unique_ptr<device::Device>> devices_;
  // Devices that were given up while calls may still be running on them; freed at stop.
  std::vector<std::unique_ptr<device::Device>> retired_;
  std::unique_ptr<stripe::StripeIdSource> ids_;
  std::unique_ptr<stripe::StripeStore> store_;
  std::unique_ptr<ns::Partition> partition_;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<stripe::Maintenance> maintenance_;
  ScrubState scrub_;
  env::Mutex operation_mutex_;  // one administrative change at a time
  bool stopping_ = false;
  bool protect_wanted_ = false;
  bool compared_ = false;
  uint64_t lost_ = 0;
  uint64_t waiting_ = 0;
  Nanos compared_at_{};
  env::Event protect_event_;
  env::Event watch_ended_;
  env::Event protect_ended_;
};

}  // namespace atl::server
