#include "vip/assign.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <fmt/format.h>

#include "env/random.h"

namespace atl::vip {
namespace {

std::vector<Vip> addresses(size_t n) {
  std::vector<Vip> out;
  for (size_t i = 0; i < n; ++i) out.push_back(Vip{0x0a000900u + static_cast<uint32_t>(i)});
  return out;
}

std::vector<Candidate> nodes(size_t n) {
  std::vector<Candidate> out;
  for (size_t i = 0; i < n; ++i) out.push_back({fmt::format("n{}", i)});
  return out;
}

std::map<NodeName, size_t> loads(const std::map<Vip, NodeName>& assigned) {
  std::map<NodeName, size_t> out;
  for (const auto& [vip, node] : assigned) ++out[node];
  return out;
}

size_t moved(const std::map<Vip, NodeName>& before, const std::map<Vip, NodeName>& after) {
  size_t n = 0;
  for (const auto& [vip, node] : before) {
    auto it = after.find(vip);
    n += it == after.end() || it->second != node;
  }
  return n;
}

TEST(Assign, spreads_evenly) {
  for (size_t n : {1, 2, 3, 7, 10})
    for (size_t a : {1, 5, 12, 64}) {
      const auto load = loads(assign(addresses(a), nodes(n), {}));
      size_t sum = 0;
      for (const auto& [node, count] : load) {
        EXPECT_LE(count, (a + n - 1) / n);
        sum += count;
      }
      EXPECT_EQ(sum, a);
    }
}

TEST(Assign, moves_nothing_when_nothing_changed) {
  const auto before = assign(addresses(12), nodes(5), {});
  EXPECT_EQ(assign(addresses(12), nodes(5), before), before);
}

// 12 addresses on 4 nodes are 3 each; when one node goes, its 3 go to three different nodes.
TEST(Assign, the_addresses_of_a_lost_node_go_to_all_others) {
  const auto before = assign(addresses(12), nodes(4), {});
  std::vector<Candidate> left = nodes(4);
  left.erase(left.begin() + 1);
  const auto after = assign(addresses(12), left, before);
  EXPECT_EQ(moved(before, after), 3u);
  for (const auto& [node, count] : loads(after)) EXPECT_EQ(count, 4u) << node;
}

TEST(Assign, a_node_that_comes_back_takes_only_its_share) {
  const auto before = assign(addresses(12), nodes(3), {});
  const auto after = assign(addresses(12), nodes(4), before);
  EXPECT_EQ(moved(before, after), 3u);
  EXPECT_EQ(loads(after).at("n3"), 3u);
}

TEST(Assign, a_node_that_came_up_a_moment_ago_gets_nothing_while_others_can) {
  std::vector<Candidate> three = nodes(3);
  three[2].settled = false;
  const auto after = assign(addresses(6), three, {});
  EXPECT_FALSE(loads(after).contains("n2"));
  // And all, when nobody else is there.
  EXPECT_EQ(assign(addresses(6), {three[2]}, {}).size(), 6u);
}

TEST(Assign, a_draining_node_keeps_nothing) {
  const auto before = assign(addresses(6), nodes(3), {});
  std::vector<Candidate> three = nodes(3);
  three[0].may_keep = false;
  EXPECT_FALSE(loads(assign(addresses(6), three, before)).contains("n0"));
}

TEST(Assign, without_candidates_nobody_has_anything) {
  EXPECT_TRUE(assign(addresses(3), {}, {{Vip{0x0a000900}, "n0"}}).empty());
}

// Random histories: always complete, even, and with no more moves than the lost and the levelling
// ask.
TEST(Assign, holds_in_random_histories) {
  env::Random random(7);
  for (int history = 0; history < 200; ++history) {
    const size_t n = random.between(uint64_t{1}, uint64_t{12});
    const size_t a = random.between(uint64_t{1}, uint64_t{40});
    std::map<Vip, NodeName> held;
    for (int step = 0; step < 10; ++step) {
      std::vector<Candidate> up;
      for (const Candidate& c : nodes(n))
        if (random.chance(0.7)) up.push_back(c);
      const auto next = assign(addresses(a), up, held);
      if (up.empty()) {
        EXPECT_TRUE(next.empty());
        continue;
      }
      ASSERT_EQ(next.size(), a);
      const auto load = loads(next);
      size_t most = 0, least = a;
      for (const Candidate& c : up) {
        const size_t has = load.contains(c.node) ? load.at(c.node) : 0;
        most = std::max(most, has);
        least = std::min(least, has);
      }
      EXPECT_LE(most, least + 1);
      // What must move: addresses of nodes that went, and what is over the even share elsewhere.
      size_t must = 0;
      const size_t share = (a + up.size() - 1) / up.size();
      for (const auto& [node, count] : loads(held)) {
        const bool there =
            std::any_of(up.begin(), up.end(), [&](const Candidate& c) { return c.node == node; });
        must += there ? (count > share - 1 ? count - (share - 1) : 0) : count;
      }
      EXPECT_LE(moved(held, next), must);
      held = next;
    }
  }
}

}  // namespace
}  // namespace atl::vip
