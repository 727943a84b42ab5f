#include "coord/store.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/probe.h"

namespace atl::coord {

Store::Store(State state, Nanos now)
    : committed_(std::move(state)), erase_log_floor_(committed_.revision()) {
  follow_leases(now);
  if (!committed_.leases().empty()) ATOLL_PROBE("coord.leases_after_restart");
}

Result<Versioned> Store::get(const std::string& key) const {
  auto it = committed_.entries().find(key);
  if (it == committed_.entries().end()) return fail(Errc::kNotFound, key);
  return Versioned{*it->second.value, it->second.version};
}

std::vector<KeyValue> Store::list(const std::string& prefix) const {
  std::vector<KeyValue> out;
  const auto& entries = committed_.entries();
  for (auto it = entries.lower_bound(prefix); it != entries.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    out.push_back({it->first, {*it->second.value, it->second.version}});
  }
  return out;
}

std::vector<HeldLease> Store::held_leases(const std::string& prefix, Nanos now) const {
  std::vector<HeldLease> out;
  const auto& leases = committed_.leases();
  for (auto it = leases.lower_bound(prefix); it != leases.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    if (!expired(it->first, it->second, now)) out.push_back({it->first, it->second.holder});
  }
  return out;
}

bool Store::expired(const std::string& name, const Lease& lease, Nanos now) const {
  auto it = deadlines_.find(name);
  return it != deadlines_.end() && it->second.grant == lease.grant && now >= it->second.expires;
}

Staged Store::stage_acquire(State* next, const Change& change, Nanos now) const {
  Staged staged;
  auto it = next->leases().find(change.name);
  if (it != next->leases().end() && !expired(change.name, it->second, now)) {
    const Lease& held = it->second;
    if (held.holder != change.holder) {
      staged.result =
          fail(Errc::kConflict, fmt::format("lease {} is held by {}", change.name, held.holder));
      return staged;
    }
    if (held.time_to_live == change.time_to_live) {
      staged.result = held.grant;
      staged.extends_lease = true;
      return staged;
    }
  } else if (it != next->leases().end()) {
    ATOLL_PROBE("coord.lease_expired");
  }
  staged.result = next->set_lease(change.name, change.holder, change.time_to_live);
  staged.changed = staged.result.has_value();
  return staged;
}

Staged Store::stage(State* next, const Change& change, Nanos now) const {
  Staged staged;
  switch (change.kind) {
    case Change::Kind::kPut:
      staged.result = next->put(change.name, change.expected_version, change.value);
      break;
    case Change::Kind::kErase:
      staged.result = next->erase(change.name, change.expected_version);
      break;
    case Change::Kind::kLeaseAcquire:
      return stage_acquire(next, change, now);
    case Change::Kind::kLeaseRelease: {
      auto it = next->leases().find(change.name);
      if (it == next->leases().end() || it->second.holder != change.holder)
        staged.result = fail(Errc::kNotFound,
                             fmt::format("{} does not hold lease {}", change.holder, change.name));
      else
        staged.result = next->drop_lease(change.name);
      break;
    }
    case Change::Kind::kRewrite:
      staged.result = next->revision();
      break;
  }
  staged.changed = staged.result.has_value();
  return staged;
}

void Store::commit(State next, Nanos now) {
  ATOLL_CHECK(next.revision() >= committed_.revision());
  committed_ = std::move(next);
  for (auto& erased : committed_.take_erased()) erase_log_.push_back(std::move(erased));
  while (erase_log_.size() > kEraseLogMax) {
    ATOLL_PROBE("coord.erase_log_overflow");
    erase_log_floor_ = erase_log_.front().second;
    erase_log_.pop_front();
  }
  follow_leases(now);
  for (auto& waiter : waiters_) waiter->set();
}

// A lease that was taken (or taken anew) starts its time now, when it is durable: later than its
// holder thinks, never earlier.
void Store::follow_leases(Nanos now) {
  std::erase_if(deadlines_, [&](const auto& d) { return !committed_.leases().contains(d.first); });
  for (const auto& [name, lease] : committed_.leases()) {
    auto [it, is_new] =
        deadlines_.try_emplace(name, Deadline{lease.grant, now + lease.time_to_live});
    if (!is_new && it->second.grant != lease.grant)
      it->second = Deadline{lease.grant, now + lease.time_to_live};
  }
  ATOLL_CHECK(deadlines_.size() == committed_.leases().size());
}

Status Store::renew_lease(const std::string& name, const std::string& holder, Nanos now) {
  auto it = committed_.leases().find(name);
  // An expired lease stays lost even if nobody took it yet: a takeover may be on its way to disk.
  if (it == committed_.leases().end() || it->second.holder != holder ||
      expired(name, it->second, now))
    return fail(Errc::kNotFound, fmt::format("{} does not hold lease {}", holder, name));
  extend_lease(name, now);
  return {};
}

void Store::extend_lease(const std::string& name, Nanos now) {
  auto it = committed_.leases().find(name);
  if (it == committed_.leases().end()) return;
  Deadline& deadline = deadlines_.at(name);
  ATOLL_CHECK(deadline.grant == it->second.grant);
  deadline.expires = std::max(deadline.expires, now + it->second.time_to_live);
}

bool Store::changed_since(const std::string& prefix, uint64_t after_revision) const {
  if (after_revision >= committed_.revision()) return false;
  if (after_revision < erase_log_floor_) return true;
  const auto& entries = committed_.entries();
  for (auto it = entries.lower_bound(prefix); it != entries.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    if (it->second.version > after_revision) return true;
  }
  for (auto it = erase_log_.rbegin(); it != erase_log_.rend(); ++it) {
    if (it->second <= after_revision) break;
    if (it->first.starts_with(prefix)) return true;
  }
  return false;
}

Task<Result<uint64_t>> Store::wait_change(std::shared_ptr<Store> store, env::Env& env,
                                          std::string prefix, uint64_t after_revision,
                                          Nanos limit) {
  const Nanos deadline = env.now() + std::clamp(limit, Nanos(0), kMaxWait);
  for (;;) {
    if (store->closed_) co_return fail(Errc::kCancelled, "the coordinator is closed");
    if (store->changed_since(prefix, after_revision) || env.now() >= deadline)
      co_return store->committed_.revision();
    if (store->waiters_.size() >= kMaxWaiters)
      co_return fail(Errc::kBusy, "too many waits for changes");
    auto event = std::make_shared<env::Event>();
    store->waiters_.push_back(event);
    const env::TimerId timer = env.start_timer(deadline - env.now(), [event] { event->set(); });
    co_await event->wait();
    env.cancel_timer(timer);
    std::erase(store->waiters_, event);
  }
}

void Store::close() {
  closed_ = true;
  for (auto& waiter : waiters_) waiter->set();
}

}  // namespace atl::coord
