#include "coord/state.h"

#include <fmt/format.h>

#include "base/check.h"

namespace atl::coord {
namespace {

size_t entry_bytes(const std::string& key, const std::string& value) {
  return key.size() + value.size() + State::kOverheadBytes;
}

size_t lease_bytes(const std::string& name, const Lease& lease) {
  return name.size() + lease.holder.size() + State::kOverheadBytes;
}

}  // namespace

Status check_name(const std::string& name, std::string_view what) {
  if (name.empty()) return fail(Errc::kInvalidArgument, fmt::format("an empty {}", what));
  if (name.size() > kMaxKeyBytes)
    return fail(Errc::kTooLarge,
                fmt::format("a {} of {} bytes: {} is the most", what, name.size(), kMaxKeyBytes));
  return {};
}

Status check_lease(const std::string& name, const std::string& holder, Nanos time_to_live) {
  ATOLL_TRY_STATUS(check_name(name, "lease"));
  ATOLL_TRY_STATUS(check_name(holder, "lease holder"));
  if (time_to_live <= Nanos(0) || time_to_live > kMaxWait)
    return fail(Errc::kInvalidArgument, "a lease lives for more than nothing and at most an hour");
  return {};
}

Status State::reserve(size_t bytes_more) const {
  if (bytes_more <= kMaxStateBytes - bytes_) return {};
  return fail(Errc::kNoSpace,
              fmt::format("the coordinator holds {} of {} bytes; {} more do not fit", bytes_,
                          kMaxStateBytes, bytes_more));
}

Result<uint64_t> State::put(const std::string& key, uint64_t expected_version, std::string value) {
  ATOLL_TRY_STATUS(check_name(key, "key"));
  if (value.size() > kMaxValueBytes)
    return fail(Errc::kTooLarge,
                fmt::format("a value of {} bytes: {} is the most", value.size(), kMaxValueBytes));
  auto it = entries_.find(key);
  uint64_t version = it == entries_.end() ? 0 : it->second.version;
  if (version != expected_version)
    return fail(Errc::kConflict,
                fmt::format("{} is at version {}, not {}", key, version, expected_version));
  size_t freed = version == 0 ? 0 : entry_bytes(key, *it->second.value);
  size_t taken = entry_bytes(key, value);
  if (taken > freed) ATOLL_TRY_STATUS(reserve(taken - freed));
  bytes_ = bytes_ - freed + taken;
  ++revision_;
  entries_[key] = Entry{std::make_shared<const std::string>(std::move(value)), revision_};
  return revision_;
}

Result<uint64_t> State::erase(const std::string& key, uint64_t expected_version) {
  ATOLL_TRY_STATUS(check_name(key, "key"));
  auto it = entries_.find(key);
  if (it == entries_.end()) return fail(Errc::kNotFound, key);
  if (it->second.version != expected_version)
    return fail(Errc::kConflict, fmt::format("{} is at version {}, not {}", key, it->second.version,
                                             expected_version));
  bytes_ -= entry_bytes(key, *it->second.value);
  entries_.erase(it);
  ++revision_;
  erased_.emplace_back(key, revision_);
  return revision_;
}

Result<uint64_t> State::set_lease(const std::string& name, std::string holder, Nanos time_to_live) {
  Lease lease{std::move(holder), time_to_live, revision_ + 1};
  auto it = leases_.find(name);
  if (it == leases_.end() && leases_.size() >= kMaxLeases)
    return fail(Errc::kNoSpace, fmt::format("{} leases are the most", kMaxLeases));
  size_t freed = it == leases_.end() ? 0 : lease_bytes(name, it->second);
  size_t taken = lease_bytes(name, lease);
  if (taken > freed) ATOLL_TRY_STATUS(reserve(taken - freed));
  bytes_ = bytes_ - freed + taken;
  ++revision_;
  leases_[name] = std::move(lease);
  return revision_;
}

uint64_t State::drop_lease(const std::string& name) {
  auto it = leases_.find(name);
  ATOLL_CHECK(it != leases_.end());
  bytes_ -= lease_bytes(name, it->second);
  leases_.erase(it);
  return ++revision_;
}

void State::encode(Encoder* out) const {
  out->varint(revision_);
  out->varint(entries_.size());
  for (const auto& [key, entry] : entries_) {
    out->str(key).varint(entry.version).str(*entry.value);
  }
  out->varint(leases_.size());
  for (const auto& [name, lease] : leases_) {
    out->str(name).str(lease.holder);
    out->varint(static_cast<uint64_t>(lease.time_to_live.count())).varint(lease.grant);
  }
}

Result<State> State::decode(Decoder* in) {
  State state;
  state.revision_ = in->varint();
  auto bad = [](std::string_view what) {
    return fail(Errc::kCorrupt, fmt::format("coordinator state: {}", what));
  };
  std::string last;
  size_t entries = in->count(3);
  for (size_t i = 0; i < entries; ++i) {
    std::string key(in->str());
    uint64_t version = in->varint();
    std::string_view value = in->str();
    if (!in->ok()) return bad("an entry ends early");
    if (!check_name(key, "key") || value.size() > kMaxValueBytes)
      return bad("an entry over limits");
    if (i > 0 && key <= last) return bad("keys out of order");
    if (version == 0 || version > state.revision_) return bad("a version out of range");
    last = key;
    Entry entry{std::make_shared<const std::string>(value), version};
    state.bytes_ += entry_bytes(key, *entry.value);
    state.entries_.emplace_hint(state.entries_.end(), std::move(key), std::move(entry));
  }
  size_t leases = in->count(4);
  if (leases > kMaxLeases) return bad("too many leases");
  for (size_t i = 0; i < leases; ++i) {
    std::string name(in->str());
    Lease lease;
    lease.holder = in->str();
    uint64_t time_to_live = in->varint();
    lease.grant = in->varint();
    if (!in->ok()) return bad("a lease ends early");
    if (!check_name(name, "lease") || !check_name(lease.holder, "holder"))
      return bad("a lease over limits");
    if (i > 0 && name <= last) return bad("leases out of order");
    if (lease.grant == 0 || lease.grant > state.revision_) return bad("a grant out of range");
    if (time_to_live == 0 || time_to_live > static_cast<uint64_t>(kMaxWait.count()))
      return bad("a time to live out of range");
    last = name;
    lease.time_to_live = Nanos(static_cast<int64_t>(time_to_live));
    state.bytes_ += lease_bytes(name, lease);
    state.leases_.emplace_hint(state.leases_.end(), std::move(name), std::move(lease));
  }
  if (!in->ok()) return bad("ends early");
  if (state.bytes_ > kMaxStateBytes) return bad("over its size limit");
  return state;
}

}  // namespace atl::coord
