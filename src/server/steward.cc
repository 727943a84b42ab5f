// The steward: sees what was lost and brings it back to full protection. Level-triggered: every
// round compares what is with what should be, so nothing hangs on a notification that was missed.
#include "base/log.h"
#include "base/probe.h"
#include "server/local_cluster.h"

namespace atl::server {

// A folder that was removed, blanked or swapped under us still takes writes through our open file:
// nobody would notice but for this.
Task<void> LocalCluster::watch_devices() {
  while (!stopping_) {
    std::vector<DeviceId> ids;
    for (const auto& [id, device] : devices_) ids.push_back(id);
    for (const DeviceId id : ids) {
      auto it = devices_.find(id);
      if (stopping_ || it == devices_.end() || !view_->readable(id)) continue;
      device::Device* device = it->second.get();
      if (device->failed()) {
        co_await view_->report_failure(id, Error(Errc::kIo, "the device reported an I/O error"));
        continue;
      }
      const bool in_place = co_await device->check_in_place();
      if (!in_place && !stopping_) {
        ATOLL_PROBE("device vanished while in use");
        co_await view_->report_failure(
            id, Error(Errc::kIo, device->path() + " no longer holds this device"));
      }
    }
    for (const coord::CopyStatus& copy : copies_wanted()) {
      if (copy.health == coord::CopyHealth::kForeign) continue;  // an operator's decision
      protect_wanted_ = true;
      protect_event_.set();
    }
    if (lost_ + waiting_ > 0 && env_.now() - compared_at_ > kCompareAgain) {
      protect_wanted_ = true;
      protect_event_.set();
    }
    co_await env_.sleep(kWatchInterval);
  }
  watch_ended_.set();
}

Task<void> LocalCluster::keep_protected() {
  while (!stopping_) {
    co_await protect_event_.wait();
    protect_event_.reset();
    while (protect_wanted_ && !stopping_) {
      protect_wanted_ = false;
      Status done = co_await protect_once();
      if (!done && !stopping_) {
        ATOLL_LOG(kWarn, "server", "protection not restored yet, trying again",
                  {{"why", done.error().to_string()}});
        co_await env_.sleep(kRepairRetryInterval);
        protect_wanted_ = true;
      }
    }
  }
  protect_ended_.set();
}

// One round: 1. groups that can be written; 2. coordinator copies; 3. journal segments on full sets
// of replicas; 4. stripes; 5. after a start, what the devices really hold. What fails does not keep
// the others from their turn.
Task<Status> LocalCluster::protect_once() {
  Status worst;
  auto note = [&worst](Status done) {
    if (!done && worst) worst = std::move(done);
  };
  MapChange ensure = cluster::ensure_writable_groups;
  note(co_await view_->update(std::move(ensure)));
  const Result<uint64_t> copies = co_await mend_coordinator_copies(false);
  if (!copies) note(fail(copies.error()));
  if (!partition_->serving()) co_return fail(Errc::kUnavailable, "the partition is recovering");
  note(co_await partition_->journal().repair());
  bool rebuild = false;
  for (const cluster::DeviceEntry& entry : view_->map().devices)
    rebuild |= entry.needs_rebuild && view_->readable(entry.id);
  if (rebuild) note(co_await maintenance_->rebuild());
  if (!compared_ || lost_ + waiting_ > 0) note(co_await compare_once());
  co_return worst;
}

// A device may come back from a crash, or from a copy of it, with less than it had, and with what
// it had deleted. Only its own word for its contents was taken so far.
Task<Status> LocalCluster::compare_once() {
  const Result<stripe::ScrubReport> report = co_await maintenance_->check();
  if (!report) co_return fail(report.error());
  compared_ = true;
  note_unrestored(*report);
  co_return Status{};
}

void LocalCluster::note_unrestored(const stripe::ScrubReport& report) {
  lost_ = report.unrepairable;
  waiting_ = report.deferred;
  compared_at_ = env_.now();
}

}  // namespace atl::server
