#include "coord/copy_set.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/probe.h"

namespace atl::coord {

std::string_view copy_health_name(CopyHealth health) {
  switch (health) {
    case CopyHealth::kOk:
      return "ok";
    case CopyHealth::kStale:
      return "stale";
    case CopyHealth::kMissing:
      return "missing";
    case CopyHealth::kBlank:
      return "blank";
    case CopyHealth::kForeign:
      return "foreign";
    case CopyHealth::kMisplaced:
      return "misplaced";
    case CopyHealth::kDamaged:
      return "damaged";
    case CopyHealth::kFailing:
      return "failing";
    case CopyHealth::kUnfinished:
      return "unfinished";
  }
  return "unknown";
}

CopySet::CopySet(env::Env& env, std::vector<Member> members) : env_(env) {
  ATOLL_CHECK(!members.empty() && members.size() <= kMaxCopies);
  for (Member& member : members) copies_.push_back(Copy{std::move(member)});
}

bool CopySet::wants_write(const Copy& copy) const {
  if (stopped_ || !target_ || !copy.member.file) return false;
  return copy.durable < target_->header.sequence && copy.failed < target_->header.sequence;
}

bool CopySet::may_still_reach(const Copy& copy, uint64_t sequence) const {
  return copy.member.file && copy.durable < sequence && copy.failed < sequence;
}

void CopySet::aim(SnapshotHeader header, Buf body) {
  ATOLL_CHECK(!target_ || header.sequence > target_->header.sequence);
  ATOLL_CHECK(header.copy_count == copies_.size());
  target_ = Target{header, std::move(body)};
  for (size_t i = 0; i < copies_.size(); ++i) kick(i);
}

void CopySet::kick(size_t index) {
  Copy& copy = copies_[index];
  if (copy.writing || !wants_write(copy)) return;
  copy.writing = true;
  env_.spawn("coord-copy", drive(shared_from_this(), index));
}

Task<void> CopySet::drive(std::shared_ptr<CopySet> set, size_t index) {
  Copy& copy = set->copies_[index];
  while (set->wants_write(copy)) {
    std::shared_ptr<CopyFile> file = copy.member.file;
    SnapshotHeader header = set->target_->header;
    header.copy_index = static_cast<uint32_t>(index);
    Buf body = set->target_->body;
    Status written = co_await CopyFile::store(file, header, std::move(body));
    if (copy.member.file != file) continue;  // replaced meanwhile: this write counts for nothing
    if (written)
      set->note_written(copy, header);
    else
      set->note_failed(index, header, std::move(written).error());
    set->progress_.wake_all();
  }
  copy.writing = false;
  set->progress_.wake_all();
}

void CopySet::note_written(Copy& copy, const SnapshotHeader& header) {
  ATOLL_CHECK(header.sequence > copy.durable);
  copy.durable = header.sequence;
  copy.durable_revision = header.revision;
  copy.retries = 0;
  if (copy.member.health != CopyHealth::kOk)
    ATOLL_LOG(kInfo, "coord", "a copy is up to date again",
              {{"path", copy.member.path}, {"was", copy_health_name(copy.member.health)}});
  copy.member.health = CopyHealth::kOk;
  copy.member.detail.clear();
}

void CopySet::note_failed(size_t index, const SnapshotHeader& header, Error error) {
  ATOLL_PROBE("coord.copy_write_failed");
  static Counter& errors = metric_counter("atoll_coord_copy_write_errors_total",
                                          "Writes of a coordinator copy that failed");
  errors.add();
  Copy& copy = copies_[index];
  copy.failed = header.sequence;
  if (!copy.member.file->still_in_place()) {
    detach(index, CopyHealth::kMissing, "removed or replaced while in use");
    return;
  }
  ATOLL_LOG(kWarn, "coord", "a copy could not be written",
            {{"path", copy.member.path}, {"error", error.to_string()}});
  copy.member.health = CopyHealth::kFailing;
  copy.member.detail = error.to_string();
  if (!wants_write(copy)) retry_later(index);
}

void CopySet::retry_later(size_t index) {
  Copy& copy = copies_[index];
  if (stopped_ || copy.retries >= kRetriesMax) return;
  Nanos delay = kFirstRetryDelay * (1 << copy.retries++);
  env_.cancel_timer(copy.retry_timer);
  copy.retry_timer = env_.start_timer(delay, [weak = weak_from_this(), index] {
    std::shared_ptr<CopySet> set = weak.lock();
    if (!set || set->stopped_) return;
    ATOLL_PROBE("coord.copy_write_retried");
    set->copies_[index].failed = 0;
    set->kick(index);
  });
}

Task<bool> CopySet::reached(std::shared_ptr<CopySet> set, uint64_t sequence, size_t needed,
                            Nanos limit) {
  ATOLL_CHECK(needed >= 1 && needed <= set->copies_.size());
  auto late = std::make_shared<bool>(false);
  const env::TimerId timer = set->env_.start_timer(limit, [set, late] {
    *late = true;
    set->progress_.wake_all();
  });
  bool enough = false;
  for (;;) {
    size_t durable = 0;
    size_t possible = 0;
    for (const Copy& copy : set->copies_) {
      if (copy.durable >= sequence && copy.member.file) ++durable;
      if (set->may_still_reach(copy, sequence)) ++possible;
    }
    enough = durable >= needed;
    if (enough || durable + possible < needed || *late || set->stopped_) break;
    co_await set->progress_.wait();
  }
  if (*late) ATOLL_PROBE("coord.commit_timed_out");
  set->env_.cancel_timer(timer);
  co_return enough;
}

Task<Status> CopySet::reached_by(std::shared_ptr<CopySet> set, size_t index, uint64_t sequence,
                                 Nanos limit) {
  auto late = std::make_shared<bool>(false);
  const env::TimerId timer = set->env_.start_timer(limit, [set, late] {
    *late = true;
    set->progress_.wake_all();
  });
  const Copy& copy = set->copies_[index];
  while (set->may_still_reach(copy, sequence) && !*late && !set->stopped_)
    co_await set->progress_.wait();
  set->env_.cancel_timer(timer);
  if (copy.durable >= sequence && copy.member.file) co_return Status{};
  co_return fail(*late ? Errc::kTimeout : Errc::kIo,
                 fmt::format("{}: {}", copy.member.path, copy.member.detail));
}

void CopySet::drop_displaced() {
  for (size_t i = 0; i < copies_.size(); ++i) {
    Copy& copy = copies_[i];
    if (!copy.member.file || copy.member.file->still_in_place()) continue;
    ATOLL_PROBE("coord.copy_lost_while_running");
    detach(i, CopyHealth::kMissing, "removed or replaced while in use");
  }
}

void CopySet::detach(size_t index, CopyHealth health, std::string detail) {
  Copy& copy = copies_[index];
  if (copy.member.file)
    ATOLL_LOG(kError, "coord", "a copy is lost", {{"path", copy.member.path}, {"why", detail}});
  copy.member.file.reset();
  copy.member.health = health;
  copy.member.detail = std::move(detail);
  copy.durable = 0;
  copy.durable_revision = 0;
  copy.failed = 0;
  env_.cancel_timer(copy.retry_timer);
  copy.retries = 0;
  progress_.wake_all();
}

void CopySet::attach(size_t index, std::shared_ptr<CopyFile> file) {
  Copy& copy = copies_[index];
  ATOLL_CHECK(!copy.member.file && file);
  copy.member.file = std::move(file);
  copy.member.health = CopyHealth::kStale;
  copy.member.detail = "waits for its first snapshot";
  kick(index);
}

std::vector<CopyStatus> CopySet::states() {
  drop_displaced();
  std::vector<CopyStatus> out;
  for (const Copy& copy : copies_)
    out.push_back(
        {copy.member.path, copy.member.health, copy.member.detail, copy.durable_revision});
  return out;
}

Task<VerifyReport> CopySet::verify(std::shared_ptr<CopySet> set) {
  VerifyReport report;
  set->drop_displaced();
  for (size_t i = 0; i < set->copies_.size(); ++i) {
    std::shared_ptr<CopyFile> file = set->copies_[i].member.file;
    if (!file) {
      ++report.copies_lost;
      continue;
    }
    CopyFile::Check check = co_await CopyFile::check(file);
    ++report.copies_checked;
    report.slots_damaged += check.slots_damaged;
    report.slots_repaired += check.slots_repaired;
    report.bytes_read += check.bytes_read;
  }
  co_return report;
}

void CopySet::stop() {
  stopped_ = true;
  for (Copy& copy : copies_) env_.cancel_timer(copy.retry_timer);
  progress_.wake_all();
}

Task<void> CopySet::close(std::shared_ptr<CopySet> set) {
  set->stop();
  auto writing = [](const Copy& copy) { return copy.writing; };
  while (std::any_of(set->copies_.begin(), set->copies_.end(), writing))
    co_await set->progress_.wait();
  for (Copy& copy : set->copies_) copy.member.file.reset();
}

}  // namespace atl::coord
