// The simulated world outside: virtual time, one seed, disks that are slow, rot, fail and crash.
//
// A test drives it:
//
//   SimEnv env(/*seed=*/1);                       // over disks of its own; or SimEnv(storage,
//   options) Result<int> r = env.run(do_something(env));   // until the task ends; returns its
//   value env.run_for(10s);                             // whatever happens in the next 10 virtual
//   seconds
//
// Time stands still while tasks run and jumps to the next timer or disk completion when none can.
// run() stops the process with "deadlock in simulation" and the names of the live tasks when
// nothing is left that could ever happen. The same seed and the same calls give the same
// trace_hash().
//
// A crash: halt() freezes everything for good, then SimStorage::crash() decides what survived, then
// a new SimEnv starts over the same storage. Tasks of a halted or destroyed SimEnv are never
// resumed *and never destroyed* (their frames refer to one another and to objects of the test in
// any order); so a SimEnv that dies with live tasks leaks them, on purpose and reachably. For the
// same reason the objects that those tasks use are best leaked too after halt(), not destroyed.
//
// Threads: one. offload runs its work on the spot after a short virtual delay.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "env/env.h"
#include "env/random.h"
#include "env/sim_net.h"
#include "env/sim_storage.h"
#include "env/spawn.h"

namespace atl::env {

// Simulated ranges; what is typical of a local NVMe SSD unless a test says otherwise.
struct SimOptions {
  uint64_t seed = 1;
  Nanos wall_start = std::chrono::seconds(1767225600);  // 2026-01-01 00:00:00 UTC

  struct Range {
    Nanos shortest;
    Nanos longest;
  };
  Range read{20us, 200us};
  Range write{20us, 200us};
  Range sync{50us, 500us};
  Range connect{20us, 200us};
  uint32_t nanos_per_kib = 500;  // transfer on top: 2 GB/s
  double slow_op_chance = 0.01;  // of any disk operation ...
  uint32_t slow_op_factor = 20;  // ... to take this many times as long
  Nanos offload_delay_max = 20us;

  double read_error_chance = 0;   // kIo
  double write_error_chance = 0;  // kIo; any part of it may have been written
  double sync_error_chance = 0;   // kIo; nothing became durable by it
  double read_flip_chance = 0;    // one bit of what is read is wrong; the medium is not
  bool fragment_streams = true;   // at the start; see SimNetwork::set_fragment
};

class SimEnv final : public Env {
 public:
  explicit SimEnv(uint64_t seed = 1);  // over a storage of its own
  SimEnv(SimStorage& storage, SimOptions options);
  ~SimEnv() override;

  // --- Driving ---

  template <typename T>
  T run(Task<T> task) {
    auto slot = std::make_shared<internal::RunSlot<T>>();
    spawn("run", internal::fill_slot<T>(slot, std::move(task), {}));
    drive([&] { return slot->done(); });
    if constexpr (!std::is_void_v<T>) return std::move(*slot->value);
  }
  void run_for(Nanos duration);
  void halt();
  bool halted() const { return halted_; }

  // --- Looking ---

  SimStorage& storage() { return storage_; }
  SimOptions& options() { return options_; }  // may be changed between runs
  uint32_t trace_hash() const { return trace_hash_; }
  uint64_t events() const { return events_; }
  std::vector<std::string> live_tasks() const;
  void skew_wall_clock(Nanos by) { wall_skew_ += by; }
  // For world-building by the test (faults, crashes); does not disturb what tasks draw.
  Random& world_random() { return world_random_; }

  // --- Env ---

  Nanos now() override { return now_; }
  Nanos wall_now() override { return options_.wall_start + now_ + wall_skew_; }
  Task<void> sleep(Nanos duration) override;
  TimerId start_timer(Nanos delay, TimerQueue::Fire fire) override;
  void cancel_timer(TimerId id) override;
  uint64_t random() override { return task_random_.next(); }
  void spawn(std::string_view name, Task<void> task) override;
  Task<void> offload(std::function<void()> work) override;
  boost::asio::io_context& io() override;
  SimNetwork& network() override { return network_; }
  Task<Result<std::unique_ptr<BlockFile>>> open_block_file(std::string path,
                                                           OpenOptions options) override;
  bool exists(const std::string& path) override { return storage_.exists(path); }
  Status create_directories(const std::string& path) override;
  Status remove_all(const std::string& path) override;
  Result<std::vector<std::string>> list_directory(const std::string& path) override;

  // --- For the simulated disks and network ---

  // Adds an event to the trace that trace_hash() sums up.
  void trace(std::string_view name, uint64_t detail = 0);
  Nanos disk_delay(DiskOp op, std::string_view path, uint64_t bytes);
  Nanos network_delay();
  uint64_t number() const { return number_; }  // among the SimEnvs of this storage

 private:
  struct World;  // what is leaked when tasks are alive at the end

  void drive(const std::function<bool()>& finished);
  void run_ready(const std::function<bool()>& finished);
  void fire_next_timer();

  std::unique_ptr<SimStorage> own_storage_;
  SimStorage& storage_;
  SimOptions options_;
  Random task_random_;
  Random world_random_;
  SimNetwork network_;
  std::unique_ptr<World> world_;
  uint64_t number_ = 0;
  Nanos now_{0};
  Nanos wall_skew_{0};
  uint32_t trace_hash_ = 0;
  uint64_t events_ = 0;
  bool halted_ = false;
};

}  // namespace atl::env
