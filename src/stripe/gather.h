// Gathers verified ranges of a stripe's shards: read where possible, reconstructed where not.
//
// One Gather serves one read or one repair. It reads what is wanted; for what is dead (device down,
// shard missing or corrupt) or late (slower than the hedge delay) it reads the same blocks of other
// shards until k are there, and computes it. Whichever comes first, the slow shard or the
// reconstruction, is taken. When a shard is bad somewhere and the rest does not suffice, it starts
// over block by block, so that several shards with one bad block each still give a whole stripe.
//
//   6+2, 20 KiB wanted from the end of shard 1 and 8 KiB from the beginning of shard 2, device of
//   shard 1 down: reads [0, 16 KiB) of shard 2, and [1008 KiB, 1 MiB) of shards 0 and 2 to 6; six
//   good ones give the 32 KiB of shard 1.
//
// Ownership: shared by the caller and its fetches, because a late fetch may end after the caller
// left. Threads: the reactor's.
#pragma once

#include <memory>
#include <vector>

#include "stripe/hedge_clock.h"
#include "stripe/store_impl.h"

namespace atl::stripe {

class Gather final : public Hedged, public std::enable_shared_from_this<Gather> {
 public:
  // A range of a shard that the caller needs. Not `direct`: what is stored there is not to be
  // trusted (it is being repaired), so it is reconstructed.
  struct Want {
    uint32_t shard = 0;
    BlockRange range;
    bool direct = true;
  };

  // `group` is a group of `map`. Ranges are borders of blocks.
  Gather(StorePtr store, std::shared_ptr<const cluster::ClusterMap> map, StripeRef stripe,
         const cluster::Group* group, env::ReadMode mode);

  // kNotFound: no shard anywhere, the stripe was freed. kUnavailable, kCorrupt: fewer than k good.
  // On success bad and missing shards that were met have been queued for repair.
  Task<Status> run(std::vector<Want> wants);

  // A part of a wanted range, after run() succeeded.
  Buf bytes(uint32_t shard, uint32_t offset, uint32_t length) const;
  const Geometry& geometry() const { return geometry_; }
  bool reconstructed() const { return reconstructed_; }

  void hedge_due() override;

 private:
  enum class PartState { kPending, kGood, kBad };
  struct Part {
    uint32_t shard = 0;
    BlockRange range;
    PartState state = PartState::kPending;
    Nanos launched{0};
    bool late = false;
    Buf bytes;
  };
  // What is known of a shard's slot beyond the map.
  struct Slot {
    bool bad = false;  // not to be asked again
    Errc why = Errc::kInternal;
    bool reported = false;  // queued for repair, or not worth it
  };

  bool usable(uint32_t shard) const;
  const Part* find_part(uint32_t shard, BlockRange range, PartState state) const;
  bool satisfied(const Want& want) const;
  bool all_satisfied() const;
  bool any_pending() const;
  void launch(uint32_t shard, BlockRange range);
  static Task<void> fetch(std::shared_ptr<Gather> self, size_t part);
  Status accept(size_t part, device::ShardPart answer);
  void note_bad(uint32_t shard, const Error& error);
  void reconstruct_or_launch();
  void reconstruct(const std::vector<uint32_t>& lost, BlockRange range,
                   const std::vector<uint32_t>& sources);
  Task<Status> run_block_by_block();
  Error failure() const;
  void queue_repairs();

  StorePtr store_;
  std::shared_ptr<const cluster::ClusterMap> map_;
  const StripeRef stripe_;
  const cluster::Group* group_;
  const env::ReadMode mode_;
  const Geometry geometry_;
  std::vector<Want> wants_;
  std::vector<Part> parts_;  // only grows, so an index stays good
  std::vector<Slot> slots_;
  env::Event changed_;
  bool watching_ = false;
  bool hedged_ = false;
  bool reconstructed_ = false;
  bool nested_ = false;  // one block of another Gather's work
};

}  // namespace atl::stripe
