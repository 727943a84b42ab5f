#include "vip/guardian.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace atl::vip {
namespace {

enum class End { kKilled, kStandsStill, kDismissed, kReturns };

// A process with a guardian whose will is to say so. What is said until both have ended; `before`
// is what had been said while the process stood still.
std::string said_after(End end, std::string* before = nullptr) {
  int said[2];
  EXPECT_EQ(::pipe(said), 0);
  const pid_t node = ::fork();
  if (node == 0) {
    ::close(said[0]);
    ::dup2(said[1], STDOUT_FILENO);
    ::close(said[1]);
    auto guardian = Guardian::start([](uint64_t noted) -> Status {
      (void)!::write(STDOUT_FILENO, noted == 7 ? "gone" : "what?", 4);
      return {};
    });
    if (!guardian) ::_exit(1);
    guardian->note(7);
    if (end == End::kKilled) ::kill(::getpid(), SIGKILL);
    if (end == End::kStandsStill) ::kill(::getpid(), SIGSTOP);
    if (end == End::kDismissed) guardian->dismiss();
    ::_exit(0);
  }
  ::close(said[1]);
  if (end == End::kStandsStill) {
    int status = 0;
    ::waitpid(node, &status, WUNTRACED);
    ::usleep(50'000);  // a guardian that is wrong has spoken by now, or a little later
    ::fcntl(said[0], F_SETFL, O_NONBLOCK);
    char early = 0;
    if (::read(said[0], &early, 1) == 1) *before += early;
    ::fcntl(said[0], F_SETFL, 0);
    ::kill(node, SIGKILL);
  }
  int status = 0;
  ::waitpid(node, &status, 0);
  std::string heard;
  char byte = 0;
  while (::read(said[0], &byte, 1) == 1) heard += byte;  // until the guardian has ended, too
  ::close(said[0]);
  return heard;
}

TEST(Guardian, acts_when_its_process_is_killed) {
  EXPECT_EQ(said_after(End::kKilled), "gone");
}

TEST(Guardian, acts_when_its_process_ends_without_a_word) {
  EXPECT_EQ(said_after(End::kReturns), "gone");
}

TEST(Guardian, waits_while_its_process_stands_still) {
  std::string before;
  EXPECT_EQ(said_after(End::kStandsStill, &before), "gone");
  EXPECT_EQ(before, "");
}

TEST(Guardian, does_nothing_when_it_is_dismissed) {
  EXPECT_EQ(said_after(End::kDismissed), "");
}

}  // namespace
}  // namespace atl::vip
