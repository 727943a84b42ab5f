// The calls of Coordinator: check the input, then the queue, or an answer from what is committed.

#include "coord/embedded.h"

#include "base/check.h"
#include "coord/embedded_core.h"

namespace atl::coord {

EmbeddedCoordinator::~EmbeddedCoordinator() {
  core_->stop();
}

Task<void> EmbeddedCoordinator::close() {
  return Core::close(core_);
}

Uuid EmbeddedCoordinator::cluster() const {
  return core_->cluster;
}

std::vector<CopyStatus> EmbeddedCoordinator::copy_states() const {
  return core_->copies->states();
}

size_t EmbeddedCoordinator::copies_to_spare() const {
  size_t ok = 0;
  for (const CopyStatus& copy : core_->copies->states())
    if (copy.health == CopyHealth::kOk) ++ok;
  size_t majority = core_->copies->majority();
  return ok > majority ? ok - majority : 0;
}

Task<Status> EmbeddedCoordinator::repair_copy(size_t index, bool overwrite_foreign) {
  return Core::repair(core_, index, overwrite_foreign);
}

Task<VerifyReport> EmbeddedCoordinator::verify() {
  return CopySet::verify(core_->copies);
}

namespace {

// The tasks below take the core by value: the coordinator may be destroyed while they wait.
template <typename Core>
Task<Result<Versioned>> get_from(std::shared_ptr<Core> core, std::string key) {
  ATOLL_CO_TRY_STATUS(check_name(key, "key"));
  ATOLL_CO_TRY_STATUS(co_await Core::settled(core));
  co_return core->store->get(key);
}

template <typename Core>
Task<Result<std::vector<KeyValue>>> list_from(std::shared_ptr<Core> core, std::string prefix) {
  ATOLL_CO_TRY_STATUS(co_await Core::settled(core));
  co_return core->store->list(prefix);
}

template <typename Core>
Task<Status> submit_for_status(std::shared_ptr<Core> core, Change change) {
  ATOLL_CO_TRY_STATUS(check_name(change.name, "name"));
  Result<uint64_t> answer = co_await Core::submit(core, std::move(change));
  if (!answer) co_return fail(std::move(answer).error());
  co_return Status{};
}

template <typename Core>
Task<Status> acquire_from(std::shared_ptr<Core> core, Change change) {
  ATOLL_CO_TRY_STATUS(check_lease(change.name, change.holder, change.time_to_live));
  co_return co_await submit_for_status(core, std::move(change));
}

template <typename Core>
Task<Status> renew_in(std::shared_ptr<Core> core, std::string name, std::string holder) {
  // Not durable: after a restart every lease has its full time anyway.
  if (core->closing) co_return fail(Errc::kCancelled, "the coordinator is closed");
  co_return core->store->renew_lease(name, holder, core->env.now());
}

}  // namespace

Task<Result<Versioned>> EmbeddedCoordinator::get(std::string key) {
  return get_from(core_, std::move(key));
}

Task<Result<std::vector<KeyValue>>> EmbeddedCoordinator::list(std::string prefix) {
  return list_from(core_, std::move(prefix));
}

Task<Result<uint64_t>> EmbeddedCoordinator::compare_and_swap(std::string key,
                                                             uint64_t expected_version,
                                                             std::string value) {
  Change change;
  change.kind = Change::Kind::kPut;
  change.name = std::move(key);
  change.expected_version = expected_version;
  change.value = std::move(value);
  return Core::submit(core_, std::move(change));
}

Task<Status> EmbeddedCoordinator::erase(std::string key, uint64_t expected_version) {
  Change change;
  change.kind = Change::Kind::kErase;
  change.name = std::move(key);
  change.expected_version = expected_version;
  return submit_for_status(core_, std::move(change));
}

Task<Result<uint64_t>> EmbeddedCoordinator::wait_change(std::string prefix, uint64_t after_revision,
                                                        Nanos limit) {
  return Store::wait_change(core_->store, core_->env, std::move(prefix), after_revision, limit);
}

Task<Status> EmbeddedCoordinator::lease_acquire(std::string name, std::string holder,
                                                Nanos time_to_live) {
  Change change;
  change.kind = Change::Kind::kLeaseAcquire;
  change.name = std::move(name);
  change.holder = std::move(holder);
  change.time_to_live = time_to_live;
  return acquire_from(core_, std::move(change));
}

Task<Status> EmbeddedCoordinator::lease_renew(std::string name, std::string holder) {
  return renew_in(core_, std::move(name), std::move(holder));
}

Task<Status> EmbeddedCoordinator::lease_release(std::string name, std::string holder) {
  Change change;
  change.kind = Change::Kind::kLeaseRelease;
  change.name = std::move(name);
  change.holder = std::move(holder);
  return submit_for_status(core_, std::move(change));
}

}  // namespace atl::coord
