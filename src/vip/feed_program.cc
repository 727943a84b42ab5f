#include "vip/feed_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

extern char** environ;

namespace atl::vip {
namespace {

struct Fd {
  int number = -1;
  ~Fd() {
    if (number >= 0) ::close(number);
  }
};

Status system_error(const char* what) {
  return fail(Errc::kIo, fmt::format("{}: {}", what, std::strerror(errno)));
}

// A file in memory, at its beginning: so there is no pipe to fill while the program fills another.
Status put_into_memory(const std::string& input, Fd* out) {
  out->number = ::memfd_create("input", MFD_CLOEXEC);
  if (out->number < 0) return system_error("memfd_create");
  for (size_t done = 0; done < input.size();) {
    const ssize_t n = ::write(out->number, input.data() + done, input.size() - done);
    if (n < 0) return system_error("write");
    done += static_cast<size_t>(n);
  }
  if (::lseek(out->number, 0, SEEK_SET) != 0) return system_error("lseek");
  return {};
}

// Until the program has closed its end or the limit is past; false: the limit is past.
bool read_errors(int fd, Nanos limit, std::string* errors) {
  const auto give_up = std::chrono::steady_clock::now() + limit;
  char space[1024];
  while (true) {
    const Nanos left = give_up - std::chrono::steady_clock::now();
    if (left <= Nanos(0)) return false;
    pollfd wait{fd, POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(left / 1ms) + 1);
    if (ready <= 0) continue;
    const ssize_t n = ::read(fd, space, sizeof space);
    if (n == 0 || (n < 0 && errno != EINTR)) return true;
    if (n > 0 && errors->size() < kProgramErrorMax) errors->append(space, static_cast<size_t>(n));
  }
}

}  // namespace

Status feed_program(const std::vector<std::string>& argv, const std::string& input, Nanos limit) {
  Fd in;
  ATOLL_TRY_STATUS(put_into_memory(input, &in));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe");
  Fd read_end{ends[0]};
  pid_t pid = -1;
  int failed = 0;
  {
    Fd write_end{ends[1]};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.number, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, write_end.number, STDERR_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<char*> words;
    for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    failed = ::posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
  }
  if (failed != 0)
    return fail(failed == ENOENT ? Errc::kNotFound : Errc::kIo,
                fmt::format("{} cannot be started: {}", argv[0], std::strerror(failed)));
  std::string errors;
  const bool ended = read_errors(read_end.number, limit, &errors);
  if (!ended) ::kill(pid, SIGKILL);
  int how = 0;
  while (::waitpid(pid, &how, 0) < 0 && errno == EINTR) continue;
  if (!ended) return fail(Errc::kTimeout, fmt::format("{} did not end", argv[0]));
  if (!WIFEXITED(how) || WEXITSTATUS(how) != 0)
    return fail(Errc::kIo, fmt::format("{} failed: {}", argv[0], errors));
  return {};
}

}  // namespace atl::vip
