// The laboratory's processes: each in a network namespace, none outlives the runner.
//
// All are started by one thread of this class, because the kernel ties a child's death signal to
// the thread that made it: whoever calls start() may come and go. Each child leads a process group
// of its own, so that a signal for the runner's terminal does not reach it.
//
// Ownership: the destructor kills what is left and waits for it. Threads: any; calls block shortly.
// Errors: kNotFound (no such process here), kTimeout, kIo.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace atl::lab {

// After SIGKILL a process is gone within a scheduling round; this is for a machine that swaps.
inline constexpr Nanos kKillLimit = 10s;
// At one time: a hundred nodes, their clients and controllers, with room.
inline constexpr size_t kProcessesMax = 512;

struct Launch {
  std::vector<std::string> argv;  // argv[0] is the program's path, or a name to look for in PATH
  int namespace_fd = -1;          // -1: the caller's
  std::string output;             // a file for both outputs, appended to; "": /dev/null
};

class Processes {
 public:
  Processes();
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  // An error when the program cannot be executed.
  Result<pid_t> start(Launch launch);
  // SIGKILL, SIGSTOP, SIGCONT, SIGTERM, ...: to the process and its children.
  Status signal(pid_t pid, int signal);
  Status signal_alone(pid_t pid, int signal);  // not to its children
  // How it ended: the exit code, or 128 + the signal. Nothing: it runs. Stays known after its end.
  Result<std::optional<int>> ended(pid_t pid);
  Result<int> wait(pid_t pid, Nanos limit);
  // SIGKILL to all of `pids` first, then waits for all.
  Status kill(const std::vector<pid_t>& pids);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "/proc/self/exe" resolved: the program to start as node, controller and client.
Result<std::string> this_program();

}  // namespace atl::lab
