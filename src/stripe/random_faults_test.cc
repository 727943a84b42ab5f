// Everything at once, by seed: writes, reads, frees, losses, replacements, flipped bits, rebuilds,
// scrubs and power cuts, in random order. What was acknowledged must read back, byte for byte, at
// every moment, for as long as no more is lost than the scheme promises.
//
// ATOLL_STRIPE_SEEDS=n runs n seeds instead of kSeeds; ATOLL_STRIPE_SEED=s just that one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "stripe/test_cluster.h"

namespace atl::stripe {
namespace {

constexpr uint64_t kSeeds = 12;
constexpr int kSteps = 60;

class RandomWorld {
 public:
  explicit RandomWorld(uint64_t seed) : random_(seed), c_(with_seed(seed)) {
    c_.on_restart([this] { make_maintenance(); });
    make_maintenance();
  }
  ~RandomWorld() { c_.run(maintenance_->stop()); }

  void step() {
    switch (random_.below(14)) {
      case 0:
      case 1:
      case 2:
      case 3:
        write();
        break;
      case 4:
      case 5:
        read_some();
        break;
      case 6:
        free_one();
        break;
      case 7:
        lose_one();
        break;
      case 8:
      case 9:
        bring_one_back();
        break;
      case 10:
        rebuild();
        break;
      case 11:
        flip_or_scrub();
        break;
      case 12:
        orphans();
        break;
      case 13:
        power_cut();
        break;
    }
  }
  void check_all() {
    for (const auto& [id, seed] : content_) check(id, seed);
  }
  // Brings everything back, and then every shard must be in its place and nothing else.
  void check_end() {
    while (!down_.empty()) bring_one_back();
    rebuild();
    EXPECT_TRUE(impaired().empty());
    auto report = c_.run(maintenance_->scrub({}));
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->unrepairable, 0u);
    orphans();
    uint64_t shards = 0;
    for (const auto& [id, ref] : c_.catalog().stripes)
      shards += c_.map().find_group(ref.group)->slots.size();
    EXPECT_EQ(c_.shards_stored(), shards);
    check_all();
  }

 private:
  static TestClusterOptions with_seed(uint64_t seed) {
    TestClusterOptions options;
    options.seed = seed;
    return options;
  }
  void make_maintenance() {
    // After a power cut the old one belongs to a world that is gone, and is kept like it.
    static auto* const gone = new std::vector<std::unique_ptr<Maintenance>>;
    if (maintenance_) gone->push_back(std::move(maintenance_));
    std::vector<StripeCatalog*> catalogs{&c_.catalog()};
    maintenance_ = std::make_unique<Maintenance>(c_.store(), c_.view(), catalogs, StoreOptions());
  }
  // Domains with something missing.
  std::set<uint32_t> impaired() {
    std::set<uint32_t> out = down_;
    for (const auto& device : c_.map().devices)
      if (device.state != cluster::DeviceState::kReplaced &&
          (device.needs_rebuild || !c_.view().readable(device.id)))
        out.insert(device.domain.value);
    return out;
  }
  size_t losses() { return impaired().size() + (flipped_ ? 1 : 0); }

  void write() {
    const uint64_t seed = random_.next();
    const size_t size = 1 + random_.below(random_.chance(0.1) ? 3'000'000 : 100'000);
    auto written = c_.run(c_.store().write(pattern(seed, size), device::WriteClass::kUser));
    ASSERT_TRUE(written.has_value()) << written.error().to_string();
    if (random_.chance(0.1)) {  // the owner gives it up, or crashes before it commits
      c_.store().settle(written->id);
      return;
    }
    c_.catalog().add(*written);
    c_.store().settle(written->id);
    content_[written->id] = seed;
  }
  void check(StripeId id, uint64_t seed) {
    const StripeRef ref = c_.catalog().stripes.at(id);
    const auto offset = static_cast<uint32_t>(random_.below(ref.data_length));
    const auto length = static_cast<uint32_t>(1 + random_.below(ref.data_length - offset));
    const auto got = c_.read(ref, offset, length);
    ASSERT_TRUE(got.has_value()) << got.error().to_string();
    const Buf expected = pattern(seed, ref.data_length);
    ASSERT_EQ(got->view(), expected.view().substr(offset, length)) << "stripe " << id.value;
  }
  StripeId any() {
    auto it = content_.begin();
    std::advance(it, static_cast<long>(random_.below(content_.size())));
    return it->first;
  }
  void read_some() {
    for (int i = 0; i < 5 && !content_.empty(); ++i) {
      const StripeId id = any();
      check(id, content_[id]);
    }
  }
  void free_one() {
    if (content_.empty()) return;
    const StripeId id = any();
    content_.erase(id);
    c_.free(c_.catalog().stripes.at(id));
  }
  void lose_one() {
    if (losses() >= 2) return;
    const auto domain = static_cast<uint32_t>(1 + random_.below(8));
    if (impaired().contains(domain)) return;
    down_.insert(domain);
    if (random_.chance(0.5))
      c_.kill(domain);  // whoever calls it next finds out
    else
      c_.mark_failed(domain);
  }
  void bring_one_back() {
    if (down_.empty()) return;
    const uint32_t domain = *down_.begin();
    down_.erase(down_.begin());
    c_.mark_failed(domain);
    if (random_.chance(0.5))
      c_.revive(domain);
    else
      c_.replace(domain);
  }
  void rebuild() {
    const Status done = c_.run(maintenance_->rebuild());
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().to_string());
  }
  void flip_or_scrub() {
    if (!flipped_ && losses() < 2 && !content_.empty()) {
      const StripeRef ref = c_.catalog().stripes.at(any());
      const auto width = static_cast<uint32_t>(c_.map().find_group(ref.group)->slots.size());
      const auto shard = static_cast<uint32_t>(random_.below(width));
      if (!c_.view().readable(c_.slot(ref, shard)) || !c_.has_shard(ref, shard)) return;
      const uint32_t length =
          shard_length(ref.data_length, c_.map().find_group(ref.group)->protection.k);
      if (length < 4096) return;  // too little to be found on the disk again
      const auto at =
          static_cast<uint32_t>(random_.below(length / 4096) * 4096 + random_.below(64));
      c_.flip_bit(ref, shard, at, static_cast<int>(random_.below(8)));
      flipped_ = true;
      return;
    }
    auto report = c_.run(maintenance_->scrub({}));
    ASSERT_TRUE(report.has_value()) << report.error().to_string();
    EXPECT_EQ(report->unrepairable, 0u);
    // A device that is down was not scrubbed.
    if (impaired().empty()) flipped_ = false;
  }
  void orphans() {
    const auto freed = c_.run(maintenance_->collect_orphans());
    EXPECT_TRUE(freed.has_value());
  }
  void power_cut() {
    c_.restart(random_.chance(0.5) ? env::CrashKind::kPowerCut : env::CrashKind::kProcessKill);
    for (const uint32_t domain : down_) c_.kill(domain);
  }

  env::Random random_;
  TestCluster c_;
  std::unique_ptr<Maintenance> maintenance_;
  std::map<StripeId, uint64_t> content_;  // what each stripe's pattern was made from
  std::set<uint32_t> down_;
  bool flipped_ = false;
};

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(RandomFaults, WhatWasAcknowledgedIsThereWhateverHappens) {
  const uint64_t only = from_environment("ATOLL_STRIPE_SEED", 0);
  const uint64_t seeds = from_environment("ATOLL_STRIPE_SEEDS", kSeeds);
  const uint64_t first = only != 0 ? only : 1;
  const uint64_t last = only != 0 ? only : seeds;
  for (uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomWorld world(seed);
    for (int i = 0; i < kSteps && !::testing::Test::HasFailure(); ++i) world.step();
    world.check_all();
    if (!::testing::Test::HasFailure()) world.check_end();
    if (::testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace atl::stripe
