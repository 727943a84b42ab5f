// What the parts of Maintenance share: maintenance.cc (start, stop, the loops), rebuild.cc,
// scrub.cc, orphans.cc.
//
// Every operation, in the background or called, runs inside begin()/end(); stop() refuses new ones,
// wakes those that pause, and waits for the last to end. They hold the Impl, so it outlives them.
//
// Threads: the reactor's.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "stripe/restore.h"
#include "stripe/shard_cursor.h"
#include "stripe/store_impl.h"

namespace atl::stripe {

inline constexpr size_t kCatalogBatch = 512;        // stripes asked of a catalog at a time
inline constexpr size_t kOrphanChecksPerTurn = 64;  // catalog look-ups before others get their turn
inline constexpr uint64_t kRestoresAtOnce =
    4;                                     // x (k + m) MiB of memory, and enough to keep disks busy
inline constexpr Nanos kRetryPause = 30s;  // after a rebuild or a repair that failed
inline constexpr Nanos kRepairGrace = 10ms;  // between queued repairs: users come first
inline constexpr Nanos kScrubFirstPause = std::chrono::hours(1);  // after a start
inline constexpr Nanos kScrubPassPause = std::chrono::hours(24);  // between slow scrubs
// The longest a slow scrub rests without a look whether somebody asked for one.
inline constexpr Nanos kScrubGiveWay = std::chrono::milliseconds(500);
inline constexpr Nanos kSettlePoll = 100ms;    // waiting for writes that were in flight
inline constexpr Nanos kSettleWaitMax = 120s;  // past every deadline that a write can meet

// Spends bytes at a rate.
class Pacer {
 public:
  explicit Pacer(uint64_t bytes_per_second) : rate_(bytes_per_second) {}
  // How long to wait after `bytes` more were spent.
  Nanos spend(uint64_t bytes, Nanos now);
  bool paced() const { return rate_ != 0; }

 private:
  uint64_t rate_;  // 0: as fast as it goes
  Nanos free_at_{0};
};

struct Maintenance::Impl : std::enable_shared_from_this<Maintenance::Impl> {
  Impl(StripeStore& store_in, cluster::ClusterView& view_in,
       std::vector<StripeCatalog*> catalogs_in, StoreOptions options_in);

  // --- maintenance.cc ---
  env::Env& env() { return view.env(); }
  bool begin();
  void end();
  Task<void> pause(Nanos duration);  // shorter when stopping
  // Lets others run: catalogs and cursors may answer without ever leaving the reactor.
  Task<void> yield() { return env().sleep(Nanos(0)); }
  Status check_running() const;  // kCancelled when stopping
  Task<void> rebuild_loop();
  Task<void> repair_loop();
  Task<void> scrub_loop();
  Task<void> repair_one(RepairItem item);
  bool rebuild_needed() const;

  // Whether any catalog needs the stripe. An error when one cannot say.
  Task<Result<bool>> needed(StripeId id);
  // The stripe with this id, from whichever catalog lists it. kNotFound.
  Task<Result<StripeRef>> find_stripe(StripeId id);
  // Restores shards of a stripe that is still needed, and takes them back when it was freed
  // meanwhile. kNotFound: it is not needed (any more).
  Task<Result<Restored>> restore_needed(StripeRef stripe, std::vector<uint32_t> indexes,
                                        bool replace);

  // --- rebuild.cc ---
  struct RebuildPass;
  Task<Status> rebuild();
  Task<Status> rebuild_pass(std::set<DeviceId> targets, std::set<DeviceId>* incomplete);
  Task<Status> rebuild_catalog(std::shared_ptr<RebuildPass> pass, StripeCatalog* catalog);
  Task<Status> rebuild_settled(std::shared_ptr<RebuildPass> pass, std::vector<StripeId> in_flight);
  Task<Status> rebuild_stripe(std::shared_ptr<RebuildPass> pass, StripeRef stripe);
  Task<void> restore_for_rebuild(std::shared_ptr<RebuildPass> pass, StripeRef stripe,
                                 std::vector<uint32_t> missing);
  Task<Status> count_stripes();
  Task<Status> clear_flags(std::set<DeviceId> done);

  // --- scrub.cc ---
  struct ScrubPass;
  Task<Result<ScrubReport>> scrub(std::function<void(double)> progress, uint64_t bytes_per_second);
  Task<Result<ScrubReport>> check();
  Task<Status> compare(std::shared_ptr<ScrubPass> pass);
  Task<bool> scrub_device(std::shared_ptr<ScrubPass> pass, DeviceId id, uint32_t zones);
  Task<void> scrub_bad_shard(std::shared_ptr<ScrubPass> pass, DeviceId device,
                             device::ShardKey key);
  Task<Status> scrub_inventory(std::shared_ptr<ScrubPass> pass);
  Task<void> scrub_missing(std::shared_ptr<ScrubPass> pass, StripeRef stripe,
                           std::vector<uint32_t> missing);

  // --- orphans.cc ---
  Task<Result<uint64_t>> collect_orphans();
  Task<Result<uint64_t>> collect_orphans_on(DeviceId id);

  StripeStore& store;
  StorePtr store_impl;
  cluster::ClusterView& view;
  const std::vector<StripeCatalog*> catalogs;
  const StoreOptions options;
  StripeMetrics& metrics = StripeMetrics::get();

  bool stopping = false;
  uint32_t operations = 0;
  env::Event idle;          // set while no operation runs
  env::Event wake_rebuild;  // the map changed
  std::set<env::Event*> pauses;
  env::Mutex rebuild_mutex;
  env::Mutex scrub_mutex;
  uint32_t scrubs_asked_for = 0;  // that wait for the mutex: a slow one ends for them
  std::function<void(DeviceId, SegmentId)> bad_segment_listener;
  RepairProgress progress;
  Nanos rebuild_started{0};
};

}  // namespace atl::stripe
