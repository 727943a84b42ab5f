// Opening: from copies that may disagree to one state that a majority holds.
//
//   1. read every copy; a majority of the configured ones must be whole and this cluster's
//   2. promise: write a term above all that were seen onto a majority, each copy keeping its own
//      snapshot. From here on nothing written under an earlier term can outrank what we write,
//      not even by a copy that was out of reach today and holds a newer snapshot nobody
//      acknowledged.
//   3. take the newest snapshot among the copies that promised
//   4. settle: write it under the new term onto a majority
//
// Example, five copies, the last change acknowledged is 7; change 8 reached copy 1 alone, then the
// power went. Copies 1 and 2 do not come back. Copies 3, 4, 5 are at 7: term 2 is promised, 7 is
// settled as (term 2, sequence 8), and another 8th change becomes (2, 9). Copy 1 returns with (1,
// 8): outranked, overwritten. Had copy 1 been there, its change 8 would have been everybody's:
// either is right, as its caller never got an answer.

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/probe.h"
#include "coord/embedded_core.h"

namespace atl::coord {
namespace {

std::string list_unusable(const std::vector<CopyProbe>& probes) {
  std::string out;
  for (const CopyProbe& probe : probes) {
    if (probe.status.health == CopyHealth::kOk) continue;
    out += fmt::format("; {} is {} ({})", probe.status.path, copy_health_name(probe.status.health),
                       probe.status.detail);
  }
  return out;
}

// The cluster that most of the whole copies belong to; nil when there is none.
Uuid likeliest_cluster(const std::vector<CopyProbe>& probes) {
  std::map<Uuid, int> votes;
  for (const CopyProbe& probe : probes)
    if (probe.status.health == CopyHealth::kOk) ++votes[probe.newest()->cluster];
  Uuid best;
  int most = 0;
  for (const auto& [cluster, count] : votes) {
    if (count <= most) continue;
    most = count;
    best = cluster;
  }
  return best;
}

Status enough_usable(const std::vector<CopyProbe>& probes, uint32_t configured_elsewhere) {
  size_t usable = 0;
  for (const CopyProbe& probe : probes)
    if (probe.status.health == CopyHealth::kOk) ++usable;
  const size_t majority = probes.size() / 2 + 1;
  if (usable >= majority) return {};
  if (configured_elsewhere != 0)
    return fail(
        Errc::kInvalidArgument,
        fmt::format("this cluster keeps {} copies of its coordinator, and {} are configured",
                    configured_elsewhere, probes.size()));
  return fail(Errc::kUnavailable,
              fmt::format("{} of {} coordinator copies can be used and {} are needed{}", usable,
                          probes.size(), majority, list_unusable(probes)));
}

// The number of copies that a majority of the configured files says there are, if not this many.
uint32_t other_count(const std::vector<CopyProbe>& probes, const Uuid& cluster) {
  std::map<uint32_t, size_t> votes;
  for (const CopyProbe& probe : probes)
    if (probe.status.health == CopyHealth::kOk && probe.newest()->cluster == cluster)
      ++votes[probe.newest()->copy_count];
  for (const auto& [count, n] : votes)
    if (count != probes.size() && n > probes.size() / 2) return count;
  return 0;
}

// A torn last write looks like rot: either way this copy has the older slot only.
void log_damaged_slots(const CopyProbe& probe) {
  static Counter& damaged = metric_counter("atoll_coord_slots_damaged_at_open_total",
                                           "Coordinator slots found torn or damaged when opening");
  for (int slot = 0; slot < kSlots; ++slot) {
    const SlotView& view = probe.view.slots[slot];
    if (view.good || view.code == Errc::kBlank) continue;
    damaged.add();
    ATOLL_LOG(kWarn, "coord", "a slot is torn or damaged",
              {{"path", probe.status.path}, {"slot", slot}, {"damage", view.detail}});
  }
}

Task<Status> promise(std::shared_ptr<CopyFile> file, SnapshotHeader header, Buf body,
                     uint64_t term) {
  header.promised_term = term;
  co_return co_await CopyFile::store(file, header, std::move(body));
}

Task<Status> within_limit(env::Env& env, Task<Status> task) {
  return env::with_timeout<void>(env, EmbeddedCoordinator::kOpenWaitMax, std::move(task));
}

}  // namespace

// The steps of one open() call; a friend of EmbeddedCoordinator.
struct Opening {
  using Core = EmbeddedCoordinator::Core;

  static Task<Status> promise_term(std::shared_ptr<Core> core, std::vector<CopyProbe>* probes);
  static Task<Result<std::unique_ptr<EmbeddedCoordinator>>> serve(std::shared_ptr<Core> core,
                                                                  std::vector<CopyProbe>* probes);
};

// Step 2. A copy that cannot be written is marked and takes no part in step 3.
Task<Status> Opening::promise_term(std::shared_ptr<Core> core, std::vector<CopyProbe>* probes) {
  uint64_t highest = 0;
  for (const CopyProbe& probe : *probes)
    if (probe.status.health == CopyHealth::kOk)
      highest = std::max(highest, probe.newest()->promised_term);
  core->term = highest + 1;
  std::vector<size_t> asked;
  std::vector<Task<Status>> tasks;
  for (size_t i = 0; i < probes->size(); ++i) {
    CopyProbe& probe = (*probes)[i];
    if (probe.status.health != CopyHealth::kOk) continue;
    const SlotView& slot = probe.view.slots[*probe.view.newest()];
    asked.push_back(i);
    Task<Status> one = promise(probe.file, *slot.header, slot.body, core->term);
    tasks.push_back(within_limit(core->env, std::move(one)));
  }
  std::vector<Status> done = co_await env::when_all(core->env, std::move(tasks));
  for (size_t a = 0; a < asked.size(); ++a) {
    if (done[a]) continue;
    ATOLL_PROBE("coord.promise_failed");
    CopyProbe& probe = (*probes)[asked[a]];
    probe.status.health = CopyHealth::kFailing;
    probe.status.detail = done[a].error().to_string();
  }
  co_return enough_usable(*probes, 0);
}

// Steps 3 and 4 (for kInspect step 3 alone).
Task<Result<std::unique_ptr<EmbeddedCoordinator>>> Opening::serve(std::shared_ptr<Core> core,
                                                                  std::vector<CopyProbe>* probes) {
  const SlotView* newest = nullptr;
  size_t holders = 0;
  for (const CopyProbe& probe : *probes) {
    if (probe.status.health != CopyHealth::kOk) continue;
    const SlotView& slot = probe.view.slots[*probe.view.newest()];
    if (newest != nullptr && order_of(*slot.header) == order_of(*newest->header)) ++holders;
    if (newest != nullptr && order_of(*slot.header) <= order_of(*newest->header)) continue;
    newest = &slot;
    holders = 1;
  }
  ATOLL_CHECK(newest != nullptr);
  if (holders <= probes->size() / 2) ATOLL_PROBE("coord.open_settles_a_minority");
  ByteSpan bytes = newest->body.span().first(newest->header->body_bytes);
  ATOLL_CO_TRY(SnapshotBody body, decode_body(bytes));
  const SnapshotOrder newest_order = order_of(*newest->header);
  core->sequence = newest->header->sequence;

  std::vector<CopySet::Member> members;
  for (CopyProbe& probe : *probes) {
    if (probe.file) log_damaged_slots(probe);
    CopySet::Member member{probe.status.path, probe.file, probe.status.health, probe.status.detail};
    if (member.health == CopyHealth::kOk && order_of(*probe.newest()) < newest_order) {
      ATOLL_PROBE("coord.older_copy_at_open");
      member.health = CopyHealth::kStale;
      member.detail = fmt::format("at revision {}", probe.newest()->revision);
    }
    if (member.health != CopyHealth::kOk)
      ATOLL_LOG(kWarn, "coord", "a coordinator copy is not as it should be",
                {{"path", member.path},
                 {"is", copy_health_name(member.health)},
                 {"detail", member.detail}});
    members.push_back(std::move(member));
  }
  core->copies = std::make_shared<CopySet>(core->env, std::move(members));
  if (core->mode == OpenMode::kServe) {
    State settled = body.state;
    bool reached =
        co_await Core::replicate(core, std::move(settled), EmbeddedCoordinator::kOpenWaitMax);
    if (!reached) {
      core->copies->stop();
      std::string why;
      for (const CopyStatus& copy : core->copies->states())
        why += fmt::format("; {} is {} {}", copy.path, copy_health_name(copy.health), copy.detail);
      co_await CopySet::close(core->copies);
      co_return fail(Errc::kUnavailable, "no majority of coordinator copies can be written" + why);
    }
  }
  core->store = std::make_shared<Store>(std::move(body.state), core->env.now());
  co_return std::unique_ptr<EmbeddedCoordinator>(new EmbeddedCoordinator(core));
}

Task<Result<std::unique_ptr<EmbeddedCoordinator>>> EmbeddedCoordinator::open(
    env::Env& env, std::vector<std::string> paths, OpenMode mode) {
  ATOLL_CO_TRY_STATUS(check_paths(paths));
  std::vector<CopyProbe> probes = co_await probe_copies(env, paths);
  for (const CopyProbe& probe : probes)
    if (probe.code == Errc::kBusy)
      co_return fail(Errc::kBusy,
                     fmt::format("{} is in use by another process", probe.status.path));
  auto core = std::make_shared<Core>(env);
  core->mode = mode;
  core->cluster = likeliest_cluster(probes);
  core->copy_names = copy_names(paths);
  const uint32_t elsewhere = other_count(probes, core->cluster);
  judge_copies(&probes, core->cluster);
  ATOLL_CO_TRY_STATUS(enough_usable(probes, elsewhere));
  if (mode == OpenMode::kServe) ATOLL_CO_TRY_STATUS(co_await Opening::promise_term(core, &probes));
  co_return co_await Opening::serve(core, &probes);
}

}  // namespace atl::coord
