// The embedded coordinator over real files: what SimEnv cannot show, that env's real side carries
// it.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "coord/embedded.h"
#include "env/real_env.h"

namespace atl::coord {
namespace {

class EmbeddedOnRealFiles : public testing::Test {
 protected:
  EmbeddedOnRealFiles() {
    set_log_sink([](LogLevel, std::string_view) {});
    root_ =
        std::filesystem::temp_directory_path() / ("atoll_coord_test." + std::to_string(::getpid()));
    for (int i = 1; i <= 3; ++i)
      paths_.push_back((root_ / ("domain-" + std::to_string(i)) / "coord.dat").string());
    uuid_.bytes.fill(3);
  }
  ~EmbeddedOnRealFiles() override {
    set_log_sink({});
    std::filesystem::remove_all(root_);
  }

  std::unique_ptr<EmbeddedCoordinator> open() {
    auto opened = env_.run(EmbeddedCoordinator::open(env_, paths_, OpenMode::kServe));
    EXPECT_TRUE(opened.has_value()) << opened.error().to_string();
    return std::move(*opened);
  }

  std::filesystem::path root_;
  std::vector<std::string> paths_;
  Uuid uuid_;
  env::RealEnv env_;
};

TEST_F(EmbeddedOnRealFiles, LivesThroughLossesRotAndRepair) {
  auto created = env_.run(EmbeddedCoordinator::create(env_, paths_, uuid_));
  ASSERT_TRUE(created.has_value()) << created.error().to_string();
  auto coord = std::move(*created);
  auto second = env_.run(EmbeddedCoordinator::open(env_, paths_, OpenMode::kServe));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kBusy);
  for (uint64_t i = 0; i < 20; ++i)
    ASSERT_TRUE(env_.run(coord->compare_and_swap("k", i, std::string(i * 1000, 'x'))));
  for (const std::string& path : paths_) EXPECT_EQ(std::filesystem::file_size(path), kFileBytes);

  std::filesystem::remove_all(root_ / "domain-2");  // while it runs
  ASSERT_TRUE(env_.run(coord->compare_and_swap("k", 20, "without domain 2")));
  EXPECT_EQ(coord->copy_states()[1].health, CopyHealth::kMissing);
  Status repaired = env_.run(coord->repair_copy(1));
  ASSERT_TRUE(repaired.has_value()) << repaired.error().to_string();
  EXPECT_EQ(coord->copy_states()[1].health, CopyHealth::kOk);
  env_.run(coord->close());
  coord.reset();

  std::filesystem::remove(paths_[0]);
  coord = open();
  EXPECT_EQ(env_.run(coord->get("k")).value().value, "without domain 2");
  ASSERT_TRUE(env_.run(coord->repair_copy(0)));
  {
    std::fstream file(paths_[2], std::ios::in | std::ios::out | std::ios::binary);
    for (uint64_t slot : {0, 1}) {
      file.seekp(static_cast<std::streamoff>(slot * kSlotBytes + 50));
      file.put('\x7f');
    }
  }
  VerifyReport report = env_.run(coord->verify());
  EXPECT_EQ(report.copies_checked, 3u);
  EXPECT_EQ(report.slots_damaged, 2u);
  EXPECT_EQ(report.slots_repaired, 2u);
  env_.run(coord->close());
  coord.reset();
  std::filesystem::remove(paths_[1]);
  coord = open();
  EXPECT_EQ(env_.run(coord->get("k")).value().value, "without domain 2");
  env_.run(coord->close());
}

}  // namespace
}  // namespace atl::coord
