// Destaging: the oldest inline extents, many together, become one packed stripe.
//
//   1. gather from a snapshot, oldest first       (worker thread)
//   2. write the stripe
//   3. switch the extents that are still as they were gathered, kSwitchAtOnce to an operation
//
// Between 1 and 3 any of them may have been deleted or replaced; each inline content has a stamp,
// so that is seen, and such an extent is left alone: its bytes in the stripe are simply not alive.
#include "base/check.h"
#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"
#include "namespace/keys.h"
#include "namespace/pack.h"
#include "namespace/partition_impl.h"
#include "namespace/stripe_table.h"

namespace atl::ns {

namespace {

constexpr Nanos kDestageInterval = 1s;    // how often age is looked at
constexpr Nanos kDestageRetryPause = 1s;  // after a failure

struct Gathered {
  std::unique_ptr<Packer> packer;
  std::vector<uint64_t> stamps;  // of packer->extents()
  std::optional<Nanos> oldest;
  bool more = false;  // it is full, and there were others
};

Result<Gathered> gather_inline(Reader& reader, InodeId from, size_t capacity) {
  Gathered out;
  out.packer = std::make_unique<Packer>(capacity);
  Scan scan = reader.scan(inline_key(from, 0), after_prefix(row_prefix(Row::kInline)));
  std::string value;
  for (; scan.valid(); scan.next()) {
    InlineRecord mark;
    ATOLL_TRY_STATUS(decode(scan.value(), &mark));
    if (!out.packer->fits(mark.length)) {
      out.more = true;
      break;
    }
    const InodeId data = key_inode(scan.key());
    const uint64_t offset = key_offset(scan.key());
    ATOLL_TRY(const bool there, reader.get(extent_key(data, offset), &value));
    ExtentRecord extent;
    if (there) ATOLL_TRY_STATUS(decode(value, &extent));
    if (!there || !extent.is_inline() || extent.length != mark.length)
      return fail(Errc::kCorrupt, "the view marks an extent as inline that is not");
    out.packer->add(data, offset, extent.bytes);
    out.stamps.push_back(mark.stamp);
    out.oldest = out.oldest ? std::min(*out.oldest, mark.born) : mark.born;
  }
  ATOLL_TRY_STATUS(scan.status());
  return out;
}

struct Switch {
  StripeRecord stripe;
  std::vector<PackedExtent> extents;
  std::vector<uint64_t> stamps;
};

// Returns how many bytes were switched.
Result<uint64_t> evaluate_switch(Txn& txn, const Switch& s, size_t first, size_t end) {
  uint64_t switched = 0;
  for (size_t i = first; i < end; ++i) {
    const PackedExtent& x = s.extents[i];
    const std::string mark_key = inline_key(x.data, x.offset);
    ATOLL_TRY(const auto mark, txn.find<InlineRecord>(mark_key));
    const bool unchanged = mark && mark->stamp == s.stamps[i] && mark->length == x.length;
    if (!unchanged) ATOLL_PROBE("destage_lost_race");
    if (!unchanged && !planted(PlantedBug::kDestageLosesRace)) continue;
    ExtentRecord now;
    now.stripe = s.stripe.ref;
    now.stripe_offset = x.place;
    now.length = x.length;
    txn.put_record(extent_key(x.data, x.offset), now);
    txn.erase(mark_key);
    uint64_t& counted = txn.counters().inline_bytes;
    if (unchanged && counted < x.length)
      return fail(Errc::kCorrupt, "the view counts too few inline bytes");
    if (unchanged) counted -= x.length;
    switched += x.length;
  }
  if (switched > 0) ATOLL_TRY_STATUS(add_packed_reference(txn, s.stripe, switched));
  return switched;
}

}  // namespace

Task<Result<bool>> PartitionImpl::destage_once(bool even_if_young) {
  const env::Permit permit = co_await destage_mutex_.lock();
  const InodeId from = destage_cursor_;
  const size_t capacity = ports_.stripes.full_stripe_bytes();
  // 1.
  std::function<Result<std::shared_ptr<Gathered>>(Reader&)> lookup =
      [from, capacity](Reader& reader) -> Result<std::shared_ptr<Gathered>> {
    ATOLL_TRY(Gathered gathered, gather_inline(reader, from, capacity));
    return std::make_shared<Gathered>(std::move(gathered));
  };
  Result<std::shared_ptr<Gathered>> found =
      co_await look<std::shared_ptr<Gathered>>(std::move(lookup), true);
  if (!found) co_return fail(std::move(found).error());
  Gathered& gathered = **found;
  // Ids only grow, so what is new comes after the cursor; one round in a while starts at the
  // beginning.
  destage_cursor_ = InodeId();
  if (gathered.packer->extents().empty()) co_return from.value != 0;
  const bool old = *gathered.oldest + options_.destage_age <= env_.wall_now() &&
                   gathered.packer->payload_bytes() >= kDestageMinBytes;
  if (!gathered.more && !old && !even_if_young) co_return false;

  // 2.
  Switch change_to;
  change_to.stripe.kind = StripeKind::kPacked;
  change_to.stripe.payload_bytes = static_cast<uint32_t>(gathered.packer->payload_bytes());
  change_to.extents = gathered.packer->extents();
  change_to.stamps = gathered.stamps;
  Buf data = gathered.packer->finish(&change_to.stripe.manifest_length);
  found->reset();
  Result<stripe::StripeRef> ref = co_await write_system(std::move(data));
  if (!ref) co_return fail(std::move(ref).error());
  change_to.stripe.ref = *ref;

  // 3.
  destage_cursor_ = change_to.extents.back().data;
  auto args = std::make_shared<Switch>(std::move(change_to));
  Status status;
  for (size_t first = 0; first < args->extents.size() && status; first += kSwitchAtOnce) {
    const size_t end = std::min(first + kSwitchAtOnce, args->extents.size());
    std::function<Result<uint64_t>(Txn&)> evaluate = [args, first, end](Txn& txn) {
      return evaluate_switch(txn, *args, first, end);
    };
    std::string what = "destage";
    Result<uint64_t> switched = co_await change<uint64_t>(std::move(what), 1, std::move(evaluate));
    if (!switched) status = fail(std::move(switched).error());
  }
  settle_packed(args->stripe.ref, status);
  if (!status && status.error().code != Errc::kConflict) co_return fail(std::move(status).error());
  co_return true;
}

// The stripe is in the table, or nothing refers to it: dropped in the second case.
void PartitionImpl::settle_packed(stripe::StripeRef ref, const Status& status) {
  const bool unknown = !status && (status.error().code == Errc::kUnavailable ||
                                   status.error().code == Errc::kFenced);
  if (unknown) {
    unknown_stripes_.emplace(ref.id, ref);
    return;
  }
  std::vector<stripe::StripeRef> refs{ref};
  spawn_background("settle packed", drop_stripes(std::move(refs)));
}

Task<Status> PartitionImpl::destage() {
  destage_cursor_ = InodeId();
  while (counters_.inline_bytes > 0) {
    Result<bool> more = co_await destage_once(/*even_if_young=*/true);
    if (!more) co_return fail(std::move(more).error());
    if (!*more) break;
  }
  co_return Status{};
}

Task<void> PartitionImpl::destage_loop() {
  while (!stopping_) {
    co_await destage_bell_.wait(env_, kDestageInterval);
    bool more = serving_ && counters_.inline_bytes > 0;
    while (more && !stopping_) {
      const Result<bool> done = co_await destage_once(false);
      more = done && *done;
      if (done || stopping_) continue;
      ATOLL_LOG(kWarn, "namespace", "destaging failed; it will be tried again",
                {{"why", done.error().to_string()}});
      co_await env_.sleep(kDestageRetryPause);
    }
    bool again = serving_ && !stopping_;
    while (again && !stopping_) {
      const Result<bool> done = co_await repack_once();
      again = done && *done;
      if (!done)
        ATOLL_LOG(kWarn, "namespace", "repacking failed", {{"why", done.error().to_string()}});
    }
  }
}

}  // namespace atl::ns
