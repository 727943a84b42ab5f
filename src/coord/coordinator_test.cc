// What every coordinator promises, held against each of them: compare-and-swap, watches, leases.

#include "coord/coordinator.h"

#include <gtest/gtest.h>

#include <map>

#include "coord/embedded.h"
#include "coord/memory.h"
#include "coord/test_world.h"

namespace atl::coord {
namespace {

enum class Side { kMemory, kEmbedded };

class CoordinatorTest : public testing::TestWithParam<Side> {
 protected:
  void SetUp() override {
    if (GetParam() == Side::kMemory) {
      memory_ = std::make_unique<MemoryCoordinator>(env());
      return;
    }
    Status created = world_.create();
    ASSERT_TRUE(created.has_value()) << created.error().to_string();
  }

  env::SimEnv& env() { return world_.env(); }
  Coordinator& coord() {
    if (memory_) return *memory_;
    return world_.coord();
  }
  Result<uint64_t> put(std::string key, uint64_t version, std::string value) {
    return env().run(coord().compare_and_swap(std::move(key), version, std::move(value)));
  }
  Status erase(std::string key, uint64_t version) {
    return env().run(coord().erase(std::move(key), version));
  }
  std::string listed(std::string prefix) {
    std::string out;
    std::vector<KeyValue> all = env().run(coord().list(std::move(prefix))).value();
    for (const KeyValue& kv : all)
      out += fmt::format("{}={}@{} ", kv.key, kv.versioned.value, kv.versioned.version);
    return out;
  }
  Result<uint64_t> wait(std::string prefix, uint64_t after, Nanos limit) {
    return env().run(coord().wait_change(std::move(prefix), after, limit));
  }
  Status acquire(std::string name, std::string holder, Nanos ttl) {
    return env().run(coord().lease_acquire(std::move(name), std::move(holder), ttl));
  }
  Status renew(std::string name, std::string holder) {
    return env().run(coord().lease_renew(std::move(name), std::move(holder)));
  }
  Status release(std::string name, std::string holder) {
    return env().run(coord().lease_release(std::move(name), std::move(holder)));
  }

  World world_{3};
  std::unique_ptr<MemoryCoordinator> memory_;
};

TEST_P(CoordinatorTest, CompareAndSwap) {
  EXPECT_EQ(code_of(env().run(coord().get("k"))), Errc::kNotFound);
  uint64_t v1 = put("k", 0, "one").value();
  EXPECT_NE(v1, 0u);
  EXPECT_EQ(code_of(put("k", 0, "two")), Errc::kConflict);
  EXPECT_EQ(code_of(put("k", v1 + 1, "two")), Errc::kConflict);
  EXPECT_EQ(env().run(coord().get("k")).value().value, "one");
  uint64_t v2 = put("k", v1, "two").value();
  EXPECT_GT(v2, v1);
  Versioned got = env().run(coord().get("k")).value();
  EXPECT_EQ(got.value, "two");
  EXPECT_EQ(got.version, v2);
  EXPECT_EQ(code_of(erase("k", v1)), Errc::kConflict);
  EXPECT_TRUE(erase("k", v2).has_value());
  EXPECT_EQ(code_of(erase("k", v2)), Errc::kNotFound);
  EXPECT_EQ(code_of(env().run(coord().get("k"))), Errc::kNotFound);
}

TEST_P(CoordinatorTest, BadInputIsRefusedAndChangesNothing) {
  EXPECT_EQ(code_of(put("", 0, "v")), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(put(std::string(kMaxKeyBytes + 1, 'k'), 0, "v")), Errc::kTooLarge);
  EXPECT_EQ(code_of(put("k", 0, std::string(kMaxValueBytes + 1, 'v'))), Errc::kTooLarge);
  EXPECT_EQ(code_of(erase("", 1)), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(env().run(coord().get(""))), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(acquire("l", "h", Nanos(0))), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(acquire("l", "h", Nanos(-5))), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(acquire("l", "h", Nanos::max())), Errc::kInvalidArgument);
  EXPECT_EQ(code_of(acquire("l", "", 1s)), Errc::kInvalidArgument);
  EXPECT_EQ(listed(""), "");
}

TEST_P(CoordinatorTest, ListsByPrefixInOrder) {
  for (std::string key : {"b/2", "a", "b/1", "b", "c", "b/10"}) put(key, 0, "v").value();
  EXPECT_EQ(listed("b/"), "b/1=v@3 b/10=v@6 b/2=v@1 ");
  EXPECT_EQ(listed("b"), "b=v@4 b/1=v@3 b/10=v@6 b/2=v@1 ");
  EXPECT_EQ(listed("x"), "");
  std::string all = listed("");
  EXPECT_TRUE(all.starts_with("a=v@2 b=")) << all;
}

TEST_P(CoordinatorTest, AFullStoreSaysSoAndErasingMakesRoom) {
  int n = 0;
  Result<uint64_t> last = 0;
  uint64_t first = 0;
  while ((last = put(fmt::format("k{}", n), 0, std::string(900'000, 'x')))) {
    if (n++ == 0) first = *last;
  }
  EXPECT_EQ(n, 4);
  EXPECT_EQ(last.error().code, Errc::kNoSpace);
  EXPECT_TRUE(erase("k0", first).has_value());
  EXPECT_TRUE(put("again", 0, std::string(900'000, 'y')).has_value());
}

TEST_P(CoordinatorTest, AgreesWithAPlainMap) {
  env::Random random(3);
  std::map<std::string, Versioned> model;
  for (int step = 0; step < 1500; ++step) {
    std::string key = fmt::format("{}/{}", "ab"[random.below(2)], random.below(6));
    uint64_t version = model.contains(key) ? model[key].version : 0;
    uint64_t expected = random.chance(0.2) ? random.below(step + 2) : version;
    switch (random.below(4)) {
      case 0: {
        Status erased = erase(key, expected);
        ASSERT_EQ(code_of(erased), version == 0          ? Errc::kNotFound
                                   : expected != version ? Errc::kConflict
                                                         : Errc{});
        if (erased) model.erase(key);
        break;
      }
      case 1: {
        std::string prefix = random.chance(0.5) ? "a/" : "";
        std::string want;
        for (const auto& [k, v] : model)
          if (k.starts_with(prefix)) want += fmt::format("{}={}@{} ", k, v.value, v.version);
        ASSERT_EQ(listed(prefix), want);
        break;
      }
      default: {
        auto put_result = put(key, expected, fmt::format("v{}", step));
        ASSERT_EQ(put_result.has_value(), expected == version);
        if (put_result) model[key] = {fmt::format("v{}", step), *put_result};
      }
    }
  }
}

TEST_P(CoordinatorTest, WaitsForAChangeUnderThePrefixOnly) {
  uint64_t revision = put("a/1", 0, "v").value();
  EXPECT_EQ(wait("a/", revision - 1, 1h).value(), revision);  // it has happened already
  Nanos before = env().now();
  EXPECT_EQ(wait("b/", revision, 5s).value(), revision);  // nothing there: the limit passes
  EXPECT_GE(env().now() - before, 5s);
  before = env().now();
  EXPECT_EQ(wait("a/", revision, Nanos(0)).value(), revision);  // no wait at all
  EXPECT_EQ(wait("a/", revision, Nanos(-1)).value(), revision);
  EXPECT_EQ(env().now(), before);
}

Task<void> wait_into(Coordinator* coord, std::string prefix, uint64_t after,
                     std::optional<uint64_t>* out) {
  Result<uint64_t> revision = co_await coord->wait_change(std::move(prefix), after, 1h);
  *out = revision.value_or(UINT64_MAX);
}

TEST_P(CoordinatorTest, WakesEveryWaiterWhosePrefixChanged) {
  uint64_t revision = put("a", 0, "v").value();
  std::optional<uint64_t> under_a, under_b, all;
  env().spawn("a", wait_into(&coord(), "a", revision, &under_a));
  env().spawn("b", wait_into(&coord(), "b", revision, &under_b));
  env().spawn("all", wait_into(&coord(), "", revision, &all));
  env().run_for(1s);
  EXPECT_FALSE(under_a || under_b || all);
  uint64_t changed = put("b1", 0, "v").value();
  env().run_for(1s);
  EXPECT_FALSE(under_a);
  EXPECT_EQ(under_b, changed);
  EXPECT_EQ(all, changed);
  put("a", revision, "w").value();
  env().run_for(1s);
  EXPECT_TRUE(under_a);
}

TEST_P(CoordinatorTest, AnErasureIsAChangeToo) {
  uint64_t version = put("job/1", 0, "v").value();
  std::optional<uint64_t> woken;
  env().spawn("watch", wait_into(&coord(), "job/", version, &woken));
  env().run_for(1s);
  EXPECT_FALSE(woken);
  EXPECT_TRUE(erase("job/1", version).has_value());
  env().run_for(1s);
  EXPECT_TRUE(woken);
  // Also when it happened between two waits, and long ago.
  Nanos before = env().now();
  EXPECT_TRUE(wait("job/", version, 1h));
  for (size_t i = 0; i < Store::kEraseLogMax / 2 + 10; ++i) {
    uint64_t v = put("other", 0, "v").value();
    ASSERT_TRUE(erase("other", v).has_value());
  }
  for (size_t i = 0; GetParam() == Side::kMemory && i < Store::kEraseLogMax; ++i) {
    uint64_t v = put("other", 0, "v").value();
    ASSERT_TRUE(erase("other", v).has_value());
  }
  EXPECT_TRUE(wait("job/", version, 1h));
  EXPECT_LT(env().now() - before, 1h);
}

// Shared: it is still at its last change when the follower has seen that.
Task<void> keep_changing(Coordinator* coord, env::Env* env, int changes,
                         std::shared_ptr<uint64_t> last) {
  uint64_t version = 0;
  for (int i = 0; i < changes; ++i) {
    std::string key = "seen/k";
    std::string value = std::to_string(i);
    Result<uint64_t> put =
        co_await coord->compare_and_swap(std::move(key), version, std::move(value));
    version = put.value();
    *last = version;
    // Sometimes at once, sometimes after a while.
    if (i % 3 == 0) co_await env->sleep(Nanos(env->random() % 3'000'000));
  }
}
Task<uint64_t> follow(Coordinator* coord, int changes) {
  uint64_t revision = 0;
  std::string seen;
  while (seen != std::to_string(changes - 1)) {
    std::string prefix = "seen/";
    Result<uint64_t> now = co_await coord->wait_change(std::move(prefix), revision, 1h);
    if (now.value() == revision) co_return 0;  // the limit passed: a change was missed
    revision = now.value();
    std::string key = "seen/k";
    Result<Versioned> got = co_await coord->get(std::move(key));
    seen = got->value;
  }
  co_return revision;
}

TEST_P(CoordinatorTest, AWatcherNeverMissesTheLastChange) {
  auto last = std::make_shared<uint64_t>(0);
  env().spawn("changes", keep_changing(&coord(), &env(), 300, last));
  const uint64_t seen = env().run(follow(&coord(), 300));
  env().run_for(1s);
  EXPECT_EQ(seen, *last);
  EXPECT_NE(*last, 0u);
}

TEST_P(CoordinatorTest, WaitersAreBounded) {
  std::vector<std::optional<uint64_t>> woken(kMaxWaiters);
  for (auto& w : woken) env().spawn("waiter", wait_into(&coord(), "x", 0, &w));
  env().run_for(1ms);
  EXPECT_EQ(code_of(wait("x", 0, 1h)), Errc::kBusy);
  put("x", 0, "v").value();
  env().run_for(1s);
  for (auto& w : woken) ASSERT_TRUE(w);
}

TEST_P(CoordinatorTest, ALeaseHasOneHolderUntilItExpires) {
  ASSERT_TRUE(acquire("owner", "n1", 10s));
  EXPECT_EQ(code_of(acquire("owner", "n2", 10s)), Errc::kConflict);
  EXPECT_TRUE(acquire("other", "n2", 10s));
  env().run_for(9s);
  EXPECT_TRUE(renew("owner", "n1"));
  EXPECT_EQ(code_of(renew("owner", "n2")), Errc::kNotFound);
  EXPECT_EQ(code_of(renew("nothing", "n1")), Errc::kNotFound);
  env().run_for(9s);
  EXPECT_EQ(code_of(acquire("owner", "n2", 10s)), Errc::kConflict);
  env().run_for(1100ms);
  EXPECT_EQ(code_of(renew("owner", "n1")), Errc::kNotFound);  // too late, though nobody took it
  EXPECT_TRUE(acquire("owner", "n2", 10s));
  EXPECT_EQ(code_of(renew("owner", "n1")), Errc::kNotFound);
  EXPECT_TRUE(renew("owner", "n2"));
}

TEST_P(CoordinatorTest, ALeaseCanBeReleasedByItsHolderAlone) {
  ASSERT_TRUE(acquire("owner", "n1", 10s));
  EXPECT_EQ(code_of(release("owner", "n2")), Errc::kNotFound);
  EXPECT_TRUE(release("owner", "n1"));
  EXPECT_EQ(code_of(release("owner", "n1")), Errc::kNotFound);
  EXPECT_EQ(code_of(renew("owner", "n1")), Errc::kNotFound);
  EXPECT_TRUE(acquire("owner", "n2", 10s));
}

TEST_P(CoordinatorTest, AcquiringOnesOwnLeaseExtendsItAndMayChangeItsTime) {
  ASSERT_TRUE(acquire("owner", "n1", 10s));
  env().run_for(9s);
  ASSERT_TRUE(acquire("owner", "n1", 10s));
  env().run_for(9s);
  EXPECT_EQ(code_of(acquire("owner", "n2", 1s)), Errc::kConflict);
  ASSERT_TRUE(acquire("owner", "n1", 60s));
  env().run_for(50s);
  EXPECT_EQ(code_of(acquire("owner", "n2", 1s)), Errc::kConflict);
  env().run_for(11s);
  EXPECT_TRUE(acquire("owner", "n2", 1s));
}

INSTANTIATE_TEST_SUITE_P(Both, CoordinatorTest, testing::Values(Side::kMemory, Side::kEmbedded),
                         [](const auto& info) {
                           return info.param == Side::kMemory ? "Memory" : "Embedded";
                         });

TEST(MemoryCoordinatorTest, CanBeSwitchedOff) {
  env::SimEnv env(1);
  MemoryCoordinator coord(env);
  ASSERT_TRUE(env.run(coord.compare_and_swap("k", 0, "v")));
  coord.set_available(false);
  EXPECT_EQ(code_of(env.run(coord.get("k"))), Errc::kUnavailable);
  EXPECT_EQ(code_of(env.run(coord.compare_and_swap("k", 1, "w"))), Errc::kUnavailable);
  coord.set_available(true);
  EXPECT_EQ(env.run(coord.get("k")).value().value, "v");
}

}  // namespace
}  // namespace atl::coord
