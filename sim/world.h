// The simulated world: one machine with D domains, its disks, and a cluster that starts, crashes
// and starts again on them. Tests are written in its words:
//
//   World world(seed, options);
//   world.boot();  world.power_cut();  world.lose(domain);  world.flip_bit(domain);
//   world.replace_lost();
//
// A violated promise is reported with `violation(...)`, which ends the process with status
// kViolation.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <rocksdb/env.h>

#include "env/random.h"
#include "env/sim_env.h"
#include "env/sim_storage.h"
#include "fabric/sim_fabric.h"
#include "server/local_cluster.h"

namespace atl::sim {

struct WorldOptions {
  uint32_t domains = 8;
  cluster::Protection protection;  // 6+2
  uint64_t device_bytes = 64ull << 20;
  bool trace = false;  // print what happens
};

class World {
 public:
  World(uint64_t seed, WorldOptions options);

  // --- The machine ---
  void boot();       // start the cluster; a failure to start is a violation
  void shut_down();  // orderly stop
  // Everything stops at once. The view's folder survives as it was, or damaged, or not at all, by
  // seed.
  void crash(env::CrashKind kind);
  bool up() const { return cluster_ != nullptr; }

  // --- Faults on domains. The caller minds the budget: at most m domains hurt at a time. ---
  void remove_domain(uint32_t domain);  // rm -rf
  void blank_domain(uint32_t domain);   // zeros over every file
  void break_domain(uint32_t domain);   // I/O errors from now on
  void swap_domains(uint32_t a, uint32_t b);
  void roll_back_domain(uint32_t domain, const std::map<std::string, env::SimFile::Content>& old);
  std::map<std::string, env::SimFile::Content> snapshot_domain(uint32_t domain);
  void flip_bits(uint32_t domain, int count);
  void slow_domain(uint32_t domain, uint32_t factor);
  void mend_hardware();  // no I/O errors, no slowness any more
  // The domains that hold the journal's newest segment: where a loss hurts most.
  std::vector<uint32_t> journal_domains();
  // Another owner takes the journal over, and this one has not noticed. It must be fenced; what it
  // acknowledges from now on must still be there later, like everything else.
  void rival_takes_over();
  void wipe_view();  // deletes the RocksDB folder (only while stopped)

  // --- Repair, as an administrator would ---
  void replace_failed();        // atoll device replace
  void wait_until_protected();  // the steward's work; never is a violation
  uint64_t scrub();             // nothing may be lost; returns what waits to be repaired
  // With nothing hurt: every stripe that is needed has all its shards, each on the device of its
  // slot.
  void check_widths(const std::string& when);

  template <typename T>
  T run(Task<T> task) {
    return env_->run(std::move(task));
  }
  void run_for(Nanos duration) { env_->run_for(duration); }

  env::SimEnv& env() { return *env_; }
  server::LocalCluster& cluster() { return *cluster_; }
  env::Random& random() { return random_; }
  uint64_t seed() const { return seed_; }
  const WorldOptions& options() const { return options_; }
  uint32_t trace_hash() const { return trace_hash_; }

  void note(const std::string& what);  // into the trace
  [[noreturn]] void violation(const std::string& what);

 private:
  std::string domain_dir(uint32_t domain) const;
  std::vector<std::string> files_of(uint32_t domain) const;
  void fresh_env();
  void fold_trace();

  uint64_t seed_;
  WorldOptions options_;
  env::Random random_;
  env::SimStorage storage_;
  uint64_t boots_ = 0;
  uint32_t trace_hash_ = 0;
  env::SimEnv* env_ = nullptr;                             // leaked by crash(), on purpose
  fabric::SimFabric* fabric_ = nullptr;                    // likewise
  server::LocalCluster* cluster_ = nullptr;                // likewise
  std::vector<std::unique_ptr<journal::Journal>> rivals_;  // likewise
  std::shared_ptr<rocksdb::Env> view_disk_;                // an in-memory RocksDB environment
};

}  // namespace atl::sim
