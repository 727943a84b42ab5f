#include "lab/processes.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "lab/child.h"
#include "lab/namespace.h"

namespace atl::lab {

namespace {

Error no_such(pid_t pid) {
  return Error(Errc::kNotFound, "process " + std::to_string(pid) + " is not the laboratory's");
}

Result<pid_t> launch_now(const Launch& launch) {
  FileHandle file;
  if (!launch.output.empty()) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    const FileHandle low(::open(launch.output.c_str(), kFlags, 0644));
    if (low.get() < 0) return fail(system_error("cannot write " + launch.output));
    file = FileHandle(fcntl(low.get(), F_DUPFD_CLOEXEC, 3));
  }
  ChildSetup setup;
  setup.argv = launch.argv;
  setup.namespace_fd = launch.namespace_fd;
  setup.output = file.get();
  setup.errors = file.get();
  return start_child(setup);
}

}  // namespace

struct Processes::Impl {
  std::mutex mutex;
  std::map<pid_t, std::optional<int>> known;  // pid -> how it ended
  std::condition_variable wake;
  std::deque<std::packaged_task<Result<pid_t>()>> orders;
  bool closing = false;
  std::thread starter;

  void serve() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return closing || !orders.empty(); });
      if (orders.empty()) return;
      auto order = std::move(orders.front());
      orders.pop_front();
      lock.unlock();
      order();
      lock.lock();
    }
  }

  size_t alive() const {
    return static_cast<size_t>(
        std::ranges::count_if(known, [](const auto& entry) { return !entry.second; }));
  }

  // `to` is the process or its group.
  Status signal(pid_t pid, pid_t to, int signal) {
    const std::scoped_lock lock(mutex);
    const auto at = known.find(pid);
    if (at == known.end()) return fail(no_such(pid));
    if (look(pid, at->second))
      return fail(Errc::kNotFound, "process " + std::to_string(pid) + " has ended");
    if (::kill(to, signal) != 0) return fail(system_error("kill " + std::to_string(pid)));
    return {};
  }

  // With the mutex held, so that nobody signals a number that has just been given to another.
  std::optional<int> look(pid_t pid, std::optional<int>& end) {
    if (end) return end;
    int status = 0;
    const pid_t got = waitpid(pid, &status, WNOHANG);
    if (got == pid) end = exit_code_of(status);
    if (got < 0 && errno == ECHILD) end = 128 + SIGKILL;  // somebody else collected it
    return end;
  }
};

Processes::Processes() : impl_(std::make_unique<Impl>()) {
  impl_->starter = std::thread([impl = impl_.get()] { impl->serve(); });
}

Processes::~Processes() {
  std::vector<pid_t> all;
  {
    const std::scoped_lock lock(impl_->mutex);
    for (const auto& [pid, end] : impl_->known) all.push_back(pid);
  }
  (void)kill(all);
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->closing = true;
  }
  impl_->wake.notify_all();
  impl_->starter.join();
}

Result<pid_t> Processes::start(Launch launch) {
  std::future<Result<pid_t>> answer;
  {
    const std::scoped_lock lock(impl_->mutex);
    if (impl_->alive() >= kProcessesMax) return fail(Errc::kTooLarge, "too many processes");
    std::packaged_task<Result<pid_t>()> order(
        [launch = std::move(launch)] { return launch_now(launch); });
    answer = order.get_future();
    impl_->orders.push_back(std::move(order));
  }
  impl_->wake.notify_all();
  Result<pid_t> pid = answer.get();
  if (!pid) return pid;
  const std::scoped_lock lock(impl_->mutex);
  impl_->known[*pid] = std::nullopt;
  return pid;
}

Status Processes::signal(pid_t pid, int signal) {
  return impl_->signal(pid, -pid, signal);
}

Status Processes::signal_alone(pid_t pid, int signal) {
  return impl_->signal(pid, pid, signal);
}

Result<std::optional<int>> Processes::ended(pid_t pid) {
  const std::scoped_lock lock(impl_->mutex);
  const auto at = impl_->known.find(pid);
  if (at == impl_->known.end()) return fail(no_such(pid));
  return impl_->look(pid, at->second);
}

Result<int> Processes::wait(pid_t pid, Nanos limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  const FileHandle handle(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  for (;;) {
    ATOLL_TRY(const std::optional<int> end, ended(pid));
    if (end) return *end;
    const Nanos left = deadline - std::chrono::steady_clock::now();
    if (left <= 0ns) {
      return fail(Errc::kTimeout, "process " + std::to_string(pid) + " still runs");
    }
    pollfd file{handle.get(), POLLIN, 0};
    const auto millis = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    poll(&file, 1, static_cast<int>(std::min<int64_t>(millis, 1000)));
  }
}

Status Processes::kill(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) {
    const Status sent = signal(pid, SIGKILL);  // what has ended is as it should be
    if (!sent && sent.error().code != Errc::kNotFound) return sent;
  }
  for (const pid_t pid : pids) {
    ATOLL_TRY([[maybe_unused]] const int code, wait(pid, kKillLimit));
  }
  return {};
}

Result<std::string> this_program() {
  char path[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) return fail(system_error("/proc/self/exe"));
  return std::string(path, static_cast<size_t>(n));
}

}  // namespace atl::lab
