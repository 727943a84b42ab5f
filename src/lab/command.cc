#include "lab/command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "lab/child.h"
#include "lab/namespace.h"

namespace atl::lab {

namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  FileHandle read;
  FileHandle write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("pipe"));
  Pipe pipe{FileHandle(ends[0]), FileHandle(ends[1])};
  return pipe;
}

std::string in_one_line(const std::vector<std::string>& argv) {
  std::string line;
  for (const std::string& word : argv) line += (line.empty() ? "" : " ") + word;
  return line;
}

// One pass over what the kernel has ready. False once both outputs have ended.
bool pump(Pipe& in, Pipe& out, Pipe& errors, std::string_view& input, std::string& said,
          std::string& complained, int timeout_ms) {
  if (input.empty()) in.write.reset();
  std::array<pollfd, 3> files = {
      {{in.write.get(), POLLOUT, 0}, {out.read.get(), POLLIN, 0}, {errors.read.get(), POLLIN, 0}}};
  if (poll(files.data(), files.size(), timeout_ms) < 0) return errno == EINTR;
  if (files[0].revents != 0) {
    const ssize_t n = write(in.write.get(), input.data(), input.size());
    if (n > 0) input.remove_prefix(static_cast<size_t>(n));
    if (n < 0 && errno != EAGAIN) input = {};  // it does not want to hear more
  }
  const auto take = [](FileHandle& file, const pollfd& ready, std::string& into) {
    if (ready.revents == 0) return;
    char buffer[16384];
    const ssize_t n = read(file.get(), buffer, sizeof buffer);
    if (n <= 0) return file.reset();
    into.append(buffer, std::min(static_cast<size_t>(n), kCommandOutputMax - into.size()));
  };
  take(out.read, files[1], said);
  take(errors.read, files[2], complained);
  return out.read.get() >= 0 || errors.read.get() >= 0;
}

}  // namespace

Result<std::string> run_command(const std::vector<std::string>& argv, std::string_view input,
                                int namespace_fd, Nanos limit) {
  const std::string line = in_one_line(argv);
  ATOLL_TRY(Pipe in, make_pipe());
  ATOLL_TRY(Pipe out, make_pipe());
  ATOLL_TRY(Pipe errors, make_pipe());
  // So that a program that reads nothing does not hold this thread up. It dies, we hear EPIPE.
  fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  ChildSetup setup;
  setup.argv = argv;
  setup.namespace_fd = namespace_fd;
  setup.input = in.read.get();
  setup.output = out.write.get();
  setup.errors = errors.write.get();
  const auto deadline = Clock::now() + limit;
  ATOLL_TRY(const pid_t pid, start_child(setup));
  in.read.reset();
  out.write.reset();
  errors.write.reset();

  sigset_t pipe_signal;
  sigset_t before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  std::string said;
  std::string complained;
  bool late = false;
  while (pump(in, out, errors, input, said, complained, 50)) {
    late = Clock::now() >= deadline;
    if (late) break;
  }
  const timespec no_wait{};
  while (sigtimedwait(&pipe_signal, nullptr, &no_wait) == SIGPIPE) continue;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);

  int status = 0;
  // Both outputs may end long before the program does.
  while (!late && waitpid(pid, &status, WNOHANG) == 0) {
    late = Clock::now() >= deadline;
    usleep(200);
  }
  if (late) {
    ::kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return fail(Errc::kTimeout, line + ": not finished in " + format_duration(limit));
  }
  while (!complained.empty() && complained.back() == '\n') complained.pop_back();
  const int code = exit_code_of(status);
  if (code == 0) return said;
  return fail(Errc::kIo, line + ": exit " + std::to_string(code) + ": " + complained);
}

}  // namespace atl::lab
