// Making a new cluster. Nothing is served before it is whole, so one that was cut short is begun
// anew: the file `forming` says that nothing under the data directory can be worth keeping.
#include <algorithm>

#include "base/log.h"
#include "coord/embedded.h"
#include "server/layout.h"
#include "server/local_cluster.h"

namespace atl::server {

// 2m+1 copies: a majority is left when m domains are lost.
std::vector<std::string> LocalCluster::coordinator_paths() const {
  const uint32_t copies = std::min(options_.domains, 2 * options_.protection.m + 1);
  std::vector<std::string> out;
  for (uint32_t i = 1; i <= copies; ++i)
    out.push_back(coordinator_path(options_.data_dir, DomainId(i)));
  return out;
}

// Any trace of a cluster, so that one whose disks were lost is never taken for a new one.
bool LocalCluster::anything_there() const {
  for (uint32_t i = 1; i <= options_.domains; ++i) {
    const DomainId domain(i);
    if (env_.exists(coordinator_path(options_.data_dir, domain))) return true;
    if (env_.exists(absolute_path(options_.data_dir, device_path(domain)))) return true;
  }
  return env_.exists(view_path(options_.data_dir));
}

Task<Status> LocalCluster::form() {
  const std::string marker = forming_path(options_.data_dir);
  if (!env_.exists(marker)) {
    env::OpenOptions create;
    create.create = true;
    create.size_bytes = env::kBlockSize;
    auto made = co_await env_.open_block_file(marker, create);
    if (!made) co_return fail(std::move(made.error()).with_context("cannot make a new cluster"));
  }
  ATOLL_CO_TRY_STATUS(env_.remove_all(view_path(options_.data_dir)));

  cluster::ClusterMap map;
  for (size_t i = 0; i < map.cluster.bytes.size(); ++i)
    map.cluster.bytes[i] = static_cast<uint8_t>(env_.random());
  map.protection = options_.protection;
  for (uint32_t i = 1; i <= options_.domains; ++i) {
    const DomainId domain(i);
    map.domains.push_back({.id = domain});
    cluster::DeviceEntry entry;
    entry.id = DeviceId(map.next_device++);
    entry.domain = domain;
    entry.node = NodeId(i);
    auto raw = options_.raw_devices.find(i);
    entry.path = raw == options_.raw_devices.end() ? device_path(domain) : raw->second;
    const std::string path = absolute_path(options_.data_dir, entry.path);
    if (raw != options_.raw_devices.end() && !env_.exists(path))
      co_return fail(Errc::kNotFound,
                     fmt::format("--device {}={}: there is no such device", i, path));
    ATOLL_CO_TRY_STATUS(env_.create_directories(domain_dir(options_.data_dir, domain)));
    if (raw == options_.raw_devices.end()) {
      ATOLL_CO_TRY_STATUS(env_.remove_all(path));  // of an attempt that was cut short
    }
    ATOLL_CO_TRY_STATUS(env_.remove_all(coordinator_path(options_.data_dir, domain)));

    device::Identity identity;
    identity.cluster = map.cluster;
    identity.device = entry.id;
    identity.domain = domain;
    device::Device::FormatOptions format;
    format.size_bytes = options_.device_bytes;
    Status formatted = co_await device::Device::format(env_, path, identity, format);
    if (!formatted) co_return fail(std::move(formatted.error()).with_context(path));
    map.devices.push_back(entry);
  }
  ATOLL_CO_TRY_STATUS(cluster::add_groups(&map, map.protection));

  {
    ATOLL_CO_TRY(auto coordinator, co_await coord::EmbeddedCoordinator::create(
                                       env_, coordinator_paths(), map.cluster));
    ATOLL_CO_TRY(uint64_t version,
                 co_await coordinator->compare_and_swap(cluster::kMapKey, 0, map.encode()));
    (void)version;
    co_await coordinator->close();
  }
  ATOLL_CO_TRY_STATUS(env_.remove_all(marker));
  ATOLL_LOG(kInfo, "server", "made a new cluster",
            {{"cluster", map.cluster.to_string()},
             {"domains", options_.domains},
             {"protection", cluster::format_protection(map.protection)}});
  co_return Status{};
}

}  // namespace atl::server
