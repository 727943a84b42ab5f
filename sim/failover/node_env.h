// One machine of the simulated world: its clock runs at a rate of its own, and it can be stopped
// between any two steps (SIGSTOP, a frozen virtual machine) or killed.
//
// All machines share one SimEnv. A stopped machine's tasks go no further than the next thing they
// wait for; its timers fire when it runs again. A killed one's never do (its tasks are leaked).
#pragma once

#include <memory>

#include "env/sim_env.h"
#include "env/sync.h"

namespace atl::sim {

class NodeEnv final : public env::Env {
 public:
  // rate: seconds on its clock in a second of true time.
  NodeEnv(env::SimEnv& world, double rate) : world_(world), rate_(rate) { running_.set(); }

  void stop() { running_.reset(); }
  void go_on() {
    if (!dead_) running_.set();
  }
  void kill() {
    dead_ = true;
    running_.reset();
  }
  bool stopped() const { return !running_.is_set(); }
  bool dead() const { return dead_; }
  Task<void> gate() { return running_.wait(); }
  double rate() const { return rate_; }
  env::SimEnv& world() { return world_; }

  Nanos now() override { return Nanos(static_cast<int64_t>(world_.now().count() * rate_)); }
  Nanos wall_now() override { return world_.wall_now(); }
  Task<void> sleep(Nanos duration) override;
  env::TimerId start_timer(Nanos delay, env::TimerQueue::Fire fire) override;
  void cancel_timer(env::TimerId id) override;
  uint64_t random() override { return world_.random(); }
  void spawn(std::string_view name, Task<void> task) override;
  Task<void> offload(std::function<void()> work) override;
  boost::asio::io_context& io() override { return world_.io(); }
  env::Network& network() override { return world_.network(); }
  Task<Result<std::unique_ptr<env::BlockFile>>> open_block_file(std::string path,
                                                                env::OpenOptions options) override {
    return world_.open_block_file(std::move(path), options);
  }
  bool exists(const std::string& path) override { return world_.exists(path); }
  Status create_directories(const std::string& path) override {
    return world_.create_directories(path);
  }
  Status remove_all(const std::string& path) override { return world_.remove_all(path); }
  Result<std::vector<std::string>> list_directory(const std::string& path) override {
    return world_.list_directory(path);
  }

 private:
  Task<void> run_gated(Task<void> task);
  Task<void> fire_when_running(std::shared_ptr<env::TimerQueue::Fire> fire);
  Nanos true_span(Nanos span) const {
    return Nanos(static_cast<int64_t>(span.count() / rate_) + 1);
  }

  env::SimEnv& world_;
  double rate_;
  bool dead_ = false;
  env::Event running_;
};

}  // namespace atl::sim
