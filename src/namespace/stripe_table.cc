#include "namespace/stripe_table.h"

#include "base/check.h"
#include "namespace/keys.h"

namespace atl::ns {

namespace {

void count(Counters& c, const StripeRecord& record, bool added) {
  const auto change = [added](uint64_t& field, uint64_t by) {
    ATOLL_CHECK(added || field >= by, "statistics below zero");
    field = added ? field + by : field - by;
  };
  change(c.stripes, 1);
  change(c.stripe_live_bytes, record.live_bytes);
  change(c.stripe_data_bytes, record.payload_bytes);
  if (record.kind != StripeKind::kPacked) return;
  change(c.packed_live_bytes, record.live_bytes);
  change(c.packed_data_bytes, record.payload_bytes);
}

// `fresh`: the row to make when there is none.
Status refer(Txn& txn, const StripeRecord& fresh, uint64_t length) {
  const stripe::StripeRef& ref = fresh.ref;
  ATOLL_CHECK(ref.id.value != 0 && length > 0);
  const std::string key = stripe_key(ref.id);
  ATOLL_TRY(auto record, txn.find<StripeRecord>(key));
  if (!record) {
    std::string ignored;
    ATOLL_TRY(const bool freed, txn.get(to_free_key(ref.id), &ignored));
    if (freed) return fail(Errc::kConflict, fmt::format("stripe {} was freed meanwhile", ref.id));
    record = fresh;
  } else {
    if (!(record->ref == ref))
      return fail(Errc::kInvalidArgument, fmt::format("stripe {} is not as described", ref.id));
    count(txn.counters(), *record, false);
  }
  record->live_bytes += length;
  count(txn.counters(), *record, true);
  txn.put_record(key, *record);
  return {};
}

}  // namespace

Status add_reference(Txn& txn, const stripe::StripeRef& ref, uint64_t length) {
  StripeRecord fresh;
  fresh.ref = ref;
  fresh.payload_bytes = ref.data_length;
  return refer(txn, fresh, length);
}

Status add_packed_reference(Txn& txn, const StripeRecord& stripe, uint64_t length) {
  ATOLL_CHECK(stripe.kind == StripeKind::kPacked && stripe.live_bytes == 0);
  return refer(txn, stripe, length);
}

Status drop_reference(Txn& txn, const stripe::StripeRef& ref, uint64_t length) {
  const std::string key = stripe_key(ref.id);
  ATOLL_TRY(StripeRecord record, txn.load<StripeRecord>(key));
  if (record.live_bytes < length)
    return fail(Errc::kCorrupt,
                fmt::format("stripe {} has fewer live bytes than its extents", ref.id));
  count(txn.counters(), record, false);
  record.live_bytes -= length;
  if (record.live_bytes == 0) {
    txn.erase(key);
    txn.put(to_free_key(ref.id), encode_to_free(ref));
    txn.note_freed(ref.id);
    return {};
  }
  count(txn.counters(), record, true);
  txn.put_record(key, record);
  return {};
}

}  // namespace atl::ns
