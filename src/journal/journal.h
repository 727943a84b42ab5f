// A partition's journal: replicated, fenced, append-only. docs/formats/journal.md,
// docs/paths/recovery.md.
//
// The journal is a list of segments, each replicated on three devices in three domains. The list,
// the owner, the epoch and the newest checkpoint are one coordinator key, changed by
// compare-and-swap. An append is acknowledged when all replicas have it durable; when one fails,
// the segment is closed at its committed LSN on the others and the next one opens elsewhere, so the
// promise never thins.
//
// Takeover (Journal::take_over): 1. win a higher epoch in the coordinator; 2. seal the last segment
// on every replica that answers (one is enough: an append needs all); 3. take the longest prefix
// that any sealed replica has; 4. make it whole on a full set of replicas; 5. record the close; 6.
// the caller replays from its checkpoint; 7. open a new segment; serve.
//
// Lifetime: the view outlives the journal and the tasks that it has started; close() waits for
// those. A Journal may be destroyed without close(), as a crash would do; what is queued then still
// runs out.
//
// Threads: the reactor's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "cluster/cluster_view.h"
#include "stripe/stripe.h"

namespace atl::journal {

inline constexpr size_t kReplicas = 3;
inline constexpr uint64_t kSegmentBytes = 64u
                                          << 20;  // a segment is closed when it has grown past this
inline constexpr size_t kMaxEntryBytes = 48u << 20;  // one entry; the caller gets kTooLarge above
inline constexpr size_t kMaxRunBytes = 4u << 20;     // entries gathered into one replicated append
// Entries that wait for their turn; past either, append says kBusy. Four full runs' worth of small
// writes is plenty to keep the pipe full; two of the largest entries must fit.
inline constexpr size_t kMaxQueuedBytes = 128u << 20;
inline constexpr size_t kMaxQueuedEntries = 65536;
// The list is rewritten at each change and the coordinator's value is at most 1 MiB: 256 segments
// are 16 GiB of journal in under 32 KiB. Past it append says kBusy until a checkpoint trims.
inline constexpr size_t kMaxSegments = 256;
inline constexpr size_t kMaxManifestBytes = 512u << 10;
inline constexpr size_t kMaxOwnerBytes = 256;

struct SegmentEntry {
  SegmentId id;  // partition in the upper 24 bits, a counter in the lower 40
  Lsn first_lsn;
  uint32_t first_chain = 0;
  bool closed = false;
  Lsn end_lsn;  // closed: one past the last entry
  uint32_t end_chain = 0;
  uint64_t bytes = 0;              // closed: what its runs take on a device
  std::vector<DeviceId> replicas;  // 1 to kReplicas
  bool operator==(const SegmentEntry&) const = default;
};

struct Checkpoint {
  Lsn lsn;             // the view holds every entry up to and including this one
  uint32_t chain = 0;  // of that entry
  std::string
      manifest;  // what the namespace needs to restore it (opaque here; at most kMaxManifestBytes)
  bool operator==(const Checkpoint&) const = default;
};

// The coordinator's value under "journal/<partition>".
struct JournalState {
  Epoch epoch;
  std::string owner;
  SegmentId next_segment;              // never goes back: an id names one history, whatever crashes
  std::vector<SegmentEntry> segments;  // in LSN order; the last may be open
  Checkpoint checkpoint;
  std::string encode() const;
  // kCorrupt unless the bytes are a state that encode could have made: complete, checksummed, its
  // segments joined end to end without a gap from the checkpoint on.
  static Result<JournalState> decode(std::string_view bytes);
  bool operator==(const JournalState&) const = default;
};

struct ScrubReport {
  uint64_t replicas = 0;          // of segments, that were read
  uint64_t bytes = 0;             // payload bytes that were checked
  uint64_t bad_replicas = 0;      // damaged, short or unreadable
  bool fully_replicated = false;  // after the repair
};

struct Entry {
  Lsn lsn;
  Epoch epoch;
  uint32_t chain = 0;        // after this entry: crc32c over the chain before and the entry's frame
  std::string_view payload;  // valid during the callback
};

// Tunables, with the range that the simulator draws from.
struct JournalOptions {
  uint64_t segment_bytes = kSegmentBytes;  // 4 KiB to 64 MiB
};

class Journal {
 public:
  // Takes the partition's journal over for `owner` with a new epoch. kFenced: another took it
  // meanwhile. kUnavailable: no replica of the last segment answers, or no coordinator. kCorrupt:
  // entries that may have been acknowledged are damaged on every replica that answers.
  static Task<Result<std::unique_ptr<Journal>>> take_over(cluster::ClusterView& view,
                                                          PartitionId partition, std::string owner,
                                                          JournalOptions options = {});
  virtual ~Journal() = default;

  virtual Epoch epoch() const = 0;
  virtual Lsn committed() const = 0;  // the last acknowledged entry
  virtual const Checkpoint& checkpoint() const = 0;
  // That the runs since the checkpoint take on each of their devices.
  virtual uint64_t bytes_since_checkpoint() const = 0;

  // The chain value of entry `lsn`, to see whether a local view belongs to this history. kNotFound
  // when it is trimmed or not written yet.
  virtual Task<Result<uint32_t>> chain_at(Lsn lsn) = 0;

  // Calls `visit` for each committed entry with lsn > after, in order.
  virtual Task<Status> replay(Lsn after, std::function<Status(const Entry&)> visit) = 0;

  // Appends entries in the order of the calls; returns the LSN once it is committed. Several calls
  // that wait together are committed together. kFenced: another owner took over: nothing more will
  // be accepted, stop serving. kNoSpace, kTooLarge: nothing was appended. kBusy: nothing was
  // appended; the queue is full, or kMaxSegments are waiting for a checkpoint. kCancelled: after
  // close(). kUnavailable: the outcome is unknown; the journal is then `broken()` and the caller
  // must take over anew (which decides the outcome).
  virtual Task<Result<Lsn>> append(std::string payload) = 0;
  virtual bool broken() const = 0;

  // Records a checkpoint that is already durable, then trims segments that only hold older entries.
  // kInvalidArgument: it is older than the last one, newer than committed(), not of this history,
  // or its manifest is too large; nothing was changed.
  virtual Task<Status> set_checkpoint(Checkpoint checkpoint) = 0;

  // Re-replicates the segments that have a replica on a failed or replaced device (or one that lost
  // them); called after map changes and by scrub. Closes the open segment first if it is concerned.
  virtual Task<Status> repair() = 0;
  // Every segment on kReplicas devices in as many domains, all of them up? (With fewer domains up
  // than that the journal goes on with what there is, and says so here.)
  virtual bool fully_replicated() const = 0;

  // Reads every replica of every segment and checks each byte against the chain, then repairs what
  // is bad. repair() alone trusts what the devices say they hold.
  virtual Task<Result<ScrubReport>> scrub() = 0;

  // A device found what it holds of a segment damaged. True when the list names that replica and
  // nobody had said so before: the next repair() or scrub() replaces it.
  virtual bool suspect(SegmentId segment, DeviceId device) = 0;

  // Deletes segments on devices that the state does not list (left by crashes).
  virtual Task<Status> collect_orphans() = 0;

  virtual Task<Status> close() = 0;  // finishes what is in flight; no more appends
};

}  // namespace atl::journal
