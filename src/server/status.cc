#include "server/status.h"

#include <boost/json.hpp>

#include "base/metrics.h"
#include "cluster/placement.h"

namespace atl::server {
namespace json = boost::json;
namespace {

struct Capacity {
  uint64_t raw = 0;
  uint64_t live = 0;
  uint64_t free = 0;
};

Capacity sum_capacity(const LocalCluster& cluster, const cluster::ClusterMap& map) {
  Capacity out;
  for (const cluster::DeviceEntry& entry : map.devices) {
    const device::Device* device = cluster.device(entry.id);
    if (device == nullptr || entry.state != cluster::DeviceState::kUp) continue;
    const device::Use use = device->use();
    out.raw += use.capacity_bytes;
    out.live += use.live_bytes;
    out.free += use.free_bytes;
  }
  return out;
}

std::string_view domain_state(const cluster::ClusterMap& map, const cluster::DomainEntry& domain) {
  bool any_up = false, any_failed = false;
  for (const cluster::DeviceEntry& entry : map.devices) {
    if (entry.domain != domain.id) continue;
    any_up |=
        entry.state == cluster::DeviceState::kUp || entry.state == cluster::DeviceState::kDraining;
    any_failed |= entry.state == cluster::DeviceState::kFailed;
  }
  if (!any_up) return "failed";
  if (domain.draining) return "draining";
  return any_failed ? "degraded" : "up";
}

json::object device_json(const LocalCluster& cluster, const cluster::DeviceEntry& entry) {
  json::object out;
  out["id"] = entry.id.value;
  out["domain"] = entry.domain.value;
  out["path"] = entry.path;
  out["state"] = json::string(cluster::device_state_name(entry.state));
  out["failure"] = entry.failure;
  out["needs_rebuild"] = entry.needs_rebuild;
  device::Use use;
  if (const device::Device* device = cluster.device(entry.id);
      device != nullptr && entry.state != cluster::DeviceState::kFailed) {
    use = device->use();
    out["size_bytes"] = device->size_bytes();
  } else {
    out["size_bytes"] = 0;
  }
  out["capacity_bytes"] = use.capacity_bytes;
  out["live_bytes"] = use.live_bytes;
  out["free_bytes"] = use.free_bytes;
  out["shards"] = use.shards;
  out["journal_segments"] = use.segments;
  return out;
}

json::object rebuild_json(const stripe::RepairProgress& p) {
  json::object out;
  out["running"] = p.running;
  out["stripes_total"] = p.stripes_total;
  out["stripes_done"] = p.stripes_done;
  out["shards_rebuilt"] = p.shards_rebuilt;
  out["bytes_rebuilt"] = p.bytes_rebuilt;
  out["stripes_failed"] = p.stripes_failed;
  out["bytes_per_second"] = p.bytes_per_second;
  out["seconds_left"] = p.seconds_left;
  return out;
}

// One word for a screen, and the reasons for it in words.
std::string_view judge(LocalCluster& cluster, const cluster::Exposure& exposure,
                       json::array* reasons) {
  const cluster::ClusterMap& map = cluster.view().map();
  size_t failed = 0, behind = 0;
  for (const cluster::DeviceEntry& entry : map.devices) {
    if (entry.state == cluster::DeviceState::kFailed) {
      ++failed;
      reasons->push_back(json::string(fmt::format("device {} in domain {} is failed: {}", entry.id,
                                                  entry.domain, entry.failure)));
    } else if (entry.needs_rebuild) {
      ++behind;
    }
  }
  if (behind > 0)
    reasons->push_back(json::string(fmt::format("{} device(s) are being rebuilt", behind)));
  for (const coord::CopyStatus& copy : cluster.copies_wanted())
    reasons->push_back(json::string(
        fmt::format("coordinator copy {} is {}", copy.path, coord::copy_health_name(copy.health))));
  if (!cluster.compared())
    reasons->push_back("what the devices hold is being compared with what should be there");
  if (cluster.lost_shards() > 0)
    reasons->push_back(json::string(
        fmt::format("{} shard(s) are lost and cannot be restored", cluster.lost_shards())));
  if (cluster.waiting_shards() > 0)
    reasons->push_back(json::string(fmt::format(
        "{} shard(s) wait to be restored: for room, or for a device", cluster.waiting_shards())));
  if (!cluster.partition().serving()) reasons->push_back("the namespace is recovering");
  if (cluster.partition().serving() && !cluster.partition().journal().fully_replicated())
    reasons->push_back("journal segments are being replicated again");
  if (exposure.data_unreadable || cluster.lost_shards() > 0) return "unreadable";
  if (exposure.losable_domains_now == 0 && exposure.losable_domains_by_design > 0) return "at_risk";
  return reasons->empty() ? "healthy" : "degraded";
}

}  // namespace

json::value make_scrub_state(const ScrubState& state) {
  json::object out;
  out["running"] = state.running;
  out["progress"] = state.progress;
  out["error"] = state.error ? json::value(state.error->to_string()) : json::value(nullptr);
  out["report"] = nullptr;
  if (state.report) {
    const stripe::ScrubReport& r = *state.report;
    json::object report;
    report["zones"] = r.zones;
    report["records"] = r.records;
    report["bytes"] = r.bytes;
    report["bad_shards"] = r.bad_shards;
    report["bad_segments"] = r.bad_segments;
    report["bad_metadata"] = r.bad_metadata;
    report["missing_shards"] = r.missing_shards;
    report["repaired"] = r.repaired;
    report["unrepairable"] = r.unrepairable;
    report["deferred"] = r.deferred;
    report["view_files_repaired"] = state.view_files_repaired;
    report["coordinator_copies_repaired"] = state.coordinator_copies_repaired;
    out["report"] = std::move(report);
  }
  return out;
}

Task<Result<json::value>> make_status(LocalCluster& cluster) {
  const std::shared_ptr<const cluster::ClusterMap> map = cluster.view().snapshot();
  const cluster::Exposure exposure = cluster.exposure();
  json::object out;
  out["schema_version"] = 1;
  out["cluster"] = map->cluster.to_string();
  out["map_version"] = map->version;
  out["protection"] = cluster::format_protection(map->protection);

  json::array reasons;
  out["health"] = json::string(judge(cluster, exposure, &reasons));
  out["reasons"] = std::move(reasons);
  out["fully_protected"] = cluster.fully_protected();
  json::object losable;
  losable["domains_by_design"] = exposure.losable_domains_by_design;
  losable["domains_now"] = exposure.losable_domains_now;
  losable["domains_down"] = exposure.domains_down;
  out["can_lose"] = std::move(losable);

  const Capacity capacity = sum_capacity(cluster, *map);
  const double width = map->protection.k + map->protection.m;
  const double data_share = map->protection.k / width;
  const ns::Stats stats = cluster.partition().stats();
  json::object capacity_json;
  capacity_json["raw_bytes"] = capacity.raw;
  capacity_json["usable_bytes"] =
      static_cast<uint64_t>((capacity.live + capacity.free) * data_share);
  capacity_json["live_raw_bytes"] = capacity.live;
  capacity_json["free_bytes"] = static_cast<uint64_t>(capacity.free * data_share);
  capacity_json["object_bytes"] = stats.bytes;
  out["capacity"] = std::move(capacity_json);

  json::array domains;
  for (const cluster::DomainEntry& domain : map->domains) {
    json::object entry;
    entry["id"] = domain.id.value;
    entry["state"] = json::string(domain_state(*map, domain));
    json::array devices;
    for (const cluster::DeviceEntry& device : map->devices)
      if (device.domain == domain.id && device.state != cluster::DeviceState::kReplaced)
        devices.push_back(device_json(cluster, device));
    entry["devices"] = std::move(devices);
    domains.push_back(std::move(entry));
  }
  out["domains"] = std::move(domains);

  out["rebuild"] = rebuild_json(cluster.maintenance().progress());
  out["scrub"] = make_scrub_state(cluster.scrub_state());

  json::object names;
  names["serving"] = cluster.partition().serving();
  names["buckets"] = stats.buckets;
  names["objects"] = stats.objects;
  names["object_bytes"] = stats.bytes;
  names["inline_bytes"] = stats.inline_bytes;
  names["stripes"] = stats.stripes;
  names["stripe_data_bytes"] = stats.stripe_data_bytes;
  names["stripe_live_bytes"] = stats.stripe_live_bytes;
  out["namespace"] = std::move(names);

  json::array copies;
  for (const coord::CopyStatus& copy : cluster.coordinator().copy_states()) {
    json::object entry;
    entry["path"] = copy.path;
    entry["health"] = json::string(coord::copy_health_name(copy.health));
    entry["detail"] = copy.detail;
    copies.push_back(std::move(entry));
  }
  json::object coordinator;
  coordinator["copies"] = std::move(copies);
  coordinator["copies_to_spare"] = cluster.coordinator().copies_to_spare();
  out["coordinator"] = std::move(coordinator);

  if (cluster.partition().serving()) {
    journal::Journal& journal = cluster.partition().journal();
    json::object entry;
    entry["epoch"] = journal.epoch().value;
    entry["committed_lsn"] = journal.committed().value;
    entry["checkpoint_lsn"] = journal.checkpoint().lsn.value;
    entry["bytes_since_checkpoint"] = journal.bytes_since_checkpoint();
    entry["fully_replicated"] = journal.fully_replicated();
    out["journal"] = std::move(entry);
  } else {
    out["journal"] = nullptr;
  }
  co_return json::value(std::move(out));
}

void update_gauges(LocalCluster& cluster) {
  const std::shared_ptr<const cluster::ClusterMap> map = cluster.view().snapshot();
  const cluster::Exposure exposure = cluster.exposure();
  metric_gauge("atoll_can_lose_domains",
               "More whole domains that could be lost now without losing data")
      .set(exposure.losable_domains_now);
  metric_gauge("atoll_domains_down", "Domains with no usable device").set(exposure.domains_down);
  metric_gauge("atoll_fully_protected", "1 when every stripe and segment has its full protection")
      .set(cluster.fully_protected() ? 1 : 0);
  const Capacity capacity = sum_capacity(cluster, *map);
  metric_gauge("atoll_raw_capacity_bytes", "Room on all devices in use").set(capacity.raw);
  metric_gauge("atoll_raw_live_bytes", "Live records on all devices").set(capacity.live);
  metric_gauge("atoll_raw_free_bytes", "Room that new data can still take").set(capacity.free);
  const ns::Stats stats = cluster.partition().stats();
  metric_gauge("atoll_objects", "Objects in all buckets").set(stats.objects);
  metric_gauge("atoll_object_bytes", "Bytes of all objects, as users see them").set(stats.bytes);
  metric_gauge("atoll_inline_bytes", "Small data not yet packed into stripes")
      .set(stats.inline_bytes);
  metric_gauge("atoll_stripes", "Stripes in use").set(stats.stripes);
}

}  // namespace atl::server
