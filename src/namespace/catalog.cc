// What must be kept: every stripe of the table, the checkpoint's, those of one that is being
// written, and those that lost their last reference while somebody may still read them.
#include <algorithm>

#include "base/probe.h"
#include "namespace/keys.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

using Refs = std::vector<stripe::StripeRef>;

Result<Refs> list_table(Reader& reader, StripeId after, size_t limit) {
  Refs refs;
  if (after.value == UINT64_MAX) return refs;
  Scan scan =
      reader.scan(stripe_key(StripeId(after.value + 1)), after_prefix(row_prefix(Row::kStripe)));
  for (; scan.valid() && refs.size() < limit; scan.next()) {
    StripeRecord stripe;
    ATOLL_TRY_STATUS(decode(scan.value(), &stripe));
    refs.push_back(stripe.ref);
  }
  ATOLL_TRY_STATUS(scan.status());
  return refs;
}

}  // namespace

Task<Result<Refs>> PartitionImpl::list(StripeId after, size_t limit) {
  std::function<Result<Refs>(Reader&)> lookup = [after, limit](Reader& reader) {
    return list_table(reader, after, limit);
  };
  Result<Refs> refs = co_await look<Refs>(std::move(lookup), true);
  if (!refs) co_return refs;
  // The checkpoint's are few: merge those in the range that the page covers.
  const bool last_page = refs->size() < limit;
  const StripeId end = last_page ? StripeId(UINT64_MAX) : refs->back().id;
  for (const auto* more : {&checkpoint_stripes_, &next_checkpoint_stripes_})
    for (auto it = more->upper_bound(after); it != more->end() && it->first <= end; ++it)
      refs->push_back(it->second);
  std::sort(refs->begin(), refs->end(),
            [](const stripe::StripeRef& a, const stripe::StripeRef& b) { return a.id < b.id; });
  refs->erase(std::unique(refs->begin(), refs->end()), refs->end());
  if (refs->size() > limit) refs->resize(limit);
  co_return refs;
}

Task<Result<bool>> PartitionImpl::contains(StripeId id) {
  // A view is needed for the answer, be it the table's or that of the newest checkpoint.
  std::function<Result<bool>(Reader&)> lookup = [id](Reader& reader) -> Result<bool> {
    std::string ignored;
    ATOLL_TRY(const bool on_table, reader.get(stripe_key(id), &ignored));
    if (on_table) return true;
    return reader.get(to_free_key(id), &ignored);
  };
  Result<bool> found = co_await look<bool>(std::move(lookup), false);
  if (!found) co_return found;
  if (checkpoint_stripes_.contains(id) || next_checkpoint_stripes_.contains(id)) co_return true;
  if (unknown_stripes_.contains(id)) co_return true;
  co_return *found && !freeing_.contains(id);
}

Stats PartitionImpl::stats() const {
  Stats s;
  s.objects = counters_.objects;
  s.buckets = counters_.buckets;
  s.bytes = counters_.bytes;
  s.inline_bytes = counters_.inline_bytes;
  s.stripes = counters_.stripes;
  s.stripe_live_bytes = counters_.stripe_live_bytes;
  s.stripe_data_bytes = counters_.stripe_data_bytes;
  return s;
}

}  // namespace atl::ns
