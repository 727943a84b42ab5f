// Stripes that nothing refers to any more are deleted once nobody can still be reading them.
#include "base/log.h"
#include "base/probe.h"
#include "namespace/keys.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

constexpr size_t kFreeAtOnce = 256;  // stripes in one operation
constexpr size_t kFreeParallel = 8;  // deletes under way: they are small messages
constexpr Nanos kFreeInterval = 1s;  // how often those that readers held up are looked at again

using Refs = std::vector<stripe::StripeRef>;

Result<Refs> find_to_free(Reader& reader, StripeId from) {
  Refs refs;
  Scan scan = reader.scan(to_free_key(from), after_prefix(row_prefix(Row::kToFree)));
  for (; scan.valid() && refs.size() < kFreeAtOnce; scan.next()) {
    ATOLL_TRY(const stripe::StripeRef ref, decode_to_free(scan.value()));
    refs.push_back(ref);
  }
  ATOLL_TRY_STATUS(scan.status());
  return refs;
}

Task<Status> free_one(Stripes& stripes, stripe::StripeRef ref) {
  return stripes.free(ref);
}

}  // namespace

// Returns how many rows were done with.
Task<Result<size_t>> PartitionImpl::free_once() {
  const env::Permit permit = co_await free_mutex_.lock();
  const StripeId from = free_cursor_;
  std::function<Result<Refs>(Reader&)> lookup = [from](Reader& reader) {
    return find_to_free(reader, from);
  };
  Result<Refs> found = co_await look<Refs>(std::move(lookup), false);
  if (!found) co_return fail(std::move(found).error());
  free_cursor_ = found->size() < kFreeAtOnce ? StripeId() : StripeId(found->back().id.value + 1);
  auto freed = std::make_shared<Refs>();
  for (const stripe::StripeRef& ref : *found)
    if (pins_->may_free(ref.id, env_.now())) freed->push_back(ref);
  if (freed->empty()) co_return size_t{0};
  for (size_t first = 0; first < freed->size(); first += kFreeParallel) {
    std::vector<Task<Status>> tasks;
    for (size_t i = first; i < std::min(first + kFreeParallel, freed->size()); ++i) {
      freeing_.insert((*freed)[i].id);
      tasks.push_back(free_one(ports_.stripes, (*freed)[i]));
    }
    const std::vector<Status> done = co_await env::when_all(env_, std::move(tasks));
    for (const Status& status : done)
      if (!status)
        ATOLL_LOG(kInfo, "namespace", "a stripe's shards are left to orphan collection",
                  {{"why", status.error().to_string()}});
  }
  std::function<Status(Txn&)> evaluate = [freed](Txn& txn) -> Status {
    for (const stripe::StripeRef& ref : *freed) txn.erase(to_free_key(ref.id));
    return {};
  };
  std::string what = "freed stripes";
  const Status status = co_await change_status(std::move(what), std::move(evaluate));
  for (const stripe::StripeRef& ref : *freed) freeing_.erase(ref.id);
  if (!status) co_return fail(status.error());
  // There is room again, for all we know.
  note_space();
  co_return freed->size();
}

Task<void> PartitionImpl::free_loop() {
  while (!stopping_) {
    co_await free_bell_.wait(env_, kFreeInterval);
    // Bodies whose operation was answered "unknown" when recovery had looked already.
    if (serving_ && !unknown_stripes_.empty()) co_await resolve_unknown_stripes();
    size_t empty_rounds = 0;
    // Two rounds without any: the cursor has been through all that readers hold up.
    while (serving_ && !stopping_ && empty_rounds < 2) {
      const Result<size_t> freed = co_await free_once();
      if (!freed) break;
      if (*freed > 0) {
        empty_rounds = 0;
      } else if (free_cursor_.value == 0) {
        ++empty_rounds;
      }
    }
  }
}

}  // namespace atl::ns
