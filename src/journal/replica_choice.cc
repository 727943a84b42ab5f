#include "journal/replica_choice.h"

#include <algorithm>

#include "base/check.h"
#include "cluster/placement.h"

namespace atl::journal {
namespace {

std::vector<DeviceId> as_vector(const std::set<DeviceId>& set) {
  return {set.begin(), set.end()};
}

std::set<DomainId> domains_of(const cluster::ClusterMap& map,
                              const std::vector<DeviceId>& devices) {
  std::set<DomainId> out;
  for (DeviceId id : devices)
    if (const auto* entry = map.find_device(id)) out.insert(entry->domain);
  return out;
}

}  // namespace

size_t distinct_domains(const cluster::ClusterMap& map, const std::vector<DeviceId>& devices) {
  return domains_of(map, devices).size();
}

bool is_writable(const cluster::ClusterMap& map, DeviceId device) {
  const auto* entry = map.find_device(device);
  return entry != nullptr && cluster::device_writable(map, *entry);
}

Spread spread_of(const cluster::ClusterMap& map, const std::vector<DeviceId>& replicas) {
  std::vector<DeviceId> up;
  for (DeviceId id : replicas)
    if (is_writable(map, id)) up.push_back(id);
  return {distinct_domains(map, up), up.size()};
}

Spread spread_possible(const cluster::ClusterMap& map, const std::set<DeviceId>& lost) {
  return spread_of(map, cluster::journal_devices(map, 0, as_vector(lost)));
}

std::vector<DeviceId> choose_devices(const cluster::ClusterMap& map, uint64_t salt,
                                     const std::set<DeviceId>& avoid) {
  auto out = cluster::journal_devices(map, salt, as_vector(avoid));
  ATOLL_CHECK(out.size() <= kReplicas);
  for (DeviceId id : out) ATOLL_CHECK(!avoid.contains(id));
  return out;
}

std::optional<DeviceId> choose_addition(const cluster::ClusterMap& map, uint64_t salt,
                                        const std::vector<DeviceId>& good,
                                        const std::set<DeviceId>& avoid) {
  std::vector<DeviceId> up;
  for (DeviceId id : good)
    if (is_writable(map, id)) up.push_back(id);
  const std::set<DomainId> taken = domains_of(map, up);
  std::set<DeviceId> anywhere = avoid;
  anywhere.insert(good.begin(), good.end());
  // Best is a domain that has none yet.
  std::set<DeviceId> elsewhere = anywhere;
  for (const auto& device : map.devices)
    if (taken.contains(device.domain)) elsewhere.insert(device.id);
  if (taken.size() < kReplicas) {
    const auto devices = cluster::journal_devices(map, salt, as_vector(elsewhere));
    if (!devices.empty()) return devices.front();
  }
  if (up.size() >= kReplicas) return std::nullopt;
  const auto devices = cluster::journal_devices(map, salt, as_vector(anywhere));
  if (devices.empty()) return std::nullopt;
  return devices.front();
}

std::vector<DeviceId> best_of(const cluster::ClusterMap& map, std::vector<DeviceId> devices) {
  while (devices.size() > kReplicas) {
    // The one whose absence costs least; of equals the last, which was added for a reason earlier.
    size_t drop = devices.size() - 1;
    Spread best{};
    for (size_t i = devices.size(); i-- > 0;) {
      std::vector<DeviceId> without = devices;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
      const Spread left = spread_of(map, without);
      if (left > best) {
        best = left;
        drop = i;
      }
    }
    devices.erase(devices.begin() + static_cast<std::ptrdiff_t>(drop));
  }
  return devices;
}

}  // namespace atl::journal
