#include "env/real_env.h"

#include <sys/stat.h>

#include <csignal>
#include <ctime>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/check.h"
#include "base/log.h"
#include "env/real_block_file.h"
#include "env/real_directories.h"

namespace atl::env {
namespace asio = boost::asio;

struct RealEnv::Core {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  TimerQueue timers;
  asio::steady_timer alarm{io};   // set for the earliest of `timers`
  std::optional<Nanos> alarm_at;  // when it goes off, as it was last set
  uint64_t alarms = 0;            // a handler of an earlier alarm is out of date
  size_t live_tasks = 0;
};

namespace {

struct LiveTask {
  size_t* count;
  explicit LiveTask(size_t* c) : count(c) { ++*count; }
  LiveTask(LiveTask&& other) noexcept : count(std::exchange(other.count, nullptr)) {}
  LiveTask& operator=(LiveTask&&) = delete;
  ~LiveTask() {
    if (count) --*count;
  }
};

// Goes on while the machine is suspended, unlike std::chrono::steady_clock: a lease does, too.
Nanos since_boot() {
  timespec time{};
  ATOLL_CHECK(::clock_gettime(CLOCK_BOOTTIME, &time) == 0, "no clock");
  return std::chrono::seconds(time.tv_sec) + Nanos(time.tv_nsec);
}

std::unique_ptr<IoEngine> must_make_engine(asio::io_context& io, IoEngineKind kind) {
  auto engine = make_io_engine(io, kind);
  ATOLL_CHECK(engine.has_value(), engine ? "" : engine.error().message);
  return std::move(*engine);
}

}  // namespace

RealEnv::RealEnv(RealOptions options)
    : start_(since_boot()),
      random_(Random::from_system()),
      core_(std::make_unique<Core>()),
      network_(std::make_unique<RealNetwork>(core_->io)),
      engine_(must_make_engine(core_->io, options.io)),
      offload_slots_(kOffloadMax),
      workers_(std::make_unique<WorkerPool>("atoll-worker", kOffloadThreads)) {}

RealEnv::~RealEnv() {
  // Both end what they have begun; the tasks they wake stay in the reactor's queue.
  workers_.reset();
  engine_.reset();
  static auto* graveyard = new std::vector<std::unique_ptr<Core>>;
  if (core_->live_tasks > 0) graveyard->push_back(std::move(core_));
}

asio::io_context& RealEnv::io() {
  return core_->io;
}
size_t RealEnv::live_tasks() const {
  return core_->live_tasks;
}

void RealEnv::run_reactor() {
  core_->io.restart();
  core_->io.run();
}

void RealEnv::stop() {
  core_->io.stop();
}

Task<int> RealEnv::wait_for_signal() {
  asio::signal_set signals(core_->io, SIGTERM, SIGINT);
  co_return co_await signals.async_wait(asio::use_awaitable);
}

// --- Time ---

Nanos RealEnv::now() {
  return since_boot() - start_;
}

Nanos RealEnv::wall_now() {
  return std::chrono::duration_cast<Nanos>(std::chrono::system_clock::now().time_since_epoch());
}

Task<void> RealEnv::sleep(Nanos duration) {
  return Waiter::suspend([this, duration](std::unique_ptr<Waiter> waiter) {
    start_timer(duration, [w = std::move(waiter)] { w->resume(); });
  });
}

TimerId RealEnv::start_timer(Nanos delay, TimerQueue::Fire fire) {
  const TimerId id = core_->timers.add(now() + std::max(delay, Nanos{0}), std::move(fire));
  arm_timer();
  return id;
}

// The alarm stays as it is: it is set anew when it goes off too early.
void RealEnv::cancel_timer(TimerId id) {
  core_->timers.cancel(id);
}

void RealEnv::arm_timer() {
  const auto next = core_->timers.next();
  if (!next || (core_->alarm_at && *core_->alarm_at <= *next)) return;
  core_->alarm_at = *next;
  core_->alarm.expires_after(*next - now());
  core_->alarm.async_wait([this, mine = ++core_->alarms](const boost::system::error_code& error) {
    if (error || mine != core_->alarms) return;
    fire_timers();
  });
}

void RealEnv::fire_timers() {
  core_->alarm_at.reset();
  const Nanos time = now();
  while (auto next = core_->timers.next()) {
    if (*next > time) break;
    auto [id, fire] = core_->timers.pop();
    fire();
  }
  arm_timer();
}

// --- Tasks ---

void RealEnv::spawn(std::string_view, Task<void> task) {
  internal::post_task(core_->io, std::move(task), LiveTask(&core_->live_tasks));
}

Task<void> RealEnv::offload(std::function<void()> work) {
  auto slot = co_await Permit::take(offload_slots_);
  std::function<void()>* mine = &work;  // lives in this frame, and dies on this thread
  co_await Waiter::suspend([this, mine](std::unique_ptr<Waiter> waiter) {
    workers_->submit([mine, w = std::move(waiter)] {
      (*mine)();
      w->resume();
    });
  });
}

// --- Files ---

Task<Result<std::unique_ptr<BlockFile>>> RealEnv::open_block_file(std::string path,
                                                                  OpenOptions options) {
  Result<std::shared_ptr<OpenedFile>> file = fail(Errc::kInternal);
  std::function<void()> work = [&file, &path, &options] { file = open_file(path, options); };
  for (const Nanos give_up = now() + kBusyWait;; co_await sleep(kBusyRetryInterval)) {
    std::function<void()> attempt = work;
    co_await offload(std::move(attempt));
    if (file || file.error().code != Errc::kBusy || now() > give_up) break;
  }
  if (!file) co_return fail(std::move(file).error());
  std::unique_ptr<BlockFile> out = std::make_unique<RealBlockFile>(*engine_, std::move(*file));
  co_return std::move(out);
}

bool RealEnv::exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

Status RealEnv::create_directories(const std::string& path) {
  return make_directories(path);
}
Status RealEnv::remove_all(const std::string& path) {
  return remove_tree(path);
}
Result<std::vector<std::string>> RealEnv::list_directory(const std::string& path) {
  return list_names(path);
}

}  // namespace atl::env
