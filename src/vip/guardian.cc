#include "vip/guardian.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/log.h"

namespace atl::vip {
namespace {

constexpr char kDismissed = 'd';

Error call_error(const char* what) {
  return Error(Errc::kIo, std::string(what) + ": " + std::strerror(errno));
}

// True: the parent's end was closed without a word.
bool orphaned(int pipe) {
  char byte = 0;
  for (;;) {
    const ssize_t got = ::read(pipe, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    return got == 0;
  }
}

using Will = std::function<Status(uint64_t)>;

[[noreturn]] void guard(int pipe, const std::atomic<uint64_t>& noted, const Will& will) {
  ::prctl(PR_SET_NAME, "atoll-guardian");
  // What is meant for the node is not meant for this process: it ends when that one has.
  for (const int ignored : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(ignored, SIG_IGN);
  ::dup2(pipe, STDIN_FILENO);
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  if (!orphaned(STDIN_FILENO)) ::_exit(0);
  const Status done = will(noted);
  if (done)
    ATOLL_LOG(kWarn, "vip", "the node's process has ended: its addresses are given up");
  else
    ATOLL_LOG(kWarn, "vip", "the node's process has ended, and its lease has to run out",
              {{"why", done.error().to_string()}});
  ::_exit(done ? 0 : 1);
}

}  // namespace

Result<Guardian> Guardian::start(Will will) {
  std::error_code error;
  const auto tasks = std::filesystem::directory_iterator("/proc/self/task", error);
  if (!error && std::distance(begin(tasks), end(tasks)) > 1)
    return fail(Errc::kInternal, "a guardian must be there before the first thread");
  void* const shared = ::mmap(nullptr, sizeof(std::atomic<uint64_t>), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return fail(call_error("mmap"));
  auto* const noted = new (shared) std::atomic<uint64_t>(0);  // for as long as the process lives
  static_assert(std::atomic<uint64_t>::is_always_lock_free);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(call_error("pipe"));
  const pid_t pid = ::fork();
  if (pid < 0) {
    Error why = call_error("fork");
    ::close(ends[0]);
    ::close(ends[1]);
    return fail(std::move(why));
  }
  if (pid == 0) guard(ends[0], *noted, will);
  ::close(ends[0]);
  return Guardian(ends[1], noted);
}

void Guardian::dismiss() {
  if (pipe_ < 0) return;
  ssize_t sent = 0;
  do {
    sent = ::write(pipe_, &kDismissed, 1);
  } while (sent < 0 && errno == EINTR);
  ::close(std::exchange(pipe_, -1));
}

Guardian::~Guardian() {
  if (pipe_ >= 0) ::close(pipe_);
}

Guardian::Guardian(Guardian&& other) noexcept
    : pipe_(std::exchange(other.pipe_, -1)), noted_(other.noted_) {}

Guardian& Guardian::operator=(Guardian&& other) noexcept {
  std::swap(pipe_, other.pipe_);
  std::swap(noted_, other.noted_);
  return *this;
}

}  // namespace atl::vip
