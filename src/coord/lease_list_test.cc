// Reading leases without taking them.
#include "coord/lease_list.h"

#include <gtest/gtest.h>

#include "coord/memory.h"
#include "env/sim_env.h"

namespace atl::coord {
namespace {

class LeaseListTest : public testing::Test {
 protected:
  std::string held(std::string prefix) {
    std::string out;
    const auto all = env_.run(memory_.leases(std::move(prefix))).value();
    for (const HeldLease& lease : all) out += lease.name + "=" + lease.holder + " ";
    return out;
  }
  void acquire(std::string name, std::string holder, Nanos ttl) {
    EXPECT_TRUE(env_.run(memory_.lease_acquire(std::move(name), std::move(holder), ttl)));
  }

  env::SimEnv env_;
  MemoryCoordinator memory_{env_};
};

TEST_F(LeaseListTest, HasThoseThatAreHeldInOrder) {
  EXPECT_EQ(held(""), "");
  acquire("n/2", "b", 2s);
  acquire("n/1", "a", 1s);
  acquire("m", "c", 9s);
  EXPECT_EQ(held("n/"), "n/1=a n/2=b ");
  EXPECT_EQ(held(""), "m=c n/1=a n/2=b ");
  EXPECT_EQ(held("x"), "");
}

TEST_F(LeaseListTest, ForgetsWhatRanOutOrWasReleased) {
  acquire("n/1", "a", 1s);
  acquire("n/2", "b", 2s);
  env_.run_for(900ms);
  EXPECT_EQ(held("n/"), "n/1=a n/2=b ");
  EXPECT_TRUE(env_.run(memory_.lease_renew("n/2", "b")));
  env_.run_for(100ms);
  EXPECT_EQ(held("n/"), "n/2=b ");
  env_.run_for(1s);
  EXPECT_EQ(held("n/"), "n/2=b ");
  EXPECT_TRUE(env_.run(memory_.lease_release("n/2", "b")));
  EXPECT_EQ(held("n/"), "");
  // To look is not to take: it is free for anybody.
  acquire("n/1", "c", 1s);
}

TEST_F(LeaseListTest, SaysWhenItCannotKnow) {
  memory_.set_available(false);
  const auto held = env_.run(memory_.leases("n/"));
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code, Errc::kUnavailable);
}

}  // namespace
}  // namespace atl::coord
