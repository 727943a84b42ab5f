// The disks of the simulated world: paths, file contents, and what is wrong with them.
//
// A test owns it, and it outlives every SimEnv that runs over it:
//
//   SimStorage storage;
//   auto env = std::make_unique<SimEnv>(storage, seed);
//   ... env->run(work()) ...
//   env->halt();                      // the machine stops in the middle of everything
//   storage.crash(random);            // unflushed writes are kept, dropped or torn
//   env = std::make_unique<SimEnv>(storage, seed + 1);   // and starts again
//
// Directory changes, creation and removal are durable at once (RealEnv flushes the folder).
// A fault names a path and holds for that file or for all files below that directory, those
// opened later too.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/random.h"
#include "env/sim_file.h"

namespace atl::env {

enum class DiskOp { kOpen, kRead, kWrite, kSync };

class SimStorage {
 public:
  SimStorage();
  SimStorage(const SimStorage&) = delete;
  SimStorage& operator=(const SimStorage&) = delete;

  // --- Faults. All take effect at once, on open handles too. ---

  // Every operation fails with kIo, after `after_ops` more have been served.
  void fail_device(std::string_view path, uint64_t after_ops = 0);
  void repair_device(std::string_view path);
  // Every operation takes `factor` times as long; 1 heals.
  void slow_device(std::string_view path, uint32_t factor);
  // Creating files fails with kNoSpace.
  void set_full(std::string_view path, bool full);

  // The paths below must name files.
  void flip_bit(std::string_view path, uint64_t byte_offset, int bit);
  void blank(std::string_view path);  // the same file, all zeros
  void swap(std::string_view a,
            std::string_view b);  // as by renaming: open handles keep their file
  SimFile::Content snapshot(std::string_view path) const;
  void restore(std::string_view path, SimFile::Content older);  // the same file, older bytes

  // What a crash leaves behind. Every SimEnv over this storage must have been halted or destroyed.
  CrashReport crash(Random& random, CrashKind kind = CrashKind::kPowerCut);

  // --- The file system, as SimEnv and tests use it. ---

  std::shared_ptr<SimFile> find(std::string_view path) const;  // null when absent
  Result<std::shared_ptr<SimFile>> create(std::string_view path, uint64_t size_bytes);
  bool exists(std::string_view path) const;
  Status create_directories(std::string_view path);
  Status remove_all(std::string_view path);
  Result<std::vector<std::string>> list_directory(std::string_view path) const;
  std::vector<std::string> file_paths() const;  // sorted

  // What an operation on `path` meets now: its slowness, and whether it fails.
  uint32_t slowness(std::string_view path) const;
  bool take_failure(std::string_view path);

  // A SimEnv attaches for its life, and gets the number that owns its file locks.
  uint64_t attach_env();
  void detach_env(uint64_t number);

 private:
  struct Fault {
    std::string path;
    std::optional<uint64_t> ops_until_failure;
    uint32_t factor = 1;
    bool full = false;
  };

  Fault& fault_of(std::string_view path);
  std::shared_ptr<SimFile> must_find(std::string_view path) const;

  std::map<std::string, std::shared_ptr<SimFile>> files_;  // by normalized path
  std::set<std::string> directories_;
  std::vector<Fault> faults_;
  uint64_t live_envs_ = 0;
  uint64_t last_env_ = 0;
};

}  // namespace atl::env
