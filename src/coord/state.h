// What the coordinator knows, as a value: keys with versions, leases, and the revision.
//
// Pure: no clock, no I/O. A State is copied to stage changes on the copy (values are shared, so
// that is cheap) and swapped in once those are durable. Both coordinators run on it.
//
// Every change raises the revision by one; a key's version and a lease's grant are the revision of
// the change that made them, so no two ever share one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/result.h"
#include "base/units.h"
#include "coord/coordinator.h"

namespace atl::coord {

struct Entry {
  std::shared_ptr<const std::string> value;  // never null
  uint64_t version = 0;
};

struct Lease {
  std::string holder;
  Nanos time_to_live{0};
  uint64_t grant = 0;  // tells this holding of it from an earlier one
};

class State {
 public:
  // What an entry or a lease counts towards kMaxStateBytes on top of its strings: an upper bound
  // of the lengths, version and grant that the body holds beside them.
  static constexpr size_t kOverheadBytes = 32;

  uint64_t revision() const { return revision_; }
  size_t bytes() const { return bytes_; }  // counted against kMaxStateBytes
  const std::map<std::string, Entry>& entries() const { return entries_; }
  const std::map<std::string, Lease>& leases() const { return leases_; }

  // kInvalidArgument, kTooLarge, kConflict, kNoSpace; then nothing has changed.
  Result<uint64_t> put(const std::string& key, uint64_t expected_version, std::string value);
  Result<uint64_t> erase(const std::string& key,
                         uint64_t expected_version);  // kNotFound, kConflict
  // Whether the holder may have it is the caller's to know. kNoSpace.
  Result<uint64_t> set_lease(const std::string& name, std::string holder, Nanos time_to_live);
  uint64_t drop_lease(const std::string& name);  // which must be there

  // Keys erased since the last call, with the revision of each. Not part of a snapshot.
  std::vector<std::pair<std::string, uint64_t>> take_erased() { return std::exchange(erased_, {}); }

  // docs/formats/coord.md, "Body". decode accepts only what encode makes: sorted keys, versions
  // between 1 and the revision, limits kept; kCorrupt otherwise.
  void encode(Encoder* out) const;
  static Result<State> decode(Decoder* in);

 private:
  Status reserve(size_t bytes_more) const;

  uint64_t revision_ = 0;
  size_t bytes_ = 0;
  std::map<std::string, Entry> entries_;
  std::map<std::string, Lease> leases_;
  std::vector<std::pair<std::string, uint64_t>> erased_;
};

// kInvalidArgument or kTooLarge for what cannot be a key or a lease's name or holder.
Status check_name(const std::string& name, std::string_view what);
// The same for a lease that is asked for; its time to live is above 0 and at most kMaxWait.
Status check_lease(const std::string& name, const std::string& holder, Nanos time_to_live);

}  // namespace atl::coord
