// The small, linearizable store of cluster truth: cluster map, journal segment lists, owners and
// epochs, users, stripe id ranges. Changes are rare (never on the data path) and by
// compare-and-swap.
//
// EmbeddedCoordinator (coord/embedded.h): the whole state as one checksummed snapshot in one file
// on each of several domains; a change is acknowledged once a majority of the copies has it
// durable. MemoryCoordinator (coord/memory.h): for tests and simulations. etcd comes with the
// many-machine cluster.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "env/task.h"

namespace atl::coord {

inline constexpr size_t kMaxKeyBytes = 1024;
inline constexpr size_t kMaxValueBytes = 1u << 20;
// All keys, values and leases together, with their overhead (coord/state.h). A snapshot of them is
// one slot of 4 MiB less its header block and the names of the copies (coord/snapshot.h).
inline constexpr size_t kMaxStateBytes = (4u << 20) - (8u << 10);
inline constexpr size_t kMaxLeases = 1024;
inline constexpr size_t kMaxWaiters = 4096;               // wait_change calls at a time, then kBusy
inline constexpr Nanos kMaxWait = std::chrono::hours(1);  // longer limits are cut to this

struct Versioned {
  std::string value;
  uint64_t version = 0;  // the store's revision when this key last changed; never 0
};

struct KeyValue {
  std::string key;
  Versioned versioned;
};

class Coordinator {
 public:
  virtual ~Coordinator() = default;

  virtual Task<Result<Versioned>> get(std::string key) = 0;                  // kNotFound
  virtual Task<Result<std::vector<KeyValue>>> list(std::string prefix) = 0;  // sorted by key
  // expected_version 0: the key must not exist. Returns the new version. kConflict: it was changed,
  // nothing was done. kUnavailable: no majority; the outcome is unknown until a get succeeds.
  virtual Task<Result<uint64_t>> compare_and_swap(std::string key, uint64_t expected_version,
                                                  std::string value) = 0;
  // kNotFound: there is no such key. kConflict: it has another version. kUnavailable: as above.
  virtual Task<Status> erase(std::string key, uint64_t expected_version) = 0;

  // Waits until some key under prefix has a version above after_revision or was erased after it, or
  // the limit passes; returns the store's revision then. Level-triggered: no change between two
  // waits is missed. It may return early without a change (after a restart, or when after_revision
  // is far behind), so the caller lists again and compares.
  virtual Task<Result<uint64_t>> wait_change(std::string prefix, uint64_t after_revision,
                                             Nanos limit) = 0;

  // A lease is held by one holder until it expires without renewal or is released. Taking one that
  // is held by another is kConflict; taking one's own again extends it. Time is this coordinator's
  // monotonic clock; after its restart every lease is held for one more full time-to-live, so that
  // no holder is cut short.
  virtual Task<Status> lease_acquire(std::string name, std::string holder, Nanos time_to_live) = 0;
  virtual Task<Status> lease_renew(std::string name, std::string holder) = 0;  // kNotFound: lost
  virtual Task<Status> lease_release(std::string name, std::string holder) = 0;
};

}  // namespace atl::coord
