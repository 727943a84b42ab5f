// The part of Gather that computes what cannot be read.
#include <algorithm>

#include "base/check.h"
#include "base/probe.h"
#include "base/units.h"
#include "stripe/gather.h"

namespace atl::stripe {

// Decides what must be computed now, and either computes it or reads more shards for it. Called
// whenever something changed, until everything wanted is there or nothing more can come.
void Gather::reconstruct_or_launch() {
  std::vector<uint32_t> lost;
  BlockRange range;
  for (const Want& want : wants_) {
    if (satisfied(want)) continue;
    const Part* pending = find_part(want.shard, want.range, PartState::kPending);
    const bool waits = want.direct && pending != nullptr && !pending->late;
    if (waits) continue;
    range = range.hull(want.range);
    if (std::find(lost.begin(), lost.end(), want.shard) == lost.end()) lost.push_back(want.shard);
  }
  if (lost.empty()) return;

  std::vector<uint32_t> good;
  std::vector<uint32_t> candidates;   // could be read
  std::vector<uint32_t> last_resort;  // on devices that may not have it yet
  uint32_t on_the_way = 0;
  const auto width = geometry_.width();
  const auto start = static_cast<uint32_t>(store_->env().random() % width);  // spreads the load
  for (uint32_t n = 0; n < width; ++n) {
    const uint32_t shard = (start + n) % width;
    if (std::find(lost.begin(), lost.end(), shard) != lost.end()) continue;
    if (find_part(shard, range, PartState::kGood) != nullptr) {
      good.push_back(shard);
    } else if (const Part* part = find_part(shard, range, PartState::kPending); part != nullptr) {
      if (!part->late) ++on_the_way;
    } else if (usable(shard)) {
      const cluster::DeviceEntry* device = store_->view.map().find_device(group_->slots[shard]);
      const bool complete = device != nullptr && !device->needs_rebuild;
      (complete ? candidates : last_resort).push_back(shard);
    }
  }
  if (good.size() >= geometry_.k) {
    good.resize(geometry_.k);
    reconstruct(lost, range, good);
    return;
  }
  candidates.insert(candidates.end(), last_resort.begin(), last_resort.end());
  for (const uint32_t shard : candidates) {
    if (good.size() + on_the_way >= geometry_.k) break;
    launch(shard, range);
    ++on_the_way;
  }
}

void Gather::reconstruct(const std::vector<uint32_t>& lost, BlockRange range,
                         const std::vector<uint32_t>& sources) {
  ATOLL_CHECK(sources.size() == geometry_.k && !range.empty());
  std::vector<int> have_index;
  std::vector<const uint8_t*> have;
  for (const uint32_t shard : sources) {
    ATOLL_CHECK(std::find(lost.begin(), lost.end(), shard) == lost.end());
    const Part* part = find_part(shard, range, PartState::kGood);
    have_index.push_back(static_cast<int>(shard));
    have.push_back(part->bytes.data() + (range.begin - part->range.begin));
  }
  std::vector<int> wanted;
  std::vector<Buf> rebuilt;
  std::vector<uint8_t*> out;
  for (const uint32_t shard : lost) {
    wanted.push_back(static_cast<int>(shard));
    rebuilt.push_back(Buf::allocate(range.length()));
    out.push_back(rebuilt.back().mutable_data());
  }
  const ec::Code& code = store_->code(geometry_.k, geometry_.m);
  const Status done = code.reconstruct(have_index, have, wanted, out, range.length());
  ATOLL_CHECK(done.has_value(), "k different shards restore the others");
  for (size_t i = 0; i < lost.size(); ++i) {
    Part part{lost[i], range};
    part.state = PartState::kGood;
    part.bytes = std::move(rebuilt[i]);
    parts_.push_back(std::move(part));
  }
  reconstructed_ = true;
}

// The last resort: each block on its own, read where its checksum holds and computed elsewhere.
// Shards that are bad in different blocks help one another.
Task<Status> Gather::run_block_by_block() {
  BlockRange range;
  std::vector<Want> open;
  for (const Want& want : wants_) {
    if (satisfied(want)) continue;
    open.push_back(want);
    range = range.hull(want.range);
  }
  ATOLL_CHECK(!open.empty());
  const bool corrupt = std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
    return slot.bad && slot.why == Errc::kCorrupt;
  });
  if (nested_ || !corrupt || range.length() <= kChecksumBlockSize) co_return fail(failure());
  ATOLL_PROBE("stripe.block_by_block");

  std::vector<Buf> assembled;
  for (const Want& want : open) assembled.push_back(Buf::allocate(want.range.length()));
  for (uint32_t at = range.begin; at < range.end; at += kChecksumBlockSize) {
    const auto end = static_cast<uint32_t>(std::min<uint64_t>(at + kChecksumBlockSize, range.end));
    const BlockRange block{at, end};
    std::vector<Want> wants;
    for (const Want& want : open)
      if (want.range.covers(block)) wants.push_back({want.shard, block, true});
    if (wants.empty()) continue;
    auto one = std::make_shared<Gather>(store_, map_, stripe_, group_, mode_);
    one->nested_ = true;
    const Status gathered = co_await one->run(std::move(wants));
    if (!gathered) co_return fail(failure());
    for (size_t i = 0; i < open.size(); ++i) {
      if (!open[i].range.covers(block)) continue;
      const Buf bytes = one->bytes(open[i].shard, block.begin, block.length());
      std::memcpy(assembled[i].mutable_data() + (block.begin - open[i].range.begin), bytes.data(),
                  bytes.size());
    }
  }
  for (size_t i = 0; i < open.size(); ++i) {
    Part part{open[i].shard, open[i].range};
    part.state = PartState::kGood;
    part.bytes = std::move(assembled[i]);
    parts_.push_back(std::move(part));
  }
  reconstructed_ = true;
  co_return Status{};
}

}  // namespace atl::stripe
