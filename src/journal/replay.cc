// Reading the journal back: entries in order, and the chain value of one entry.
//
// A reader may start in the middle of a segment. The run that it starts in then says itself what
// the chain before it was; that word is proven when the reading reaches a value that the
// coordinator or this owner knows (a segment's end, the last committed entry), because CRC-32C over
// the same bytes leads two different beginnings to two different ends.
#include "base/check.h"
#include "base/probe.h"
#include "journal/core.h"
#include "journal/entry.h"
#include "journal/reader.h"

namespace atl::journal {
namespace {

// Passes of one replay: the list changes when a segment is closed, repaired or trimmed, a few times
// at most while one reads.
constexpr int kReplayAttemptsMax = 8;

struct Span {
  SegmentEntry segment;
  Cursor end;  // of what is committed in it
};

// The segments that hold committed entries after `after`, as they are now.
std::vector<Span> spans_after(const Core& core, Lsn after) {
  std::vector<Span> out;
  for (const SegmentEntry& segment : core.state.segments) {
    Span span{segment, {core.next_lsn(), core.chain}};
    if (segment.closed) span.end = {segment.end_lsn, segment.end_chain};
    if (span.end.next.value > after.value + 1 && span.end.next > segment.first_lsn)
      out.push_back(std::move(span));
  }
  return out;
}

void remember_damage(const CorePtr& core, SegmentId id, const SegmentReader& reader) {
  bool news = false;
  const SegmentEntry* segment = core->find_segment(id);
  if (segment == nullptr) return;
  for (DeviceId device : segment->replicas)
    if (reader.damaged().contains(device)) news |= core->suspects.insert({id, device}).second;
  if (news) schedule_repair(core);
}

// How far a replay has come; shared by its coroutines.
struct Replay {
  std::function<Status(const Entry&)> visit;
  Lsn last;                       // visited, or where it was asked to begin
  std::optional<uint32_t> chain;  // of `last`, when known
  Epoch epoch;
  bool visitor_failed = false;
};
using ReplayPtr = std::shared_ptr<Replay>;

Status visit_run(Replay& replay, const device::Run& run) {
  auto entries = decode_run(run);
  if (!entries) return fail(std::move(entries).error());
  if (run.epoch < replay.epoch) return fail(Errc::kCorrupt, "the journal's epochs go backwards");
  replay.epoch = run.epoch;
  for (const Entry& entry : *entries) {
    if (entry.lsn <= replay.last) continue;
    ATOLL_CHECK(entry.lsn.value == replay.last.value + 1);
    if (Status s = replay.visit(entry); !s) {
      replay.visitor_failed = true;
      return s;
    }
    replay.last = entry.lsn;
    replay.chain = entry.chain;
  }
  return {};
}

Status visit_batch(Core& core, Replay& replay, const Span& span,
                   const std::vector<device::Run>& batch) {
  for (const device::Run& run : batch) {
    const uint64_t run_end = run.first_lsn.value + run.count;
    if (run.first_lsn >= span.end.next) break;
    if (run_end > span.end.next.value) return fail(Errc::kCorrupt, "a run spans the end");
    if (run.first_lsn.value == replay.last.value + 1 && replay.chain &&
        run.chain_before != *replay.chain)
      return fail(Errc::kCorrupt, "the journal does not continue what was read before");
    if (Status s = visit_run(replay, run); !s) return s;
    note_growth(core, Lsn(run_end - 1), stored_bytes(run));
    if (run_end == span.end.next.value && run.chain_after != span.end.chain)
      return fail(Errc::kCorrupt,
                  fmt::format("journal segment {} does not end as recorded", span.segment.id));
  }
  return {};
}

Task<Status> replay_span(CorePtr core, Span span, ReplayPtr replay) {
  const SegmentEntry& segment = span.segment;
  const Cursor start{segment.first_lsn, segment.first_chain};
  SegmentReader reader(core->view, segment.id, read_order(core->view, segment), start);
  std::vector<device::Run> batch;
  if (replay->last.value + 1 > segment.first_lsn.value) {
    auto first = co_await reader.seek(Lsn(replay->last.value + 1));
    remember_damage(core, segment.id, reader);
    if (!first) co_return fail(std::move(first).error());
    batch.push_back(std::move(*first));
  }
  for (;;) {
    if (Status visited = visit_batch(*core, *replay, span, batch); !visited) co_return visited;
    if (reader.cursor().next >= span.end.next) break;
    auto runs = co_await reader.next();
    remember_damage(core, segment.id, reader);
    if (!runs) co_return fail(std::move(runs).error());
    batch = std::move(*runs);
  }
  ATOLL_CHECK(replay->last.value + 1 >= span.end.next.value);
  co_return Status{};
}

// One pass over the segments as they are listed now.
Task<Status> replay_listed(CorePtr core, ReplayPtr replay) {
  const std::vector<Span> spans = spans_after(*core, replay->last);
  if (spans.empty() ? replay->last < core->committed
                    : spans.front().segment.first_lsn.value > replay->last.value + 1)
    co_return fail(Errc::kNotFound,
                   fmt::format("journal entries after lsn {} are trimmed", replay->last));
  for (const Span& span : spans) {
    Span copy = span;
    Status replayed = co_await replay_span(core, std::move(copy), replay);
    if (!replayed) co_return replayed;
  }
  co_return Status{};
}

}  // namespace

Task<Status> replay_entries(CorePtr core, Lsn after, std::function<Status(const Entry&)> visit) {
  if (after > core->committed)
    co_return fail(Errc::kNotFound, "the journal does not reach that far");
  auto replay = std::make_shared<Replay>();
  replay->visit = std::move(visit);
  replay->last = after;
  if (after == core->state.checkpoint.lsn) replay->chain = core->state.checkpoint.chain;
  if (after.value == 0) replay->chain = 0;
  for (int attempt = 0;; ++attempt) {
    const uint64_t version = core->version;
    Status replayed = co_await replay_listed(core, replay);
    if (replayed || replay->visitor_failed) co_return replayed;
    // Segments may have been moved or trimmed under the reader: look again where they are now.
    if (core->version == version || attempt >= kReplayAttemptsMax) {
      Error why = std::move(replayed).error();
      const bool trimmed = replay->last < core->state.checkpoint.lsn;
      if (why.code == Errc::kNotFound && !trimmed) why.code = Errc::kCorrupt;
      co_return fail(std::move(why).with_context("replaying the journal"));
    }
    ATOLL_PROBE("journal.replay_list_changed");
  }
}

Task<Result<uint32_t>> find_chain(CorePtr core, Lsn lsn) {
  if (lsn.value == 0) co_return 0u;
  if (lsn == core->committed) co_return core->chain;
  if (lsn == core->state.checkpoint.lsn) co_return core->state.checkpoint.chain;
  if (lsn > core->committed)
    co_return fail(Errc::kNotFound, fmt::format("lsn {} is not written yet", lsn));
  for (const SegmentEntry& segment : core->state.segments) {
    if (segment.first_lsn.value == lsn.value + 1) co_return segment.first_chain;
    if (segment.closed && segment.end_lsn.value == lsn.value + 1) co_return segment.end_chain;
  }
  const std::vector<Span> spans = spans_after(*core, Lsn(lsn.value - 1));
  if (spans.empty() || spans.front().segment.first_lsn > lsn)
    co_return fail(Errc::kNotFound, fmt::format("lsn {} is trimmed", lsn));
  const SegmentEntry segment = spans.front().segment;
  const Cursor start{segment.first_lsn, segment.first_chain};
  SegmentReader reader(core->view, segment.id, read_order(core->view, segment), start);
  auto run = co_await reader.seek(lsn);
  if (!run) co_return fail(std::move(run).error());
  auto entries = decode_run(*run);
  if (!entries) co_return fail(std::move(entries).error());
  const size_t index = lsn.value - run->first_lsn.value;
  ATOLL_CHECK(index < entries->size() && (*entries)[index].lsn == lsn);
  co_return (*entries)[index].chain;
}

}  // namespace atl::journal
