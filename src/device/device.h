// One SSD: a superblock, and zones that are filled front to back and reclaimed whole.
//
// Appending is the only write. Two kinds of records live in zones: shards (immutable, found by
// stripe and index) and runs of journal entries (found by segment and LSN). Each record describes
// itself, with checksums per 16 KiB block, so the index, which is in memory, can be rebuilt from
// the medium: from the newest index checkpoint, and a scan of the zones opened since.
// docs/formats/device.md.
//
// Durability: write_shard, append_run and seal_segment return success only when a flush that began
// after their bytes were written has succeeded; one flush serves all that wait (group commit).
// Deletes are lazy: one that was not checkpointed may be undone by a crash, and the shard or
// segment reappears whole; the layers above find and free such orphans.
//
// Errors: kNoSpace (class of write given below), kNotFound, kCorrupt (the medium's bytes do not
// match their checksums), kFenced (a higher epoch was promised), kConflict (a run that does not
// follow the last), kTooLarge (for a zone of this device), kBusy (reclaim did not make room in 20
// s), kIo (the medium failed: the device is then `failed()` and every later call says so).
//
// Threads: the reactor's only. Concurrent calls are welcome.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/ids.h"
#include "base/result.h"
#include "env/env.h"

namespace atl::device {

inline constexpr uint32_t kMaxShardBytes = 4u << 20;  // payload of one shard
inline constexpr uint32_t kMaxRunBytes = 64u << 20;   // payload of one journal run... see limits
inline constexpr uint64_t kMinDeviceBytes = 64ull << 20;
inline constexpr uint64_t kDefaultZoneBytes = 64ull << 20;  // smaller on small devices: size/64

struct Identity {
  Uuid cluster;
  DeviceId device;
  DomainId domain;
  // Grows by one at every open. The cluster map remembers the last one seen: a disk that shows a
  // smaller one has been set back to an older state.
  uint64_t incarnation = 0;
};

// Who may use the last free zones. User data leaves room for the rest; the journal may take all, so
// that a full cluster can still delete.
enum class WriteClass : uint8_t { kUser = 0, kSystem = 1, kJournal = 2 };

struct ShardKey {
  StripeId stripe;
  uint8_t index = 0;  // 0..k+m-1
  auto operator<=>(const ShardKey&) const = default;
};

// A shard as it is written: `bufs` hold `length` bytes together; `block_crcs` has the CRC-32C of
// each 16 KiB block (the last may be short), computed when the bytes came into the cluster.
struct ShardPayload {
  uint32_t length = 0;
  std::vector<uint32_t> block_crcs;
  std::vector<Buf> bufs;
};

// Part of a shard as it was read: whole 16 KiB blocks that cover what was asked, and their
// checksums as stored. *The caller* compares them (promise 7 is end to end); the device does not,
// except in verify.
struct ShardPart {
  uint32_t shard_length = 0;
  uint32_t offset = 0;  // of bytes[0] in the shard: a multiple of 16 KiB
  Buf bytes;
  std::vector<uint32_t> block_crcs;
};

struct ShardInfo {
  ShardKey key;
  uint32_t length = 0;
};

// Journal entries as one durable record. `chain` fields tie each run to the one before:
// chain_after = crc32c(payload, seed chain_before).
struct Run {
  Lsn first_lsn;
  uint32_t count = 0;  // entries in payload
  Epoch epoch;         // of the owner that wrote it first
  uint32_t chain_before = 0;
  uint32_t chain_after = 0;
  Buf payload;  // opaque to the device
};

struct SegmentState {
  SegmentId segment;
  PartitionId partition;
  Epoch promised;  // appends below this epoch are refused
  bool sealed = false;
  Lsn first_lsn;       // of the segment, fixed when it was created
  Lsn next_lsn;        // one past the last durable entry
  uint32_t chain = 0;  // of the last durable entry
};

struct Use {
  uint64_t capacity_bytes = 0;  // what zones can hold
  uint64_t live_bytes = 0;      // records that are not deleted, with their headers
  uint64_t free_bytes = 0;      // that kUser writes can still take, now or after reclaim
  uint32_t zones = 0;
  uint32_t zones_free = 0;
  uint64_t shards = 0;
  uint64_t segments = 0;
};

struct VerifyResult {
  uint64_t records = 0;
  uint64_t bytes = 0;
  std::vector<ShardKey> bad_shards;  // header or payload does not match
  std::vector<SegmentId> bad_segments;
  uint64_t bad_metadata =
      0;  // superblock copies, zone headers, index checkpoints: repaired in place
};

struct OpenExpectation {
  Uuid cluster;
  DeviceId device;
  DomainId domain;
  uint64_t min_incarnation = 0;
};

class Device {
 public:
  // Reads the superblock of what is at `path`: kNotFound (no file), kBlank (no superblock),
  // kCorrupt (both copies damaged), or whose it is.
  static Task<Result<Identity>> probe(env::Env& env, std::string path);

  // Makes a new device. An existing file is used as it is (and must be blank unless `overwrite`);
  // an absent one is created with `size_bytes`.
  struct FormatOptions {
    uint64_t size_bytes = 0;
    uint64_t zone_bytes = 0;  // 0: chosen from the size
    bool overwrite = false;
  };
  static Task<Status> format(env::Env& env, std::string path, Identity identity,
                             FormatOptions options);

  // Opens, bumps the incarnation, loads the index and scans what it must. kBlank, kForeign (another
  // cluster, or the wrong device or domain here), kStale (an older disk), kCorrupt.
  static Task<Result<std::unique_ptr<Device>>> open(env::Env& env, std::string path,
                                                    OpenExpectation expected);
  virtual ~Device() = default;

  virtual const Identity& identity() const = 0;
  virtual const std::string& path() const = 0;
  virtual uint64_t size_bytes() const = 0;  // of the file or block device
  virtual bool failed() const = 0;
  // True while the path still holds this device (same file, same superblock). Cheap; called often.
  virtual Task<bool> check_in_place() = 0;
  virtual Use use() const = 0;

  // Writing a shard that is already there with the same checksums succeeds; with others, kConflict.
  virtual Task<Status> write_shard(ShardKey key, ShardPayload payload, WriteClass write_class) = 0;
  // offset + length within the shard; the answer covers it in whole blocks.
  virtual Task<Result<ShardPart>> read_shard(ShardKey key, uint32_t offset, uint32_t length,
                                             env::ReadMode mode) = 0;
  virtual Task<Status> delete_shard(ShardKey key) = 0;  // success when absent
  // Shards with key > after, in order of (stripe, index).
  virtual std::vector<ShardInfo> list_shards(ShardKey after, size_t limit) const = 0;

  // A segment is created by the first run of it, or by seal_segment. Appends must follow: same
  // chain, next LSN; a run that is there already, byte for byte, succeeds again. An epoch higher
  // than promised raises the promise; one lower than any that the partition has shown this device,
  // in whatever segment, is kFenced; a sealed segment takes only runs of its sealing epoch
  // (recovery making it whole): one of a higher epoch is kConflict until it has sealed, too.
  // kCorrupt: the payload does not match chain_after. Runs of a segment that are sent without
  // waiting must be sent in order; after one that failed, none may be sent behind it.
  virtual Task<Result<SegmentState>> append_run(SegmentId segment, PartitionId partition,
                                                Epoch epoch, Run run) = 0;
  // Durably promises `epoch` and closes the segment to lower ones. Returns what it holds.
  virtual Task<Result<SegmentState>> seal_segment(SegmentId segment, PartitionId partition,
                                                  Epoch epoch, Lsn first_lsn,
                                                  uint32_t first_chain) = 0;
  // Runs from the one that holds `from` on, verified, up to about max_bytes (at least one run).
  virtual Task<Result<std::vector<Run>>> read_runs(SegmentId segment, Lsn from,
                                                   size_t max_bytes) = 0;
  virtual Task<Status> delete_segment(SegmentId segment) = 0;  // success when absent
  virtual std::vector<SegmentState> list_segments() const = 0;

  // Reads all live records of the zone numbered `zone` from the medium and checks them; metadata
  // that is damaged is rewritten from memory. For scrub; `zone` from 0 to use().zones - 1.
  virtual Task<Result<VerifyResult>> verify_zone(uint32_t zone) = 0;

  // Writes an index checkpoint, so that the next open need not scan. Called now and then and at
  // stop.
  virtual Task<Status> checkpoint() = 0;
  // Stops background work, checkpoints and closes. No call may be running or follow.
  virtual Task<Status> close() = 0;
};

}  // namespace atl::device
