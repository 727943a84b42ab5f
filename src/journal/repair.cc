// Keeping closed segments on kReplicas sound devices. The open segment is never repaired: it is
// closed first, and the next append opens one on sound devices.
//
//   1. survey     what each device says it holds; what readers found damaged (Core::suspects)
//   2. top up     replicas that are short, in place
//   3. add        new devices until the spread is the best that is possible now
//   4. rewrite    where only devices with a damaged copy are left: the segment under a new id
//   5. record     the list, by compare-and-swap; only then does a new replica count
//
// A replica that leaves the list is not deleted here: a later owner might list that very device
// again before the deletion arrives. It goes when the segment is trimmed and its id is on no list
// any more.
#include <algorithm>
#include <map>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/probe.h"
#include "device/device_client.h"
#include "journal/copy.h"
#include "journal/core.h"
#include "journal/replica_choice.h"

namespace atl::journal {
namespace {

// New devices tried for one segment in one repair; what is still missing waits for the next.
constexpr int kAdditionsMax = 8;

using DeviceSegments = std::map<SegmentId, device::SegmentState>;

// What the devices hold, asked once a repair. A device that does not answer has no value.
struct Survey {
  std::map<DeviceId, std::optional<DeviceSegments>> devices;
};
using SurveyPtr = std::shared_ptr<Survey>;

Task<void> ask_device(CorePtr core, SurveyPtr survey, DeviceId id) {
  if (survey->devices.contains(id)) co_return;
  survey->devices[id] = std::nullopt;
  if (!core->view.readable(id)) co_return;
  auto listed = co_await core->view.client(id)->list_segments();
  if (!listed) {
    co_await core->view.report_failure(id, listed.error());
    co_return;
  }
  DeviceSegments segments;
  for (const auto& state : *listed) segments[state.segment] = state;
  survey->devices[id] = std::move(segments);
}

// One segment's replicas, sorted by what they are good for.
struct Standing {
  std::vector<DeviceId> good;   // readable, complete
  std::vector<DeviceId> brief;  // readable, absent or short: can be topped up
  std::vector<DeviceId> bad;    // readable, damaged
  std::vector<DeviceId> away;   // not readable now, may return
  // A device that could have been added has a damaged copy of before, which cannot be written over.
  bool stray = false;
};

Standing standing_of(const Core& core, const Survey& survey, const SegmentEntry& segment) {
  Standing out;
  for (DeviceId id : segment.replicas) {
    const auto& held = survey.devices.at(id);
    if (!held) {
      const auto* entry = core.view.map().find_device(id);
      if (entry != nullptr && entry->state != cluster::DeviceState::kReplaced)
        out.away.push_back(id);
    } else if (core.suspects.contains({segment.id, id})) {
      out.bad.push_back(id);
    } else if (auto it = held->find(segment.id);
               it != held->end() && it->second.next_lsn >= segment.end_lsn) {
      const bool same_end =
          it->second.next_lsn > segment.end_lsn || it->second.chain == segment.end_chain;
      (same_end ? out.good : out.bad).push_back(id);
    } else {
      out.brief.push_back(id);
    }
  }
  return out;
}

std::vector<DeviceId> sources_of(const Standing& standing) {
  std::vector<DeviceId> out = standing.good;
  out.insert(out.end(), standing.brief.begin(), standing.brief.end());
  out.insert(out.end(), standing.bad.begin(), standing.bad.end());
  out.insert(out.end(), standing.away.begin(), standing.away.end());
  return out;
}

// Copies the segment to `target`; false when it is not there afterwards. kFenced breaks the
// journal.
Task<CopyOutcome> copy_to(CorePtr core, SegmentEntry segment, SegmentId source_id,
                          std::vector<DeviceId> sources, DeviceId target) {
  const Cursor end{segment.end_lsn, segment.end_chain};
  CopyOrder order{core->partition, core->state.epoch, std::move(segment), end, std::move(sources),
                  target,          source_id};
  CopyOutcome outcome = co_await copy_segment(core->view, std::move(order));
  if (outcome.status) co_return outcome;
  const Error why = outcome.status.error();
  ATOLL_LOG(kWarn, "journal", "a segment could not be copied",
            {{"partition", core->partition}, {"device", target}, {"reason", why.to_string()}});
  if (why.code == Errc::kFenced) break_journal(*core, why);
  if (outcome.of_target) co_await core->view.report_failure(target, why);
  co_return outcome;
}

// Step 2.
Task<void> top_up(CorePtr core, SegmentEntry segment, std::shared_ptr<Standing> standing) {
  const std::vector<DeviceId> brief = standing->brief;
  for (DeviceId id : brief) {
    CopyOutcome outcome = co_await copy_to(core, segment, segment.id, sources_of(*standing), id);
    if (core->broken) co_return;
    if (outcome.status) {
      ATOLL_PROBE("journal.repair_topped_up");
      std::erase(standing->brief, id);
      standing->good.push_back(id);
    } else if (outcome.of_target && outcome.status.error().code == Errc::kConflict) {
      ATOLL_PROBE("journal.repair_found_stray_replica");
      std::erase(standing->brief, id);
      standing->bad.push_back(id);
    }
  }
}

// Step 3.
Task<void> add_replicas(CorePtr core, SegmentEntry segment, std::shared_ptr<Standing> standing) {
  std::set<DeviceId> avoid(segment.replicas.begin(), segment.replicas.end());
  for (int attempt = 0; attempt < kAdditionsMax && !core->broken; ++attempt) {
    auto map = core->view.snapshot();
    if (spread_of(*map, standing->good) >= spread_possible(*map, {})) co_return;
    const auto target = choose_addition(*map, segment.id.value, standing->good, avoid);
    if (!target) co_return;
    avoid.insert(*target);
    CopyOutcome outcome =
        co_await copy_to(core, segment, segment.id, sources_of(*standing), *target);
    if (outcome.status) {
      ATOLL_PROBE("journal.repair_added_replica");
      standing->good.push_back(*target);
    } else if (!outcome.of_target) {
      co_return;  // no source has it all: another target would not help
    } else if (outcome.status.error().code == Errc::kConflict) {
      standing->stray = true;
    }
  }
}

// Step 4. A device never gets a second, different copy of a segment that it has in part: what is
// left of the first could come back after a crash and mix with it. A new id cannot be mixed up with
// anything. It is taken from the coordinator first, so that no later owner uses it for something
// else.
Task<Status> rewrite(CorePtr core, SegmentEntry segment, std::shared_ptr<Standing> standing) {
  auto map = core->view.snapshot();
  SegmentEntry fresh = segment;
  fresh.replicas.clear();
  auto new_id = std::make_shared<SegmentId>();
  auto take_id = [new_id](JournalState* state) -> Result<bool> {
    *new_id = state->next_segment;
    state->next_segment.value += 1;
    return true;
  };
  ATOLL_CO_TRY_STATUS(co_await update_state(core, take_id));
  fresh.id = *new_id;
  const std::vector<DeviceId> targets = choose_devices(*map, fresh.id.value, {});
  for (DeviceId target : targets) {
    CopyOutcome outcome = co_await copy_to(core, fresh, segment.id, sources_of(*standing), target);
    if (outcome.status) fresh.replicas.push_back(target);
    if (core->broken) co_return fail(*core->broken);
  }
  // Only if that is better than what there is; otherwise the copies are orphans.
  if (spread_of(core->view.map(), fresh.replicas) <= spread_of(core->view.map(), standing->good))
    co_return Status{};
  ATOLL_PROBE("journal.repair_rewrote_segment");
  auto change = [segment, fresh](JournalState* state) -> Result<bool> {
    for (SegmentEntry& entry : state->segments) {
      if (entry.id != segment.id) continue;
      entry = fresh;
      return true;
    }
    return false;  // trimmed meanwhile
  };
  co_return co_await update_state(core, change);
}

// Step 5.
Task<Status> record_replicas(CorePtr core, SegmentEntry segment, std::vector<DeviceId> replicas) {
  if (replicas == segment.replicas) co_return Status{};
  auto change = [segment, replicas](JournalState* state) -> Result<bool> {
    for (SegmentEntry& entry : state->segments) {
      if (entry.id != segment.id) continue;
      ATOLL_CHECK(entry.closed && entry.end_lsn == segment.end_lsn);
      entry.replicas = replicas;
      return true;
    }
    return false;  // trimmed meanwhile
  };
  co_return co_await update_state(core, change);
}

std::vector<DeviceId> new_list(const Core& core, const Standing& standing,
                               const SegmentEntry& segment) {
  std::vector<DeviceId> list = best_of(core.view.map(), standing.good);
  // Replicas that are away or not mended keep their place while nobody else takes it: they may hold
  // the last good copy of some run.
  for (const auto* others : {&standing.away, &standing.brief, &standing.bad})
    for (DeviceId id : *others)
      if (list.size() < kReplicas) list.push_back(id);
  const bool same = std::is_permutation(list.begin(), list.end(), segment.replicas.begin(),
                                        segment.replicas.end());
  return same ? segment.replicas : list;
}

Task<Status> repair_one(CorePtr core, SegmentId id, SurveyPtr survey) {
  const SegmentEntry* found = core->find_segment(id);
  if (found == nullptr || !found->closed) co_return Status{};
  const SegmentEntry segment = *found;
  for (DeviceId replica : segment.replicas) co_await ask_device(core, survey, replica);

  auto standing = std::make_shared<Standing>(standing_of(*core, *survey, segment));
  co_await top_up(core, segment, standing);
  co_await add_replicas(core, segment, standing);
  if (core->broken) co_return fail(*core->broken);
  if (standing->good.empty() && standing->brief.empty() && standing->bad.empty()) {
    ATOLL_PROBE("journal.repair_nothing_readable");
    co_return fail(Errc::kUnavailable,
                   fmt::format("no replica of journal segment {} can be read", id));
  }
  const cluster::ClusterMap& map = core->view.map();
  const bool in_the_way = standing->stray || !standing->bad.empty();
  if (in_the_way && spread_of(map, standing->good) < spread_possible(map, {}))
    co_return co_await rewrite(core, segment, standing);
  co_return co_await record_replicas(core, segment, new_list(*core, *standing, segment));
}

// Suspicions about replicas that are on no list any more.
void forget_suspects(Core& core) {
  std::erase_if(core.suspects, [&core](const std::pair<SegmentId, DeviceId>& suspect) {
    const SegmentEntry* segment = core.find_segment(suspect.first);
    return segment == nullptr || std::find(segment->replicas.begin(), segment->replicas.end(),
                                           suspect.second) == segment->replicas.end();
  });
}

Task<void> run_scheduled(CorePtr core) {
  do {
    core->repair_again = false;
    Status repaired = co_await repair_segments(core);
    if (!repaired)
      ATOLL_LOG(kWarn, "journal", "repair is not complete",
                {{"partition", core->partition}, {"reason", repaired.error().to_string()}});
  } while (core->repair_again && !core->closing && !core->broken);
  core->repair_running = false;
  core->background_idle.set();
}

}  // namespace

Task<Status> repair_segments(CorePtr core) {
  auto one_at_a_time = co_await core->repair_mutex.lock();
  if (core->broken) co_return fail(*core->broken);
  {
    auto no_append = co_await core->append_mutex.lock();
    if (!core->broken && open_segment_unsuited(*core)) {
      ATOLL_PROBE("journal.repair_closed_open_segment");
      ATOLL_CO_TRY_STATUS(co_await close_open_segment(core));
    }
  }
  std::vector<SegmentId> ids;
  for (const SegmentEntry& segment : core->state.segments) ids.push_back(segment.id);
  auto survey = std::make_shared<Survey>();
  Status worst;
  for (SegmentId id : ids) {
    if (core->broken) co_return fail(*core->broken);
    if (core->closing) co_return fail(Errc::kCancelled, "the journal is closing");
    Status repaired = co_await repair_one(core, id, survey);
    if (!repaired && worst) worst = std::move(repaired);
  }
  forget_suspects(*core);
  co_return worst;
}

void schedule_repair(const CorePtr& core) {
  if (core->closing || core->broken) return;
  if (core->repair_running) {
    core->repair_again = true;
    return;
  }
  core->repair_running = true;
  core->background_idle.reset();
  core->view.env().spawn("journal repair", run_scheduled(core));
}

bool segments_fully_replicated(const Core& core) {
  for (const SegmentEntry& segment : core.state.segments) {
    if (spread_of(core.view.map(), segment.replicas) < kFullSpread) return false;
    for (DeviceId id : segment.replicas)
      if (core.suspects.contains({segment.id, id})) return false;
  }
  return true;
}

}  // namespace atl::journal
