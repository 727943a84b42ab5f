// What an administrator can ask for. Each is one change of the cluster map, and the steward does
// the rest.
#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "cluster/placement.h"
#include "server/layout.h"
#include "server/local_cluster.h"

namespace atl::server {
namespace {

Result<cluster::DomainEntry*> find_domain(cluster::ClusterMap* map, DomainId id) {
  for (cluster::DomainEntry& domain : map->domains)
    if (domain.id == id) return &domain;
  return fail(Errc::kNotFound,
              fmt::format("there is no domain {} (1 to {})", id, map->domains.size()));
}

bool is_live(const cluster::DeviceEntry& entry) {
  return entry.state != cluster::DeviceState::kReplaced;
}

}  // namespace

Result<std::vector<DeviceId>> LocalCluster::devices_of(DomainId domain) const {
  cluster::ClusterMap map = view_->map();
  ATOLL_TRY(cluster::DomainEntry * found, find_domain(&map, domain));
  (void)found;
  std::vector<DeviceId> out;
  for (const cluster::DeviceEntry& entry : map.devices)
    if (entry.domain == domain && is_live(entry)) out.push_back(entry.id);
  return out;
}

Task<Status> LocalCluster::domain_fail(DomainId domain) {
  env::Permit permit = co_await operation_mutex_.lock();
  ATOLL_CO_TRY(std::vector<DeviceId> ids, devices_of(domain));
  MapChange change = [ids](cluster::ClusterMap* map) -> Result<bool> {
    bool changed = false;
    for (const DeviceId id : ids) {
      cluster::DeviceEntry* entry = map->find_device(id);
      if (entry->state == cluster::DeviceState::kFailed && entry->failure == kFailedByOperator)
        continue;
      entry->state = cluster::DeviceState::kFailed;
      entry->failure = kFailedByOperator;
      changed = true;
    }
    // Without a group to write to, what is left can still be read.
    if (changed) (void)cluster::ensure_writable_groups(map);
    return changed;
  };
  ATOLL_CO_TRY_STATUS(co_await view_->update(std::move(change)));
  ATOLL_LOG(kWarn, "server", "domain failed by an operator", {{"domain", domain}});
  co_return Status{};
}

Task<Status> LocalCluster::domain_drain(DomainId domain) {
  env::Permit permit = co_await operation_mutex_.lock();
  MapChange change = [domain](cluster::ClusterMap* map) -> Result<bool> {
    ATOLL_TRY(cluster::DomainEntry * entry, find_domain(map, domain));
    if (entry->draining) return false;
    entry->draining = true;
    // Refused when the rest could take no writes: a drain is for maintenance, not for an outage.
    Result<bool> writable = cluster::ensure_writable_groups(map);
    if (!writable)
      return fail(std::move(writable.error())
                      .with_context("draining this domain would leave no place for new data"));
    return true;
  };
  ATOLL_CO_TRY_STATUS(co_await view_->update(std::move(change)));
  ATOLL_LOG(kInfo, "server", "domain draining", {{"domain", domain}});
  co_return Status{};
}

Task<Status> LocalCluster::domain_return(DomainId domain) {
  env::Permit permit = co_await operation_mutex_.lock();
  ATOLL_CO_TRY(std::vector<DeviceId> ids, devices_of(domain));
  std::vector<cluster::DeviceEntry> back;
  for (const DeviceId id : ids) {
    const cluster::DeviceEntry entry = *view_->map().find_device(id);
    if (entry.state != cluster::DeviceState::kFailed) continue;
    close_device(id);
    // The file may still be locked by the object that was given up: close it for good.
    for (auto& retired : retired_) {
      if (retired && retired->identity().device == id) {
        Status closed = co_await retired->close();
        (void)closed;  // it had failed: nothing more is owed to it
        retired.reset();
      }
    }
    std::erase_if(retired_, [](const auto& device) { return device == nullptr; });
    Result<uint64_t> incarnation = co_await open_device(entry);
    if (!incarnation)
      co_return fail(
          std::move(incarnation.error())
              .with_context(fmt::format("device {} cannot be used again (a lost or blank "
                                        "one is replaced: atoll device replace)",
                                        id)));
    cluster::DeviceEntry updated = entry;
    updated.incarnation = *incarnation;
    back.push_back(updated);
  }
  MapChange change = [domain, back](cluster::ClusterMap* map) -> Result<bool> {
    ATOLL_TRY(cluster::DomainEntry * entry, find_domain(map, domain));
    const bool was_draining = entry->draining;
    entry->draining = false;
    for (const cluster::DeviceEntry& device : back) {
      cluster::DeviceEntry* target = map->find_device(device.id);
      target->state = cluster::DeviceState::kUp;
      target->failure.clear();
      target->needs_rebuild = true;
      target->incarnation = device.incarnation;
    }
    return was_draining || !back.empty();
  };
  ATOLL_CO_TRY_STATUS(co_await view_->update(std::move(change)));
  ATOLL_LOG(kInfo, "server", "domain returned", {{"domain", domain}, {"devices", back.size()}});
  co_return Status{};
}

Task<Result<std::vector<Replaced>>> LocalCluster::device_replace(std::vector<DeviceId> devices,
                                                                 bool force) {
  env::Permit permit = co_await operation_mutex_.lock();
  if (devices.empty()) {
    for (const cluster::DeviceEntry& entry : view_->map().devices)
      if (entry.state == cluster::DeviceState::kFailed) devices.push_back(entry.id);
  }
  std::vector<Replaced> out;
  for (const DeviceId id : devices) {
    Result<Replaced> replaced = co_await replace_one(id, force);
    if (!replaced)
      co_return fail(std::move(replaced.error()).with_context(fmt::format("device {}", id)));
    out.push_back(*replaced);
  }
  // The replaced domains' coordinator copies come back with them.
  const std::vector<std::string> paths = coordinator_paths();
  for (const Replaced& replaced : out) {
    const size_t copy = replaced.domain.value - 1;
    if (copy >= paths.size()) continue;
    Status repaired = co_await coordinator_->repair_copy(copy, force);
    if (!repaired)
      co_return fail(std::move(repaired.error())
                         .with_context(fmt::format("coordinator copy {}{}", paths[copy],
                                                   force ? "" : " (--force overwrites it)")));
  }
  // Those that an earlier replacement left as somebody else's.
  if (force) {
    const Result<uint64_t> mended = co_await mend_coordinator_copies(true);
    if (!mended) co_return fail(mended.error());
  }
  co_return out;
}

Task<Result<Replaced>> LocalCluster::replace_one(DeviceId old, bool force) {
  const cluster::DeviceEntry* found = view_->map().find_device(old);
  if (found == nullptr || !is_live(*found))
    co_return fail(Errc::kNotFound, "there is no such device in use");
  const cluster::DeviceEntry entry = *found;
  if (entry.state != cluster::DeviceState::kFailed)
    co_return fail(
        Errc::kInvalidArgument,
        fmt::format("is {}; only a failed device is replaced (atoll domain fail {} first)",
                    cluster::device_state_name(entry.state), entry.domain));
  const std::string path = absolute_path(options_.data_dir, entry.path);

  // Let go of the old file, then see what is at its path: never overwrite what may be somebody's.
  close_device(old);
  for (auto& retired : retired_) {
    if (retired && retired->identity().device == old) {
      Status closed = co_await retired->close();
      (void)closed;  // it had failed
      retired.reset();
    }
  }
  std::erase_if(retired_, [](const auto& device) { return device == nullptr; });
  Result<device::Identity> there = co_await device::Device::probe(env_, path);
  const bool raw = entry.path.starts_with('/');
  if (!there && there.error().code == Errc::kCorrupt && !force && raw)
    co_return fail(Errc::kForeign, path + " holds something unknown; --force overwrites it");
  if (there && there->cluster != view_->map().cluster && !force)
    co_return fail(Errc::kForeign, path + " belongs to another cluster; --force overwrites it");
  if (there && there->cluster == view_->map().cluster && there->device != old) {
    // A disk in the wrong place. Its contents may be the only good copy if that device is still
    // counted on.
    const cluster::DeviceEntry* other = view_->map().find_device(there->device);
    if (other != nullptr && is_live(*other) && other->state != cluster::DeviceState::kFailed)
      co_return fail(
          Errc::kForeign,
          fmt::format("{} holds device {}, which is in use elsewhere: move the file away by "
                      "hand, then replace again",
                      path, there->device));
  }

  uint64_t size = options_.device_bytes;
  for (const cluster::DeviceEntry& other : view_->map().devices)
    if (const device::Device* open = device(other.id); open != nullptr)
      size = std::max(size, open->size_bytes());
  if (!raw) {
    ATOLL_CO_TRY_STATUS(env_.create_directories(domain_dir(options_.data_dir, entry.domain)));
    ATOLL_CO_TRY_STATUS(env_.remove_all(path));
  }

  // A new id for it, remembered before it is used, so that no id is ever given twice.
  DeviceId fresh;
  MapChange take_id = [&fresh](cluster::ClusterMap* map) -> Result<bool> {
    fresh = DeviceId(map->next_device++);
    return true;
  };
  ATOLL_CO_TRY_STATUS(co_await view_->update(std::move(take_id)));
  device::Identity identity;
  identity.cluster = view_->map().cluster;
  identity.device = fresh;
  identity.domain = entry.domain;
  device::Device::FormatOptions format;
  format.size_bytes = size;
  format.overwrite = true;
  ATOLL_CO_TRY_STATUS(co_await device::Device::format(env_, path, identity, format));

  cluster::DeviceEntry replacement = entry;
  replacement.id = fresh;
  replacement.state = cluster::DeviceState::kUp;
  replacement.failure.clear();
  replacement.needs_rebuild = true;
  replacement.incarnation = 0;
  ATOLL_CO_TRY(uint64_t incarnation, co_await open_device(replacement));
  replacement.incarnation = incarnation;
  replacement.capacity_bytes = devices_.at(fresh)->use().capacity_bytes;
  MapChange change = [old, replacement](cluster::ClusterMap* map) -> Result<bool> {
    ATOLL_TRY_STATUS(cluster::replace_device(map, old, replacement));
    return true;
  };
  ATOLL_CO_TRY_STATUS(co_await view_->update(std::move(change)));
  ATOLL_LOG(kInfo, "server", "device replaced",
            {{"old", old}, {"new", fresh}, {"domain", entry.domain}, {"path", path}});
  Replaced replaced;
  replaced.old_device = old;
  replaced.new_device = fresh;
  replaced.domain = entry.domain;
  co_return replaced;
}

Task<Result<uint64_t>> LocalCluster::mend_coordinator_copies(bool overwrite_foreign) {
  uint64_t mended = 0;
  const std::vector<coord::CopyStatus> copies = coordinator_->copy_states();
  for (size_t i = 0; i < copies.size(); ++i) {
    const coord::CopyHealth was = copies[i].health;
    if (was == coord::CopyHealth::kOk || was == coord::CopyHealth::kStale) continue;
    if (was == coord::CopyHealth::kForeign && !overwrite_foreign) continue;
    if (!domain_in_use(i)) continue;  // comes back with `device replace`
    Status repaired = co_await coordinator_->repair_copy(i, overwrite_foreign);
    if (!repaired)
      co_return fail(std::move(repaired.error())
                         .with_context(fmt::format("coordinator copy {}", copies[i].path)));
    ATOLL_LOG(kWarn, "server", "coordinator copy repaired",
              {{"copy", copies[i].path}, {"was", coord::copy_health_name(was)}});
    ++mended;
  }
  co_return mended;
}

Task<Result<stripe::ScrubReport>> LocalCluster::scrub() {
  if (scrub_.running) co_return fail(Errc::kBusy, "a scrub is running already");
  scrub_.running = true;
  scrub_.progress = 0;
  scrub_.error.reset();
  std::function<void(double)> progress = [this](double done) { scrub_.progress = done * 0.95; };
  Result<stripe::ScrubReport> report = co_await maintenance_->scrub(std::move(progress));
  if (report) {
    // What the journal needs and finds bad is what counts, by its own reading or by what the
    // devices just told it. They also report damage in what is garbage: replicas that were
    // replaced, until their segment is trimmed.
    auto journal = co_await partition_->journal().scrub();
    if (journal) {
      report->bad_segments = journal->bad_replicas;
      report->repaired += journal->bad_replicas;
    } else {
      report = fail(std::move(journal.error()).with_context("journal"));
    }
  }
  if (report) {
    const coord::VerifyReport verified = co_await coordinator_->verify();
    Result<uint64_t> copies = co_await mend_coordinator_copies(false);
    Result<uint64_t> files = co_await partition_->verify_view();
    scrub_.coordinator_copies_repaired = verified.slots_repaired + copies.value_or(0);
    note_unrestored(*report);
    scrub_.view_files_repaired = files.value_or(0);
    if (!files) report = fail(std::move(files.error()).with_context("view"));
    if (!copies) report = fail(std::move(copies.error()).with_context("coordinator"));
  }
  scrub_.running = false;
  scrub_.progress = 1;
  if (report) {
    scrub_.report = *report;
  } else {
    scrub_.error = report.error();
  }
  co_return report;
}

}  // namespace atl::server
