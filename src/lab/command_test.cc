#include "lab/command.h"

#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "lab/processes.h"
#include "lab/reaper.h"

namespace atl::lab {
namespace {

using testing::HasSubstr;

TEST(Command, ReturnsTheOutputAndReadsTheInput) {
  const std::string input(300'000, 'x');  // more than a pipe holds, both ways
  const auto said = run_command({"cat"}, input);
  ASSERT_TRUE(said) << said.error().to_string();
  EXPECT_EQ(*said, input);
}

TEST(Command, WordsAreNotAShellsText) {
  const auto said = run_command({"echo", "a;b", "$HOME", "c d"});
  ASSERT_TRUE(said);
  EXPECT_EQ(*said, "a;b $HOME c d\n");
}

TEST(Command, AFailureShowsTheCommandAndItsComplaint) {
  const auto said = run_command({"ls", "/there/is/no/such"});
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().code, Errc::kIo);
  EXPECT_THAT(said.error().message, HasSubstr("ls /there/is/no/such"));
  EXPECT_THAT(said.error().message, HasSubstr("exit 2"));
  EXPECT_THAT(said.error().message, HasSubstr("No such file"));
}

TEST(Command, AProgramThatIsNotThereIsAnError) {
  const auto said = run_command({"atoll-no-such-program"});
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().code, Errc::kIo);
  EXPECT_THAT(said.error().message, HasSubstr("cannot execute atoll-no-such-program"));
}

TEST(Command, OneThatHangsIsKilledWithItsChildren) {
  const std::string mark = std::filesystem::temp_directory_path() / "atoll-command-test-pid";
  const auto said =
      run_command({"sh", "-c", "sleep 1000 & echo $! > " + mark + "; wait"}, {}, -1, 300ms);
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().code, Errc::kTimeout);
  pid_t sleeper = 0;
  std::ifstream(mark) >> sleeper;
  std::filesystem::remove(mark);
  ASSERT_GT(sleeper, 0);
  // Whoever inherits it may take its time to collect it.
  std::string state;
  for (int i = 0; i < 1000 && ::kill(sleeper, 0) == 0; ++i) {
    std::ifstream stat("/proc/" + std::to_string(sleeper) + "/stat");
    std::string number;
    std::string name;
    stat >> number >> name >> state;
    if (state == "Z" || state.empty()) break;
    usleep(10'000);
  }
  EXPECT_TRUE(state == "Z" || ::kill(sleeper, 0) != 0) << state;
}

TEST(Command, OutputHasALimit) {
  const auto said = run_command({"head", "-c", std::to_string(3 * kCommandOutputMax), "/dev/zero"});
  ASSERT_TRUE(said);
  EXPECT_EQ(said->size(), kCommandOutputMax);
}

TEST(Processes, KnowsHowEachEnded) {
  Processes processes;
  Launch good;
  good.argv = {"true"};
  Launch bad;
  bad.argv = {"sh", "-c", "exit 7"};
  Launch sleeper;
  sleeper.argv = {"sleep", "1000"};
  const pid_t a = processes.start(good).value();
  const pid_t b = processes.start(bad).value();
  const pid_t c = processes.start(sleeper).value();
  EXPECT_EQ(processes.wait(a, 10s).value(), 0);
  EXPECT_EQ(processes.wait(b, 10s).value(), 7);
  EXPECT_EQ(processes.ended(c).value(), std::nullopt);
  EXPECT_EQ(processes.wait(c, 1ms).error().code, Errc::kTimeout);
  ASSERT_TRUE(processes.kill({a, b, c}));
  EXPECT_EQ(processes.ended(c).value(), 128 + SIGKILL);
  EXPECT_EQ(processes.signal(c, SIGTERM).error().code, Errc::kNotFound);
  EXPECT_EQ(processes.ended(1).error().code, Errc::kNotFound);
}

TEST(Processes, StoppedOnesAreKilledToo) {
  Processes processes;
  Launch sleeper;
  sleeper.argv = {"sleep", "1000"};
  const pid_t pid = processes.start(sleeper).value();
  ASSERT_TRUE(processes.signal(pid, SIGSTOP));
  ASSERT_TRUE(processes.kill({pid}));
  EXPECT_EQ(processes.ended(pid).value(), 128 + SIGKILL);
}

TEST(Processes, ThoseOfAThreadThatHasEndedGoOn) {
  Processes processes;
  pid_t pid = 0;
  std::thread([&] {
    Launch sleeper;
    sleeper.argv = {"sleep", "1000"};
    pid = processes.start(sleeper).value();
  }).join();
  // The kernel would have sent the death signal when that thread ended.
  EXPECT_EQ(processes.wait(pid, 100ms).error().code, Errc::kTimeout);
}

TEST(Processes, OutputGoesToItsFile) {
  const std::string path = std::filesystem::temp_directory_path() / "atoll-processes-test-out";
  std::filesystem::remove(path);
  {
    Processes processes;
    Launch launch;
    launch.argv = {"sh", "-c", "echo said; echo complained >&2"};
    launch.output = path;
    const pid_t pid = processes.start(launch).value();
    EXPECT_EQ(processes.wait(pid, 10s).value(), 0);
  }
  std::ifstream file(path);
  std::string one;
  std::string two;
  file >> one >> two;
  EXPECT_EQ(one + " " + two, "said complained");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace atl::lab
