// The coordinator of one process: its whole state in one small file on each of several domains.
//
//   auto made = co_await EmbeddedCoordinator::create(env, paths, cluster);   // once in a cluster's
//   life auto coord = co_await EmbeddedCoordinator::open(env, paths, OpenMode::kServe);
//
// A change is acknowledged once a majority of the *configured* copies holds it durably, and is
// never lost as long as a majority of the copies is there: with five copies any two may be lost,
// blanked, swapped, damaged or put back from a backup, in any mixture.
//
// How: every change writes the whole state as a checksummed snapshot (coord/snapshot.h). One
// process has the files open at a time (env locks them), so there is one writer; opening is where
// copies that disagree are settled (coord/embedded_open.cc): promise a new term on a majority, take
// the newest snapshot that any of those has, write it to a majority under the new term, then serve.
// A newest snapshot that was never acknowledged is thereby either everybody's or outranked for
// good.
//
// Loss is never confused with a beginning: open() makes no file, create() refuses where anything
// is. A lost copy comes back by repair_copy() alone; a stale or half-damaged one by being written.
//
// Threads: one reactor. Outlives no Env. close() before destruction waits for writes in flight;
// without it they end on their own, and calls that wait return kCancelled.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "coord/coordinator.h"
#include "coord/copy_set.h"
#include "env/env.h"

namespace atl::coord {

enum class OpenMode {
  kServe,
  kInspect,  // writes nothing; changes are kPermission. What it shows may never have been
             // acknowledged.
};

enum class Presence {
  kNone,        // every copy is missing or blank: either a new cluster, or all of them are lost
  kUnfinished,  // create() stopped half way and acknowledged nothing: create() may be called again
  kPresent,     // a cluster was created here: open() it
};

class EmbeddedCoordinator final : public Coordinator {
 public:
  // Changes that wait for the one being written; beyond either limit the answer is kBusy.
  static constexpr size_t kQueuedChangesMax = 1024;
  static constexpr size_t kQueuedBytesMax = 8u << 20;
  // The longest that a change waits for a majority. A healthy copy takes milliseconds.
  static constexpr Nanos kCommitWaitMax = std::chrono::seconds(10);
  // The longest that opening waits for one copy to be read or a majority to be written.
  static constexpr Nanos kOpenWaitMax = std::chrono::seconds(30);

  // paths: 1 to kMaxCopies, one file each, always in the same order; odd numbers are best.
  // kExists: something is there. Every copy must be written: kIo, kNoSpace, kBusy otherwise, and
  // create may be called again. The cluster exists once this has returned success.
  static Task<Result<std::unique_ptr<EmbeddedCoordinator>>> create(env::Env& env,
                                                                   std::vector<std::string> paths,
                                                                   Uuid cluster);
  // kUnavailable: no majority of usable copies; the message says what is wrong with each other one.
  // kBusy: another process has a copy open. kInvalidArgument: the cluster has another number of
  // copies.
  static Task<Result<std::unique_ptr<EmbeddedCoordinator>>> open(env::Env& env,
                                                                 std::vector<std::string> paths,
                                                                 OpenMode mode);
  // Before open or create: which of the two is due. Reads every copy.
  static Task<Result<Presence>> presence(env::Env& env, std::vector<std::string> paths);

  ~EmbeddedCoordinator() override;
  Task<void> close();

  Uuid cluster() const;
  // What each copy is worth now, in the order of the paths.
  std::vector<CopyStatus> copy_states() const;
  // How many more copies may be lost before changes stop.
  size_t copies_to_spare() const;

  // Makes copy `index` anew from the state, removing what is at its path: nothing, a blank file, a
  // damaged or misplaced copy. kForeign when that belongs to another cluster, unless
  // overwrite_foreign. Success: it holds the state durably.
  Task<Status> repair_copy(size_t index, bool overwrite_foreign = false);
  // Re-reads every copy from the medium and writes damaged slots anew: for scrub.
  Task<VerifyReport> verify();

  Task<Result<Versioned>> get(std::string key) override;
  Task<Result<std::vector<KeyValue>>> list(std::string prefix) override;
  Task<Result<uint64_t>> compare_and_swap(std::string key, uint64_t expected_version,
                                          std::string value) override;
  Task<Status> erase(std::string key, uint64_t expected_version) override;
  Task<Result<uint64_t>> wait_change(std::string prefix, uint64_t after_revision,
                                     Nanos limit) override;
  Task<Status> lease_acquire(std::string name, std::string holder, Nanos time_to_live) override;
  Task<Status> lease_renew(std::string name, std::string holder) override;
  Task<Status> lease_release(std::string name, std::string holder) override;

 private:
  friend struct Opening;
  struct Core;
  explicit EmbeddedCoordinator(std::shared_ptr<Core> core) : core_(std::move(core)) {}

  std::shared_ptr<Core> core_;
};

}  // namespace atl::coord
