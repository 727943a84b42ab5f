// The inside of EmbeddedCoordinator: what its tasks share. For embedded*.cc only.
//
// Tasks hold the Core by shared_ptr, so the coordinator may be destroyed under them.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coord/copy_set.h"
#include "coord/embedded.h"
#include "coord/store.h"
#include "env/sync.h"

namespace atl::coord {

struct EmbeddedCoordinator::Core {
  explicit Core(env::Env& e) : env(e) {}

  env::Env& env;
  OpenMode mode = OpenMode::kServe;
  Uuid cluster;
  uint64_t term = 0;      // of this opening
  uint64_t sequence = 0;  // of the newest snapshot aimed at the copies
  std::vector<std::string> copy_names;
  std::shared_ptr<CopySet> copies;
  std::shared_ptr<Store> store;

  // A state that was aimed at the copies and reached no majority in time: some may hold it. It is
  // never taken back, so until it (or what follows from it) is on a majority nothing can be
  // answered.
  std::optional<State> unsettled;

  struct Pending {
    Change change;
    std::optional<Result<uint64_t>> answer;
    env::Event done;
  };
  std::deque<std::shared_ptr<Pending>> queue;
  size_t queued_bytes = 0;
  bool committing = false;  // a commit_queue() task is running
  bool closing = false;
  env::Event idle;  // set whenever no commit_queue() task is running
  env::Mutex repairs;

  // Queues the change and waits for its answer.
  static Task<Result<uint64_t>> submit(std::shared_ptr<Core> core, Change change);
  // Success when what is committed is all there is, after settling what is not.
  static Task<Status> settled(std::shared_ptr<Core> core);
  static Task<void> commit_queue(std::shared_ptr<Core> core);
  static Task<void> commit_batch(std::shared_ptr<Core> core,
                                 std::vector<std::shared_ptr<Pending>> batch);
  // Aims a snapshot of `state` at the copies; true when a majority has it durable.
  static Task<bool> replicate(std::shared_ptr<Core> core, State state, Nanos limit);
  static Task<Status> repair(std::shared_ptr<Core> core, size_t index, bool overwrite_foreign);
  static Task<void> close(std::shared_ptr<Core> core);

  void stop();
};

// What was found at one path.
struct CopyProbe {
  CopyStatus status;  // kOk: a good snapshot of some cluster, in `view`
  Errc code = Errc::kNotFound;
  std::shared_ptr<CopyFile> file;  // null unless it could be opened
  CopyView view;

  const SnapshotHeader* newest() const {
    auto slot = view.newest();
    return slot ? &*view.slots[*slot].header : nullptr;
  }
};
// Opens and reads a copy; never fails, never waits longer than kOpenWaitMax.
Task<CopyProbe> probe_copy(env::Env& env, std::string path);
Task<std::vector<CopyProbe>> probe_copies(env::Env& env, std::vector<std::string> paths);
Status check_paths(const std::vector<std::string>& paths);
// Marks the copies that are not copy i of `cluster`, and closes all files that may not be written.
void judge_copies(std::vector<CopyProbe>* probes, const Uuid& cluster);
// "domain-1/coord.dat" of "/data/domain-1/coord.dat": what the snapshot calls the copies.
std::vector<std::string> copy_names(const std::vector<std::string>& paths);

}  // namespace atl::coord
