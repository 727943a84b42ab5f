#include "stripe/hedge_clock.h"

#include <gtest/gtest.h>

#include "env/sim_env.h"
#include "env/sim_storage.h"

namespace atl::stripe {
namespace {

struct Clock {
  env::SimStorage storage;
  env::SimEnv env{storage, {}};
  HedgeClock hedges{env, 50ms};

  void note(Nanos latency, int times) {
    for (int i = 0; i < times; ++i) hedges.note(latency);
  }
};

TEST(HedgeClock, ADeviceThatIsSlowBesideTheOthersDoesNotMoveTheDelay) {
  Clock c;
  EXPECT_EQ(c.hedges.delay(), 50ms);
  for (int round = 0; round < 1000; ++round) {
    c.note(100us, 6);
    c.note(5s, 2);
  }
  EXPECT_EQ(c.hedges.delay(), 50ms);
}

TEST(HedgeClock, WhenAllAreSlowTheDelayGrowsWithThemAndComesBack) {
  Clock c;
  c.note(300ms, 500);
  EXPECT_GT(c.hedges.delay(), 1100ms);
  EXPECT_LT(c.hedges.delay(), 1300ms);
  c.note(60s, 500);
  EXPECT_EQ(c.hedges.delay(), kHedgeDelayMax);
  c.note(100us, 500);
  EXPECT_EQ(c.hedges.delay(), 50ms);
}

}  // namespace
}  // namespace atl::stripe
