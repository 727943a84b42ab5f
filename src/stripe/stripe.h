// Stripes: immutable, erasure coded, verified.
//
// A stripe of `data_length` bytes in a group of scheme k+m has k data shards of
// shard_length = ceil(data_length / k) rounded up to 64 bytes (the tail of the last data shards is
// zeros that are stored) and m parity shards of the same length. Byte b of the stripe is byte
// b % shard_length of shard b / shard_length: a small read touches one shard.
//
//   6+2, 300 KiB: shard_length 51,200; shards 0..5 hold the data, 6 and 7 parity; 400 KiB stored.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/ids.h"
#include "base/result.h"
#include "cluster/cluster_view.h"
#include "device/device.h"
#include "env/env.h"
#include "env/sync.h"

namespace atl::stripe {

// Shards of full stripes. 1 MiB: one sequential write per device, 6 MiB of data in a 6+2 stripe.
inline constexpr uint32_t kFullShardBytes = 1u << 20;
// The most data a stripe may hold in any scheme.
inline constexpr uint32_t kMaxStripeBytes = 64u << 20;

struct StripeRef {
  StripeId id;
  GroupId group;
  uint32_t data_length = 0;

  void encode(Encoder& e) const { e.id(id).id(group).varint(data_length); }
  static StripeRef decode(Decoder& d) {
    StripeRef r;
    r.id = d.id<StripeId>();
    r.group = d.id<GroupId>();
    const uint64_t n = d.varint();
    if (n > kMaxStripeBytes) d.poison();
    r.data_length = static_cast<uint32_t>(n);
    return r;
  }
  bool operator==(const StripeRef&) const = default;
};

constexpr uint32_t shard_length(uint32_t data_length, uint32_t k) {
  return ((data_length + k - 1) / k + 63) / 64 * 64;
}

// Hands out stripe ids from ranges leased in the coordinator (key "stripe/next-id"), so an id is
// never used twice, whatever crashes. Ids grow: one handed out later is greater.
class StripeIdSource {
 public:
  explicit StripeIdSource(coord::Coordinator& coordinator) : coordinator_(coordinator) {}
  Task<Result<StripeId>> next();

 private:
  static constexpr uint64_t kRange =
      1u << 20;  // ids a lease: one coordinator write per million stripes
  coord::Coordinator& coordinator_;
  uint64_t next_ = 0;
  uint64_t end_ = 0;
  env::Mutex mutex_;
};

struct StoreOptions {
  Nanos hedge_delay = 50ms;               // a shard read slower than this, and than most, is hedged
  uint32_t write_attempts_max = 4;        // groups tried for one stripe
  uint64_t rebuild_bytes_per_second = 0;  // 0: unthrottled
  uint64_t scrub_bytes_per_second = 64u << 20;
};

// Writes and reads stripes. The view must outlive every task that a call started: a read that was
// answered by reconstruction leaves the slow device's answer to arrive later.
class StripeStore {
 public:
  StripeStore(cluster::ClusterView& view, StripeIdSource& ids, StoreOptions options);
  ~StripeStore();

  // The most data a new stripe can hold now: k * kFullShardBytes of the best writable group, never
  // 0.
  uint32_t full_stripe_bytes() const;

  // Stores `data` (1 byte to full_stripe_bytes()) as a new stripe. Succeeds when *every* shard is
  // durable: a slot that fails is reported, and the stripe is written anew to another group, so
  // what is acknowledged always has its full protection. kNoSpace, kUnavailable, kInvalidArgument
  // (empty, or over kMaxStripeBytes). The checksums are computed from `data` here, before anything
  // else touches it. Data shards are slices of `data`: only the one that holds its end is copied,
  // to be padded.
  Task<Result<StripeRef>> write(Buf data, device::WriteClass write_class);

  // Bytes [offset, offset + length) of the stripe, every block checked against its checksum. A
  // missing, slow or corrupt shard is reconstructed; a corrupt or missing one is queued for repair,
  // counted and logged. kNotFound: the stripe was freed. kUnavailable: too few good shards, and
  // devices that are down explain it. kCorrupt: too few whatever comes back. kInvalidArgument: a
  // range outside the stripe. The Bufs are slices of what was read, in order; together they are
  // `length` bytes.
  Task<Result<std::vector<Buf>>> read(StripeRef stripe, uint32_t offset, uint32_t length,
                                      env::ReadMode mode = env::ReadMode::kCached);

  // Deletes the shards wherever they can be reached; the rest become orphans. Only after the
  // catalog has forgotten the stripe.
  Task<Status> free(StripeRef stripe);

  // Ids that were handed to writes that have not returned, or whose caller has not yet committed or
  // abandoned them: never orphans. `write` holds its id until `settle` is called for it.
  void settle(StripeId id);
  bool in_flight(StripeId id) const;

  struct Impl;
  const std::shared_ptr<Impl>& impl() { return impl_; }

 private:
  std::shared_ptr<Impl> impl_;  // shared with the tasks that calls left behind
};

// All stripes that something still needs. Implemented by the namespace and by the journal's
// checkpoints.
//
// A stripe is in its catalog before its id is settled, and is out of it before it is freed. A
// catalog that cannot answer says so by an error: what it does not list is taken for garbage.
class StripeCatalog {
 public:
  virtual ~StripeCatalog() = default;
  // Stripes with id > after in id order, at most `limit`.
  virtual Task<Result<std::vector<StripeRef>>> list(StripeId after, size_t limit) = 0;
  virtual Task<Result<bool>> contains(StripeId id) = 0;
};

struct RepairProgress {
  bool running = false;
  uint64_t stripes_total = 0;
  uint64_t stripes_done = 0;
  uint64_t shards_rebuilt = 0;
  uint64_t bytes_rebuilt = 0;   // shard bytes written
  uint64_t stripes_failed = 0;  // fewer than k good shards
  double bytes_per_second = 0;
  double seconds_left = 0;
};

struct ScrubReport {
  uint64_t zones = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint64_t bad_shards = 0;
  uint64_t bad_segments = 0;
  uint64_t bad_metadata = 0;
  uint64_t missing_shards = 0;
  uint64_t repaired = 0;
  uint64_t unrepairable = 0;  // fewer than k good shards of the stripe are left
  uint64_t deferred = 0;      // not repaired yet: no room, or a device that is needed is away
};

// Brings every stripe of the catalogs to full protection: rebuild after a device was replaced or
// returned, repair of single shards that a read or a scrub found bad, scrub, and orphan collection.
//
// Call stop() before destroying it or anything it was given. docs/paths/rebuild.md.
class Maintenance {
 public:
  Maintenance(StripeStore& store, cluster::ClusterView& view, std::vector<StripeCatalog*> catalogs,
              StoreOptions options);
  ~Maintenance();

  void start();       // background: repairs queued shards, rebuilds what needs it, slow scrub
  Task<void> stop();  // returns once nothing runs; what was running ends with kCancelled

  // Journal segments that a scrub, the slow one too, finds bad on a device: the journal repairs
  // them.
  void on_bad_segment(std::function<void(DeviceId, SegmentId)> listener);

  // Goes through all stripes with a slot on a device that needs_rebuild, restores missing shards,
  // and then clears the flag in the map. Returns when done; progress() meanwhile. May be called
  // again at any time: it compares what is there with what should be. kUnavailable: some stripes
  // could not be restored (yet).
  Task<Status> rebuild();
  RepairProgress progress() const;

  // Verifies every zone of every device, and that every stripe of the catalogs has all its shards;
  // repairs what is bad. progress by callback (0..1). A slow scrub ends for it: this one does all
  // of its work.
  Task<Result<ScrubReport>> scrub(std::function<void(double)> progress);
  // The part of a scrub that reads no data: every stripe is compared with the devices' inventories,
  // what is missing is restored, and what nothing refers to is freed. For after a start: a device
  // may have come back with less than it had, or with what it had deleted.
  Task<Result<ScrubReport>> check();

  // Frees shards of stripes that no catalog knows and that are not in flight. Returns how many.
  Task<Result<uint64_t>> collect_orphans();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace atl::stripe
