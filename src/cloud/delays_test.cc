#include "cloud/delays.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atl::cloud {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string refusal(std::string_view toml) {
  const auto parsed = Delays::parse(toml, "my.toml");
  if (parsed) return "accepted";
  EXPECT_EQ(parsed.error().code, Errc::kInvalidArgument);
  return parsed.error().message;
}

TEST(Delays, EveryBuiltInValueHasASourceOrIsAnAssumptionWithItsReason) {
  const Delays& delays = Delays::built_in();
  for (const std::string& name : Delays::names()) {
    const Delay* delay = delays.find(name);
    ASSERT_NE(delay, nullptr) << name;
    EXPECT_GT(delay->median, Nanos{}) << name;
    EXPECT_TRUE(!delay->source.empty() || (delay->assumed && !delay->note.empty())) << name;
  }
  for (const std::string& name : Delays::count_names()) {
    const Count* count = delays.find_count(name);
    ASSERT_NE(count, nullptr) << name;
    EXPECT_GT(count->value, 0u) << name;
    EXPECT_TRUE(!count->source.empty() || (count->assumed && !count->note.empty())) << name;
  }
  EXPECT_EQ(delays.find("no_such_delay"), nullptr);
}

TEST(Delays, AFileLaysItsValuesOverTheBuiltInOnes) {
  const auto parsed = Delays::parse(
      "[alias_operation]\nmedian_ms = 1500\np99_ms = 2500.5\nsource = \"measured\"\n"
      "[writes_per_minute]\ncount = 60\nassumed = true\n",
      "my.toml");
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ(parsed->alias_operation.median, 1500ms);
  EXPECT_EQ(parsed->alias_operation.p99, 2500500us);
  EXPECT_EQ(parsed->alias_operation.source, "measured");
  EXPECT_FALSE(parsed->alias_operation.assumed);
  EXPECT_TRUE(parsed->alias_operation.note.empty());
  EXPECT_EQ(parsed->writes_per_minute.value, 60u);
  EXPECT_EQ(parsed->token.median, Delays::built_in().token.median);
}

TEST(Delays, ErrorsNameFileAndLineAndWhatWouldBeRight) {
  EXPECT_THAT(refusal("\n[alias_operatoin]\nconstant_ms = 1\nassumed = true\n"),
              AllOf(HasSubstr("my.toml:2"), HasSubstr("alias_operation")));
  EXPECT_THAT(refusal("[token]\nmedian_ms = 5\nassumed = true\n"),
              AllOf(HasSubstr("my.toml:1"), HasSubstr("both median_ms and p99_ms")));
  EXPECT_THAT(refusal("[token]\nconstant_ms = 5\nmedian_ms = 5\np99_ms = 6\nassumed = true\n"),
              HasSubstr("either constant_ms"));
  EXPECT_THAT(refusal("[token]\nmedian_ms = 5\np99_ms = 4\nassumed = true\n"),
              AllOf(HasSubstr("my.toml:3"), HasSubstr("p99_ms is at least median_ms")));
  EXPECT_THAT(refusal("[token]\nmedian_ms = 0\np99_ms = 4\nassumed = true\n"),
              HasSubstr("my.toml:2"));
  EXPECT_THAT(refusal("[token]\nconstant_ms = -1\nassumed = true\n"),
              AllOf(HasSubstr("my.toml:2"), HasSubstr("0 to 3600000")));
  EXPECT_THAT(refusal("[token]\nconstant_ms = 3600001\nassumed = true\n"), HasSubstr("0 to"));
  EXPECT_THAT(refusal("[token]\nconstant_ms = nan\nassumed = true\n"), HasSubstr("0 to"));
  EXPECT_THAT(refusal("[token]\nconstant_ms = \"5\"\nassumed = true\n"), HasSubstr("number"));
  EXPECT_THAT(refusal("[token]\nconstant_s = 5\nassumed = true\n"),
              AllOf(HasSubstr("my.toml:2"), HasSubstr("constant_ms")));
  EXPECT_THAT(refusal("[token]\nconstant_ms = 5\nnote = \"I think\"\n"),
              AllOf(HasSubstr("my.toml:1"), HasSubstr("source"), HasSubstr("assumed = true")));
  EXPECT_THAT(refusal("[token]\nconstant_ms = 5\nassumed = \"yes\"\n"), HasSubstr("my.toml:3"));
  EXPECT_THAT(refusal("token = 5\n"), HasSubstr("[token]"));
  EXPECT_THAT(refusal("[lb_healthy_threshold]\ncount = 0\nassumed = true\n"),
              AllOf(HasSubstr("my.toml:2"), HasSubstr("1 to")));
  EXPECT_THAT(refusal("[lb_healthy_threshold]\ncount = 1.5\nassumed = true\n"),
              HasSubstr("whole number"));
  EXPECT_THAT(refusal("[token\n"), HasSubstr("my.toml:1"));
}

TEST(Delays, AProbeEndsBeforeTheNextBegins) {
  EXPECT_THAT(refusal("[lb_probe_timeout]\nconstant_ms = 1001\nassumed = true\n"),
              HasSubstr("at most lb_probe_interval"));
  EXPECT_THAT(refusal("[lb_probe_interval]\nconstant_ms = 0\nassumed = true\n"),
              HasSubstr("longer than 0"));
  EXPECT_THAT(refusal("[lb_probe_interval]\nmedian_ms = 1000\np99_ms = 2000\nassumed = true\n"),
              HasSubstr("constant_ms"));
}

TEST(Delay, DrawsHaveTheMedianAndTheTailThatWereAskedFor) {
  Delay delay;
  delay.median = 4s;
  delay.p99 = 10s;
  env::Random random(1);
  std::vector<Nanos> drawn(20'000);
  for (Nanos& d : drawn) d = delay.sample(random);
  std::ranges::sort(drawn);
  EXPECT_NEAR(drawn[10'000].count(), Nanos(4s).count(), Nanos(100ms).count());
  EXPECT_NEAR(drawn[19'800].count(), Nanos(10s).count(), Nanos(500ms).count());
  EXPECT_GT(drawn.front(), Nanos{});
}

TEST(Delay, DrawsAreCutOffAtTheLimit) {
  Delay delay;
  delay.median = 30min;
  delay.p99 = 1h;
  env::Random random(1);
  Nanos longest{};
  for (int i = 0; i < 1000; ++i) longest = std::max(longest, delay.sample(random));
  EXPECT_EQ(longest, kDelayMax);
}

TEST(Delay, AConstantIsDrawnAsItIsAndUsesNoRandomness) {
  Delay delay;
  delay.median = delay.p99 = 7ms;
  env::Random random(1), untouched(1);
  EXPECT_EQ(delay.sample(random), 7ms);
  EXPECT_EQ(random.next(), untouched.next());
}

TEST(Delay, ScalesAsAWhole) {
  Delay delay;
  delay.median = 4s;
  delay.p99 = 10s;
  EXPECT_EQ(delay.scaled(0.5).median, 2s);
  EXPECT_EQ(delay.scaled(0.5).p99, 5s);
  env::Random random(1);
  EXPECT_EQ(delay.scaled(0).sample(random), Nanos{});
}

TEST(Delays, ZeroLeavesOnlyTheSettingsOfTheHealthCheck) {
  const Delays zero = Delays::zero();
  for (const std::string& name : Delays::names()) {
    const bool setting = name == "lb_probe_interval" || name == "lb_probe_timeout";
    EXPECT_EQ(zero.find(name)->p99 == Nanos{}, !setting) << name;
  }
  EXPECT_EQ(zero.writes_per_minute.value, Delays::built_in().writes_per_minute.value);
}

}  // namespace
}  // namespace atl::cloud
