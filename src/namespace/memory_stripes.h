// Stripes in memory, for tests: the same calls, bounded room, faults on demand, and a record of
// what was freed, so that a read of a freed stripe is seen.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/check.h"
#include "namespace/ports.h"

namespace atl::ns {

class MemoryStripes final : public Stripes {
 public:
  explicit MemoryStripes(env::Env& env) : env_(&env) {}

  // --- what a test sets and sees ---
  uint32_t full_bytes = 256u << 10;
  uint64_t user_room = UINT64_MAX;  // bytes that all stripes may hold together
  uint64_t system_room = UINT64_MAX;
  int failing_reads = 0;
  std::set<StripeId> freed;
  std::set<StripeId> in_flight;
  uint64_t writes = 0;
  uint64_t reads_of_freed = 0;
  Nanos delay = 200us;

  uint64_t stored_bytes() const {
    uint64_t sum = 0;
    for (const auto& [id, s] : stripes_) sum += s.data.size();
    return sum;
  }
  size_t count() const { return stripes_.size(); }
  bool has(StripeId id) const { return stripes_.contains(id); }
  std::vector<StripeId> ids() const {
    std::vector<StripeId> out;
    for (const auto& [id, s] : stripes_) out.push_back(id);
    return out;
  }
  void drop(StripeId id) { stripes_.erase(id); }
  void set_env(env::Env& env) { env_ = &env; }
  void forget_in_flight() { in_flight.clear(); }  // a restart

  // --- Stripes ---
  uint32_t full_stripe_bytes() const override { return full_bytes; }

  Task<Result<stripe::StripeRef>> write(Buf data, device::WriteClass write_class) override {
    ATOLL_CHECK(!data.empty() && data.size() <= full_bytes);
    const uint64_t room = write_class == device::WriteClass::kUser ? user_room : system_room;
    if (stored_bytes() + data.size() > room) co_return fail(Errc::kNoSpace, "no room");
    const StripeId id(next_id_++);
    in_flight.insert(id);
    ++writes;
    co_await env_->sleep(delay);
    const stripe::StripeRef ref{id, GroupId(1), static_cast<uint32_t>(data.size())};
    stripes_[id] = {ref, std::string(data.view())};
    co_return ref;
  }

  Task<Result<std::vector<Buf>>> read(stripe::StripeRef ref, uint32_t offset,
                                      uint32_t length) override {
    co_await env_->sleep(delay);
    if (failing_reads > 0) {
      --failing_reads;
      co_return fail(Errc::kUnavailable, "devices are down");
    }
    const auto it = stripes_.find(ref.id);
    if (it == stripes_.end()) {
      ++reads_of_freed;
      co_return fail(Errc::kNotFound, "the stripe was freed");
    }
    ATOLL_CHECK(it->second.ref == ref && uint64_t{offset} + length <= ref.data_length);
    std::vector<Buf> out;
    out.push_back(Buf::copy_of(std::string_view(it->second.data).substr(offset, length)));
    co_return out;
  }

  Task<Status> free(stripe::StripeRef ref) override {
    co_await env_->sleep(delay);
    stripes_.erase(ref.id);
    freed.insert(ref.id);
    co_return Status{};
  }

  void settle(StripeId id) override { in_flight.erase(id); }

 private:
  struct Stored {
    stripe::StripeRef ref;
    std::string data;
  };
  env::Env* env_;
  uint64_t next_id_ = 1;
  std::map<StripeId, Stored> stripes_;
};

}  // namespace atl::ns
