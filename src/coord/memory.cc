#include "coord/memory.h"

namespace atl::coord {
namespace {

Error unavailable() {
  return Error(Errc::kUnavailable, "the coordinator is switched off");
}

}  // namespace

MemoryCoordinator::MemoryCoordinator(env::Env& env)
    : env_(env), store_(std::make_shared<Store>(State(), env.now())) {}

MemoryCoordinator::~MemoryCoordinator() {
  store_->close();
}

Result<uint64_t> MemoryCoordinator::apply(const Change& change) {
  if (!available_) return fail(unavailable());
  State next = store_->committed();
  Staged staged = store_->stage(&next, change, env_.now());
  if (staged.changed) store_->commit(std::move(next), env_.now());
  if (staged.extends_lease) store_->extend_lease(change.name, env_.now());
  return std::move(staged.result);
}

Task<Result<Versioned>> MemoryCoordinator::get(std::string key) {
  ATOLL_CO_TRY_STATUS(check_name(key, "key"));
  if (!available_) co_return fail(unavailable());
  co_return store_->get(key);
}

Task<Result<std::vector<KeyValue>>> MemoryCoordinator::list(std::string prefix) {
  if (!available_) co_return fail(unavailable());
  co_return store_->list(prefix);
}

Task<Result<uint64_t>> MemoryCoordinator::compare_and_swap(std::string key,
                                                           uint64_t expected_version,
                                                           std::string value) {
  Change change;
  change.kind = Change::Kind::kPut;
  change.name = std::move(key);
  change.expected_version = expected_version;
  change.value = std::move(value);
  co_return apply(change);
}

Task<Status> MemoryCoordinator::erase(std::string key, uint64_t expected_version) {
  ATOLL_CO_TRY_STATUS(check_name(key, "key"));
  Change change;
  change.kind = Change::Kind::kErase;
  change.name = std::move(key);
  change.expected_version = expected_version;
  ATOLL_CO_TRY([[maybe_unused]] uint64_t revision, apply(change));
  co_return Status{};
}

Task<Result<uint64_t>> MemoryCoordinator::wait_change(std::string prefix, uint64_t after_revision,
                                                      Nanos limit) {
  return Store::wait_change(store_, env_, std::move(prefix), after_revision, limit);
}

Task<Status> MemoryCoordinator::lease_acquire(std::string name, std::string holder,
                                              Nanos time_to_live) {
  ATOLL_CO_TRY_STATUS(check_lease(name, holder, time_to_live));
  Change change;
  change.kind = Change::Kind::kLeaseAcquire;
  change.name = std::move(name);
  change.holder = std::move(holder);
  change.time_to_live = time_to_live;
  ATOLL_CO_TRY([[maybe_unused]] uint64_t grant, apply(change));
  co_return Status{};
}

Task<Status> MemoryCoordinator::lease_renew(std::string name, std::string holder) {
  if (!available_) co_return fail(unavailable());
  co_return store_->renew_lease(name, holder, env_.now());
}

Task<Status> MemoryCoordinator::lease_release(std::string name, std::string holder) {
  Change change;
  change.kind = Change::Kind::kLeaseRelease;
  change.name = std::move(name);
  change.holder = std::move(holder);
  ATOLL_CO_TRY([[maybe_unused]] uint64_t revision, apply(change));
  co_return Status{};
}

Task<Result<std::vector<HeldLease>>> MemoryCoordinator::leases(std::string prefix) {
  if (!available_) co_return fail(unavailable());
  co_return store_->held_leases(prefix, env_.now());
}

}  // namespace atl::coord
