// The workload and the checks of CrashModel, and its seeds. See crash_model.h.
#include "device/crash_model.h"

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>

#include "base/planted_bug.h"

namespace atl::device {

CrashModel::CrashModel(CrashModelOptions options)
    : options_(options),
      disk_(options.seed, options.size_bytes, options.zone_bytes),
      random_(options.seed * 77 + 1) {}

void CrashModel::complain(std::string what) {
  broken_.push_back(fmt::format("seed {}: {}", options_.seed, what));
}

Task<void> CrashModel::shard_writer(int number) {
  while (!disk_.device->failed()) {
    if (random_.chance(0.35)) {
      co_await delete_one_shard();
      continue;
    }
    const ShardKey key{StripeId(next_stripe_++), static_cast<uint8_t>(number)};
    ShardTrack& track = shards_[key];
    track.length =
        random_.chance(0.2) ? random_.between(200'000, 900'000) : random_.between(1, 40'000);
    ShardPayload payload =
        shard_payload(pattern(shard_seed(key.stripe.value, key.index), track.length));
    Status status = co_await disk_.device->write_shard(key, std::move(payload), WriteClass::kUser);
    track.acknowledged = status.has_value();
    if (!status && status.error().code == Errc::kNoSpace) co_await delete_one_shard();
    if (random_.chance(0.2)) co_await disk_.env->sleep(Nanos(random_.below(3'000'000)));
  }
}

Task<void> CrashModel::delete_one_shard() {
  std::vector<ShardKey> candidates;
  for (const auto& [key, track] : shards_)
    if (track.acknowledged && !track.deleting) candidates.push_back(key);
  if (candidates.empty()) {
    co_await disk_.env->sleep(1ms);
    co_return;
  }
  const ShardKey key = candidates[random_.below(candidates.size())];
  shards_[key].deleting = true;
  Status status = co_await disk_.device->delete_shard(key);
  if (!status) complain("delete failed: " + status.error().to_string());
}

Task<void> CrashModel::append_one(uint64_t id, size_t i, uint64_t epoch) {
  SegmentTrack& track = segments_[id];
  if (track.broken) co_return;  // nothing is sent behind a run that failed
  Run run = track.sent[i];
  auto state = co_await disk_.device->append_run(SegmentId(id), PartitionId(1), Epoch(epoch),
                                                 std::move(run));
  if (!state) {
    track.broken = true;
    co_return;
  }
  if (track.acknowledged < i)
    complain(fmt::format("segment {}: run {} before {}", id, i, track.acknowledged));
  track.acknowledged = std::max(track.acknowledged, i + 1);
  track.promised = std::max(track.promised, epoch);
}

Task<void> CrashModel::segment_writer(int) {
  uint64_t last = 0;
  while (!disk_.device->failed()) {
    const uint64_t id = next_segment_++;
    uint64_t epoch = 1 + random_.below(3);
    const uint64_t runs = random_.between(5, 60);
    uint64_t lsn = 1;
    uint32_t chain = 0;
    for (uint64_t i = 0; i < runs && !segments_[id].broken; ++i) {
      SegmentTrack& track = segments_[id];
      if (random_.chance(0.05)) {
        // A new owner: a lower epoch must be refused from the moment the seal is answered.
        const uint64_t higher = epoch + 1 + random_.below(3);
        track.asked = std::max(track.asked, higher);
        auto state = co_await disk_.device->seal_segment(SegmentId(id), PartitionId(1),
                                                         Epoch(higher), Lsn(1), 0);
        if (!state) break;
        track.promised = std::max(track.promised, higher);
        Run late = make_run(lsn, 1, epoch, chain, pattern(lsn, 50));
        auto refused = co_await disk_.device->append_run(SegmentId(id), PartitionId(1),
                                                         Epoch(epoch), std::move(late));
        if (refused)
          complain(fmt::format("segment {}: epoch {} after a promise of {}", id, epoch, higher));
        epoch = higher;
      }
      const auto count = static_cast<uint32_t>(random_.between(1, 5));
      const size_t size =
          random_.chance(0.1) ? random_.between(66'000, 400'000) : random_.between(1, 6000);
      Run run = make_run(lsn, count, epoch, chain, pattern(id * 1000 + i, size));
      lsn += count;
      chain = run.chain_after;
      track.sent.push_back(std::move(run));
      track.asked = std::max(track.asked, epoch);
      // Spawned always, so that they arrive in order; often the next does not wait for this one.
      disk_.env->spawn("append", append_one(id, track.sent.size() - 1, epoch));
      const bool wait = random_.chance(0.4);
      while (wait && !track.broken && track.acknowledged < track.sent.size())
        co_await disk_.env->sleep(100us);
    }
    // The segment before is finished with; some of its runs may be in flight still.
    if (random_.chance(0.7) && last != 0) {
      segments_[last].deleting = true;
      Status status = co_await disk_.device->delete_segment(SegmentId(last));
      if (!status) complain("delete_segment: " + status.error().to_string());
    }
    last = id;
    co_await disk_.env->sleep(Nanos(random_.below(2'000'000)));
  }
}

Task<void> CrashModel::housekeeper() {
  while (!disk_.device->failed()) {
    co_await disk_.env->sleep(Nanos(random_.below(200'000'000)));
    // Deletes called before a checkpoint began are durable when it returns.
    std::vector<ShardKey> shards;
    std::vector<uint64_t> segments;
    for (const auto& [key, track] : shards_)
      if (track.deleting && !track.gone) shards.push_back(key);
    for (const auto& [id, track] : segments_)
      if (track.deleting && !track.gone) segments.push_back(id);
    co_await disk_.env->sleep(1ms);  // a delete may wait for what is in flight
    std::erase_if(shards, [&](ShardKey key) { return disk_.core().has_shard(key); });
    Status status = co_await disk_.device->checkpoint();
    if (!status) continue;
    for (ShardKey key : shards) shards_[key].gone = true;
    if (random_.chance(0.3)) {
      auto result = co_await disk_.device->verify_zone(
          static_cast<uint32_t>(random_.below(disk_.device->use().zones)));
      if (!result) complain("verify: " + result.error().to_string());
      if (result && (!result->bad_shards.empty() || !result->bad_segments.empty() ||
                     result->bad_metadata != 0))
        complain("verify found damage where there is none");
    }
  }
}

void CrashModel::check_shard(ShardKey key, ShardTrack& track) {
  const std::string name = fmt::format("shard {}.{}", key.stripe, key.index);
  Status status = disk_.check(key.stripe.value, key.index, track.length);
  const bool absent = !status && status.error().code == Errc::kNotFound;
  if (!status && !absent) complain(name + ": " + status.error().to_string());
  // The checkpoint that made a delete durable may be the one that rotted: then it may come back.
  if (status && track.gone && !options_.flip_bits)
    complain(name + " is back, its delete was durable");
  if (absent && track.acknowledged && !track.deleting) complain(name + " is lost");
  // What is there now must stay; what is not must not come back.
  track.acknowledged = status.has_value();
  track.deleting = false;
  track.gone = absent;
}

void CrashModel::check_segment(uint64_t id, SegmentTrack& track,
                               const std::vector<SegmentState>& states) {
  const std::string name = fmt::format("segment {}", id);
  const SegmentState* state = nullptr;
  for (const SegmentState& s : states)
    if (s.segment.value == id) state = &s;
  if (!state) {
    if ((track.acknowledged != 0 || track.promised != 0) && !track.deleting)
      complain(name + " is lost");
    track.gone = true;
    return;
  }
  if (track.deleting && options_.flip_bits) {
    track.gone = true;
    return;
  }
  if (state->promised.value < track.promised && !track.deleting)
    complain(
        fmt::format("{}: promise {} forgotten, {} is left", name, track.promised, state->promised));
  std::vector<Run> found;
  uint64_t from = 0;
  while (true) {
    auto part = disk_.runs(id, from, 50'000);
    if (!part) {
      complain(name + ": " + part.error().to_string());
      break;
    }
    if (part->empty()) break;
    for (Run& run : *part) found.push_back(std::move(run));
    from = found.back().first_lsn.value + found.back().count;
  }
  if (found.size() < track.acknowledged)
    complain(fmt::format("{}: {} of {} acknowledged runs", name, found.size(), track.acknowledged));
  for (size_t i = 0; i < found.size(); ++i) {
    if (i >= track.sent.size() || found[i].first_lsn != track.sent[i].first_lsn ||
        found[i].payload.view() != track.sent[i].payload.view()) {
      complain(fmt::format("{}: run {} is not what was sent", name, i));
      break;
    }
  }
  const uint64_t next = found.empty() ? 1 : found.back().first_lsn.value + found.back().count;
  if (state->next_lsn.value != next)
    complain(fmt::format("{}: next LSN {} but runs to {}", name, state->next_lsn, next));
  track.sent.resize(std::min(found.size(), track.sent.size()));
  track.acknowledged = track.sent.size();
  track.promised = state->promised.value;
  track.broken = true;  // old segments are only read and deleted
  track.deleting = false;
}

void CrashModel::check() {
  for (auto& [key, track] : shards_) check_shard(key, track);
  const auto states = disk_.device->list_segments();
  for (auto& [id, track] : segments_)
    if (!track.gone) check_segment(id, track, states);
  const VerifyResult verified = disk_.verify_all();
  if (!verified.bad_shards.empty()) complain("scrub finds bad shards");
  for (SegmentId id : verified.bad_segments) {
    // For the same reason a segment that was deleted may come back, and not all of it.
    if (!options_.flip_bits || !segments_[id.value].gone)
      complain(fmt::format("scrub finds segment {} bad", id));
  }
}

std::vector<std::string> CrashModel::run() {
  disk_.make();
  for (int life = 0; life < options_.lives && broken_.empty(); ++life) {
    for (int i = 0; i < options_.writers; ++i) disk_.env->spawn("shards", shard_writer(i));
    disk_.env->spawn("segments", segment_writer(0));
    disk_.env->spawn("segments", segment_writer(1));
    disk_.env->spawn("housekeeping", housekeeper());
    const uint64_t longest = random_.chance(0.5) ? 100'000'000 : 1'500'000'000;
    disk_.env->run_for(Nanos(random_.below(longest)));
    disk_.crash(random_.chance(0.7) ? env::CrashKind::kPowerCut : env::CrashKind::kProcessKill);
    if (options_.flip_bits) {
      const auto layout = Layout::plan(options_.size_bytes, options_.zone_bytes);
      const int slot = static_cast<int>(random_.below(2));
      disk_.flip(layout->checkpoint_offset[slot] + random_.below(200),
                 static_cast<int>(random_.below(8)));
    }
    if (random_.chance(0.2)) {
      // A second crash while it recovers.
      auto* first = disk_.env.get();
      first->spawn("open", [](env::SimEnv* env) -> Task<void> {
        auto opened = co_await Device::open(*env, kDiskPath, TestDisk::expectation());
        if (opened) (void)opened->release();  // leaked: its SimEnv halts
      }(first));
      first->run_for(Nanos(random_.below(5'000'000)));
      disk_.crash();
    }
    Status opened = disk_.open();
    if (!opened) {
      complain("open: " + opened.error().to_string());
      break;
    }
    check();
  }
  return broken_;
}

namespace {

int seeds() {
  const char* text = std::getenv("ATOLL_CRASH_SEEDS");
  return text ? std::atoi(text) : 40;
}

std::string report(const std::vector<std::string>& broken) {
  std::string all;
  for (const std::string& line : broken) all += line + "\n";
  return all;
}

TEST(Crash, WhatWasAcknowledgedIsThereWhole) {
  for (int seed = 1; seed <= seeds(); ++seed) {
    CrashModelOptions options;
    options.seed = static_cast<uint64_t>(seed);
    const auto broken = CrashModel(options).run();
    ASSERT_TRUE(broken.empty()) << report(broken);
  }
}

TEST(Crash, ADamagedCheckpointLosesNothing) {
  for (int seed = 1; seed <= seeds() / 3; ++seed) {
    CrashModelOptions options;
    options.seed = static_cast<uint64_t>(100'000 + seed);
    options.flip_bits = true;
    const auto broken = CrashModel(options).run();
    ASSERT_TRUE(broken.empty()) << report(broken);
  }
}

TEST(Crash, TheSameSeedGivesTheSameRun) {
  for (uint64_t seed : {5u, 6u}) {
    uint32_t first = 0;
    for (int turn = 0; turn < 2; ++turn) {
      TestDisk disk(seed);
      disk.make();
      for (uint64_t s = 1; s < 50; ++s) (void)disk.write(s, 0, s * 1000);
      (void)disk.close();
      if (turn == 0) first = disk.env->trace_hash();
      EXPECT_EQ(disk.env->trace_hash(), first);
    }
  }
}

#ifdef ATOLL_PLANTED_BUGS
// These planted bugs break a promise that the model notices within these seeds. kFreeLiveZone stops
// the process at an assertion of the zone accounting before the model can tell, so it is not among
// them; kIgnoreZoneGeneration has not been shown to be found here.
class PlantedBugs : public testing::TestWithParam<PlantedBug> {};

TEST_P(PlantedBugs, AreFound) {
  plant_bug(GetParam());
  bool found = false;
  for (int seed = 1; seed <= 300 && !found; ++seed) {
    CrashModelOptions options;
    options.seed = static_cast<uint64_t>(seed);
    found = !CrashModel(options).run().empty();
  }
  plant_bug(PlantedBug::kNone);
  EXPECT_TRUE(found) << planted_bug_name(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Device, PlantedBugs,
                         testing::Values(PlantedBug::kAckBeforeFlush, PlantedBug::kForgetFence),
                         [](const auto& info) {
                           std::string name = planted_bug_name(info.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });
#endif

}  // namespace
}  // namespace atl::device
