#include "env/sim_env.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/asio/executor_work_guard.hpp>

#include "base/check.h"
#include "base/crc.h"
#include "env/sim_block_file.h"
#include "env/sync.h"

namespace atl::env {
namespace {

// A run that takes longer hangs for some reason that keeps timers busy.
constexpr Nanos kVirtualTimeMax = std::chrono::hours(24 * 366);
// Steps without time passing: past this, tasks wake one another in a circle.
constexpr uint64_t kStepsAtOneInstantMax = 50'000'000;

SimOptions with_seed(uint64_t seed) {
  SimOptions options;
  options.seed = seed;
  return options;
}

}  // namespace

struct SimEnv::World {
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  TimerQueue timers;
  std::map<uint64_t, std::string> live;  // spawned tasks that have not ended, by order of spawning
  uint64_t last_task = 0;
};

namespace {

// Takes a task off the list of live ones when it ends.
struct LiveTask {
  std::map<uint64_t, std::string>* live = nullptr;
  uint64_t number = 0;

  LiveTask(std::map<uint64_t, std::string>* l, uint64_t n) : live(l), number(n) {}
  LiveTask(LiveTask&& other) noexcept
      : live(std::exchange(other.live, nullptr)), number(other.number) {}
  LiveTask& operator=(LiveTask&&) = delete;
  ~LiveTask() {
    if (live) live->erase(number);
  }
};

}  // namespace

SimEnv::SimEnv(uint64_t seed)
    : own_storage_(std::make_unique<SimStorage>()),
      storage_(*own_storage_),
      options_(with_seed(seed)),
      task_random_(seed),
      world_random_(~seed),
      network_(*this, seed ^ 0x6E6574, options_.fragment_streams),
      world_(std::make_unique<World>()) {
  number_ = storage_.attach_env();
}

SimEnv::SimEnv(SimStorage& storage, SimOptions options)
    : storage_(storage),
      options_(options),
      task_random_(options.seed),
      world_random_(~options.seed),
      network_(*this, options.seed ^ 0x6E6574, options.fragment_streams),
      world_(std::make_unique<World>()) {
  number_ = storage_.attach_env();
}

SimEnv::~SimEnv() {
  halt();
  // See the header: frames of live tasks must not be unwound. The list keeps them reachable.
  static auto* graveyard = new std::vector<std::unique_ptr<World>>;
  if (!world_->live.empty()) graveyard->push_back(std::move(world_));
}

void SimEnv::halt() {
  if (halted_) return;
  halted_ = true;
  storage_.detach_env(number_);
}

boost::asio::io_context& SimEnv::io() {
  return world_->io;
}

void SimEnv::trace(std::string_view name, uint64_t detail) {
  ++events_;
  const uint64_t fields[] = {static_cast<uint64_t>(now_.count()), detail};
  trace_hash_ = crc32c({reinterpret_cast<const uint8_t*>(fields), sizeof fields}, trace_hash_);
  trace_hash_ = crc32c(as_bytes(name), trace_hash_);
}

std::vector<std::string> SimEnv::live_tasks() const {
  std::vector<std::string> names;
  for (const auto& [number, name] : world_->live) names.push_back(name);
  return names;
}

void SimEnv::run_ready(const std::function<bool()>& finished) {
  uint64_t steps = 0;
  while (!finished() && world_->io.poll_one() != 0)
    ATOLL_CHECK(++steps < kStepsAtOneInstantMax, "tasks wake one another without end");
}

void SimEnv::fire_next_timer() {
  auto [id, fire] = world_->timers.pop();
  ATOLL_CHECK(id.when >= now_);
  now_ = id.when;
  trace("timer", id.sequence);
  fire();
}

void SimEnv::drive(const std::function<bool()>& finished) {
  ATOLL_CHECK(!halted_, "the SimEnv was halted");
  const Nanos end = now_ + kVirtualTimeMax;
  while (true) {
    run_ready(finished);
    if (finished()) return;
    if (world_->timers.size() == 0)
      check_failed(__FILE__, __LINE__, "deadlock in simulation",
                   fmt::format("live tasks: {}", fmt::join(live_tasks(), ", ")));
    ATOLL_CHECK(now_ < end, "a simulated run does not end");
    fire_next_timer();
  }
}

void SimEnv::run_for(Nanos duration) {
  ATOLL_CHECK(!halted_, "the SimEnv was halted");
  const Nanos end = now_ + duration;
  const auto never = [] { return false; };
  run_ready(never);
  while (world_->timers.size() != 0 && *world_->timers.next() <= end) {
    fire_next_timer();
    run_ready(never);
  }
  now_ = end;
}

Task<void> SimEnv::sleep(Nanos duration) {
  return Waiter::suspend([this, duration](std::unique_ptr<Waiter> waiter) {
    start_timer(duration, [w = std::move(waiter)] { w->resume(); });
  });
}

TimerId SimEnv::start_timer(Nanos delay, TimerQueue::Fire fire) {
  return world_->timers.add(now_ + std::max(delay, Nanos{0}), std::move(fire));
}

void SimEnv::cancel_timer(TimerId id) {
  world_->timers.cancel(id);
}

void SimEnv::spawn(std::string_view name, Task<void> task) {
  trace(name);
  const uint64_t number = ++world_->last_task;
  world_->live.emplace(number, name);
  internal::post_task(world_->io, std::move(task), LiveTask(&world_->live, number));
}

Task<void> SimEnv::offload(std::function<void()> work) {
  co_await sleep(world_random_.between(Nanos{0}, options_.offload_delay_max));
  work();
}

Nanos SimEnv::disk_delay(DiskOp op, std::string_view path, uint64_t bytes) {
  const SimOptions::Range* range = nullptr;
  switch (op) {
    case DiskOp::kOpen:
    case DiskOp::kSync:
      range = &options_.sync;
      break;
    case DiskOp::kRead:
      range = &options_.read;
      break;
    case DiskOp::kWrite:
      range = &options_.write;
      break;
  }
  Nanos delay = world_random_.between(range->shortest, range->longest);
  delay += Nanos(bytes / 1024 * options_.nanos_per_kib);
  if (world_random_.chance(options_.slow_op_chance)) delay *= options_.slow_op_factor;
  return delay * storage_.slowness(path);
}

Nanos SimEnv::network_delay() {
  return world_random_.between(options_.connect.shortest, options_.connect.longest);
}

Task<Result<std::unique_ptr<BlockFile>>> SimEnv::open_block_file(std::string path,
                                                                 OpenOptions options) {
  return SimBlockFile::open(*this, std::move(path), options);
}

Status SimEnv::create_directories(const std::string& path) {
  return storage_.create_directories(path);
}

Status SimEnv::remove_all(const std::string& path) {
  return storage_.remove_all(path);
}

Result<std::vector<std::string>> SimEnv::list_directory(const std::string& path) {
  return storage_.list_directory(path);
}

}  // namespace atl::env
