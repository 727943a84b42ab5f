#include "lab/child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "lab/namespace.h"

namespace atl::lab {

namespace {

constexpr int kExecFailed = 127;  // as a shell says it

[[noreturn]] void give_up(int report) {
  const int why = errno;
  const ssize_t written = write(report, &why, sizeof why);
  _exit(written == sizeof why ? kExecFailed : kExecFailed - 1);
}

// Runs in the child of a process with threads: nothing but async-signal-safe calls.
[[noreturn]] void become(const ChildSetup& setup, char* const* argv, pid_t parent, int null,
                         int report) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(report);
  if (getppid() != parent) _exit(kExecFailed);  // it died before the line above
  if (setpgid(0, 0) != 0) give_up(report);
  if (setup.namespace_fd >= 0 && setns(setup.namespace_fd, CLONE_NEWNET) != 0) give_up(report);
  const int files[] = {setup.input, setup.output, setup.errors};
  for (int i = 0; i < 3; ++i) {
    if (dup2(files[i] >= 0 ? files[i] : null, i) < 0) give_up(report);
  }
  if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) give_up(report);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int ignored : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) ::signal(ignored, SIG_DFL);
  execvp(argv[0], argv);
  give_up(report);
}

}  // namespace

Error system_error(std::string what) {
  const int why = errno;
  return Error(Errc::kIo, std::move(what) + ": " + std::strerror(why));
}

int exit_code_of(int wait_status) {
  if (WIFSIGNALED(wait_status)) return 128 + WTERMSIG(wait_status);
  return WEXITSTATUS(wait_status);
}

Result<pid_t> start_child(const ChildSetup& setup) {
  if (setup.argv.empty()) return fail(Errc::kInvalidArgument, "no program");
  std::vector<char*> argv;
  for (const std::string& word : setup.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  // Above the standard three, so that dup2() does not meet a file that it has yet to copy.
  const FileHandle null_low(open("/dev/null", O_RDWR | O_CLOEXEC));
  const FileHandle null(fcntl(null_low.get(), F_DUPFD_CLOEXEC, 3));
  int ends[2];
  if (null.get() < 0 || pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("cannot start"));
  const FileHandle report_read(ends[0]);
  FileHandle report_write(ends[1]);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail(system_error("fork"));
  if (pid == 0) become(setup, argv.data(), parent, null.get(), report_write.get());
  report_write.reset();
  int why = 0;
  ssize_t got = 0;
  do {
    got = read(report_read.get(), &why, sizeof why);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof why) return pid;  // the pipe closed by itself: it executes
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  std::string text = "cannot execute " + setup.argv[0] + ": " + std::strerror(why);
  if (why == ENOENT)
    text += " (Debian's packages iproute2 and nftables have what the laboratory runs)";
  return fail(Errc::kIo, std::move(text));
}

}  // namespace atl::lab
