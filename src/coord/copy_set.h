// The copies together: gets the newest snapshot onto all of them and tells when enough have it.
//
// There is one target, the newest snapshot. Each copy has at most one write in flight; when it
// returns and the target has moved on, the next write takes the newest and skips what lies between.
// So a slow copy delays nobody, and nothing queues up. A copy whose write failed is tried again
// with the next target, and a bounded number of times without one.
//
// Owned by shared_ptr; writes in flight and timers keep or watch it. One reactor thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coord/copy_file.h"
#include "coord/snapshot.h"
#include "env/env.h"
#include "env/sync.h"

namespace atl::coord {

enum class CopyHealth {
  kOk,
  kStale,       // of this cluster, and behind the others; being written
  kMissing,     // no file there, or it was removed or replaced under us
  kBlank,       // a file that was never written, or was blanked
  kForeign,     // of another cluster, another number of copies, or a later format
  kMisplaced,   // a copy of this cluster, but of another place
  kDamaged,     // neither slot holds together
  kFailing,     // reads or writes fail
  kUnfinished,  // creation stopped before this copy was written twice
};
// "ok", "stale", ...
std::string_view copy_health_name(CopyHealth health);

struct CopyStatus {
  std::string path;
  CopyHealth health = CopyHealth::kMissing;
  std::string detail;     // why it is not ok
  uint64_t revision = 0;  // of the state that it holds durably; 0 when unknown
};

struct VerifyReport {
  uint32_t copies_checked = 0;
  uint32_t copies_lost = 0;  // missing, foreign, blank: for repair_copy
  uint32_t slots_damaged = 0;
  uint32_t slots_repaired = 0;
  uint64_t bytes_read = 0;
};

class CopySet : public std::enable_shared_from_this<CopySet> {
 public:
  // A failed write is tried again after 100 ms, 200 ms, ... up to about 50 s, then with the next
  // change.
  static constexpr Nanos kFirstRetryDelay = std::chrono::milliseconds(100);
  static constexpr int kRetriesMax = 9;

  struct Member {
    std::string path;
    std::shared_ptr<CopyFile> file;  // null: not usable
    CopyHealth health = CopyHealth::kMissing;
    std::string detail;
  };

  CopySet(env::Env& env, std::vector<Member> members);

  size_t count() const { return copies_.size(); }
  size_t majority() const { return copies_.size() / 2 + 1; }

  // Makes this the target. `header` is completed with each copy's index; its sequence must rise.
  void aim(SnapshotHeader header, Buf body);
  // True once `needed` copies hold a snapshot of `sequence` or later durably. False when that many
  // cannot any more, or after `limit`: some may hold it then, or will.
  static Task<bool> reached(std::shared_ptr<CopySet> set, uint64_t sequence, size_t needed,
                            Nanos limit);
  // The same for one copy, with its error.
  static Task<Status> reached_by(std::shared_ptr<CopySet> set, size_t index, uint64_t sequence,
                                 Nanos limit);

  // Lets go of files that are no longer where they were opened.
  void drop_displaced();
  std::vector<CopyStatus> states();  // after drop_displaced
  bool usable(size_t index) const { return copies_[index].member.file != nullptr; }
  const std::string& path(size_t index) const { return copies_[index].member.path; }
  void detach(size_t index, CopyHealth health, std::string detail);
  void attach(size_t index, std::shared_ptr<CopyFile> file);  // has nothing yet

  static Task<VerifyReport> verify(std::shared_ptr<CopySet> set);

  // Starts no more writes, and waits for those in flight.
  static Task<void> close(std::shared_ptr<CopySet> set);
  void stop();

 private:
  struct Copy {
    Member member;
    uint64_t durable = 0;  // sequence of the newest snapshot that it holds; 0: unknown
    uint64_t durable_revision = 0;
    uint64_t failed = 0;   // sequence of the newest snapshot whose write failed
    bool writing = false;  // a drive() task is running
    int retries = 0;
    env::TimerId retry_timer;
  };
  struct Target {
    SnapshotHeader header;
    Buf body;
  };

  bool wants_write(const Copy& copy) const;
  bool may_still_reach(const Copy& copy, uint64_t sequence) const;
  void kick(size_t index);
  static Task<void> drive(std::shared_ptr<CopySet> set, size_t index);
  void note_written(Copy& copy, const SnapshotHeader& header);
  void note_failed(size_t index, const SnapshotHeader& header, Error error);
  void retry_later(size_t index);

  env::Env& env_;
  std::vector<Copy> copies_;
  std::optional<Target> target_;
  env::WaitQueue progress_;  // woken whenever a write ends
  bool stopped_ = false;
};

}  // namespace atl::coord
