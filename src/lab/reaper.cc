#include "lab/reaper.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>

#include "lab/child.h"

namespace atl::lab {

namespace {

void remove_name(const char* path) {
  umount2(path, MNT_DETACH);
  unlink(path);
}

// In the child of a process with threads: nothing but async-signal-safe calls, no memory taken.
[[noreturn]] void reap(int pipe, const std::vector<std::string>& paths) {
  prctl(PR_SET_NAME, "atoll-lab-reap");
  setsid();  // a signal for the terminal's processes is not for this one
  for (const int ignored : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(ignored, SIG_IGN);
  dup2(pipe, 0);
  close_range(1, ~0U, 0);  // every other pipe and socket of the runner
  char byte = 0;
  for (;;) {
    const ssize_t n = read(0, &byte, 1);
    if (n == 0 || (n < 0 && errno != EINTR)) break;
  }
  for (const std::string& path : paths) remove_name(path.c_str());
  _exit(0);
}

}  // namespace

Result<std::unique_ptr<Reaper>> Reaper::start(const std::vector<std::string>& names) {
  std::vector<std::string> paths;
  for (const std::string& name : names) paths.push_back("/run/netns/" + name);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("pipe"));
  const FileHandle read_end(ends[0]);
  FileHandle write_end(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return fail(system_error("fork"));
  if (pid == 0) reap(read_end.get(), paths);
  return std::unique_ptr<Reaper>(new Reaper(pid, std::move(write_end)));
}

Reaper::~Reaper() {
  pipe_.reset();
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
}

Status remove_leftovers() {
  std::error_code error;
  std::vector<std::string> dead;
  for (const auto& entry : std::filesystem::directory_iterator("/run/netns", error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("atl")) continue;
    pid_t owner = 0;
    const char* const end = name.data() + name.size();
    const auto [stop, bad] = std::from_chars(name.data() + 3, end, owner);
    if (bad != std::errc() || owner <= 0 || stop == end || *stop != '-') continue;
    if (::kill(owner, 0) != 0 && errno == ESRCH) dead.push_back(entry.path().string());
  }
  for (const std::string& path : dead) remove_name(path.c_str());
  return {};
}

}  // namespace atl::lab
