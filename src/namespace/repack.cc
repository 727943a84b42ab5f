// Repacking: packed stripes of which most has been deleted give their live extents to a new stripe,
// and are freed. This is how the space of deleted small files comes back.
//
// At least half of a packed stripe is alive after this, or there is too little dead to be worth it.
// When the cluster is full, less dead space is reason enough.
#include <algorithm>

#include "base/check.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/probe.h"
#include "namespace/data.h"
#include "namespace/keys.h"
#include "namespace/pack.h"
#include "namespace/partition_impl.h"
#include "namespace/stripe_table.h"

namespace atl::ns {

namespace {

// Of a stripe's payload: with less alive than this it is repacked.
constexpr uint64_t kSparsePercent = 50;
constexpr uint64_t kSparsePercentWhenFull = 85;
// Sparse stripes taken in one round; their live bytes fill at most one new stripe.
constexpr size_t kRepackStripesMax = 64;
// Rows of the stripe table seen in one search; a million packed stripes are 6 TB.
constexpr size_t kRepackSearchMax = 1u << 20;

bool sparse(const StripeRecord& s, uint64_t percent) {
  return s.kind == StripeKind::kPacked && s.live_bytes * 100 < s.payload_bytes * percent;
}

Result<std::vector<StripeRecord>> find_sparse(Reader& reader, uint64_t percent, size_t capacity) {
  std::vector<StripeRecord> found;
  Scan scan = reader.scan_prefix(row_prefix(Row::kStripe));
  for (size_t seen = 0; scan.valid() && seen < kRepackSearchMax; scan.next(), ++seen) {
    StripeRecord stripe;
    ATOLL_TRY_STATUS(decode(scan.value(), &stripe));
    if (sparse(stripe, percent)) found.push_back(stripe);
  }
  ATOLL_TRY_STATUS(scan.status());
  std::sort(found.begin(), found.end(), [](const StripeRecord& a, const StripeRecord& b) {
    return std::pair(a.live_bytes, a.ref.id) < std::pair(b.live_bytes, b.ref.id);
  });
  // As many as their live bytes (counted once for each owner, so at least enough) surely fit.
  uint64_t live = 0;
  size_t n = 0;
  while (n < found.size() && n < kRepackStripesMax &&
         (n == 0 || live + found[n].live_bytes <= capacity / 2))
    live += found[n++].live_bytes;
  found.resize(n);
  return found;
}

// Who may still have extents in the stripe: those of its manifest, and copies.
Result<std::vector<PackedExtent>> owners_of(Reader& reader, StripeId stripe,
                                            std::vector<PackedExtent> owners) {
  Scan scan = reader.scan_prefix(row_prefix(Row::kBackRef, stripe.value));
  for (; scan.valid(); scan.next()) {
    const std::string_view tail = key_tail(scan.key());
    if (tail.size() != 16) return fail(Errc::kCorrupt, "the view has a strange back reference");
    owners.push_back({InodeId(read_be64(tail.data())), read_be64(tail.data() + 8), 0, 0});
  }
  ATOLL_TRY_STATUS(scan.status());
  return owners;
}

// An extent that moves: from where, as it was.
struct Move {
  InodeId data;
  uint64_t offset = 0;
  ExtentRecord old;
  uint32_t place = 0;
};

struct Plan {
  StripeRecord target;
  std::vector<Move> moves;
};

Result<std::vector<Move>> live_extents(Reader& reader, StripeId stripe,
                                       const std::vector<PackedExtent>& owners) {
  std::vector<Move> moves;
  std::string value;
  for (const PackedExtent& owner : owners) {
    ATOLL_TRY(const bool there, reader.get(extent_key(owner.data, owner.offset), &value));
    if (!there) continue;
    ExtentRecord extent;
    ATOLL_TRY_STATUS(decode(value, &extent));
    if (extent.is_inline() || extent.stripe.id != stripe) continue;
    moves.push_back({owner.data, owner.offset, extent, 0});
  }
  return moves;
}

Result<uint64_t> evaluate_moves(Txn& txn, const Plan& plan, size_t first, size_t end) {
  uint64_t moved = 0;
  std::string value;
  for (size_t i = first; i < end; ++i) {
    const Move& move = plan.moves[i];
    ATOLL_TRY(const bool there, txn.get(extent_key(move.data, move.offset), &value));
    if (!there) continue;
    ExtentRecord now;
    ATOLL_TRY_STATUS(decode(value, &now));
    if (now.is_inline() || !(now.stripe == move.old.stripe) ||
        now.stripe_offset != move.old.stripe_offset || now.length != move.old.length) {
      ATOLL_PROBE("repack_lost_race");
      continue;
    }
    ExtentRecord to;
    to.stripe = plan.target.ref;
    to.stripe_offset = move.place;
    to.length = now.length;
    ATOLL_TRY_STATUS(switch_extent(txn, move.data, move.offset, now, to));
    moved += now.length;
  }
  if (moved > 0) ATOLL_TRY_STATUS(add_packed_reference(txn, plan.target, moved));
  return moved;
}

}  // namespace

bool PartitionImpl::repack_pays() const {
  const uint64_t data = counters_.packed_data_bytes;
  const uint64_t live = std::min(counters_.packed_live_bytes, data);
  const bool tight = full_ || making_room_;
  const uint64_t least = tight ? 1 : 2ull * ports_.stripes.full_stripe_bytes();
  return data - live >= least && (tight || (data - live) * 4 >= data);
}

// Returns whether something was freed by it, so that another round may pay.
Task<Result<bool>> PartitionImpl::repack_once() {
  if (!repack_pays()) co_return false;
  const env::Permit permit = co_await destage_mutex_.lock();
  const size_t capacity = ports_.stripes.full_stripe_bytes();
  const uint64_t percent = full_ || making_room_ ? kSparsePercentWhenFull : kSparsePercent;
  std::function<Result<std::vector<StripeRecord>>(Reader&)> search =
      [percent, capacity](Reader& reader) { return find_sparse(reader, percent, capacity); };
  Result<std::vector<StripeRecord>> sources =
      co_await look<std::vector<StripeRecord>>(std::move(search), true);
  if (!sources) co_return fail(std::move(sources).error());
  // What is read here must not be freed by somebody else meanwhile.
  const std::shared_ptr<ReadPin> pin = pins_->take(env_.now());

  auto plan = std::make_shared<Plan>();
  Packer packer(capacity);
  for (const StripeRecord& source : *sources) {
    Result<std::vector<Buf>> read =
        co_await ports_.stripes.read(source.ref, 0, source.ref.data_length);
    if (!read && read.error().code == Errc::kNotFound) continue;  // freed before the pin
    if (!read) co_return fail(std::move(read).error());
    const Buf all = flatten(*read);
    const std::string_view manifest =
        all.view().substr(source.payload_bytes, source.manifest_length);
    Result<std::vector<PackedExtent>> listed = decode_pack_manifest(manifest, source.payload_bytes);
    if (!listed)
      co_return fail(Errc::kInternal, listed.error().message);  // verified bytes: our bug
    std::function<Result<std::vector<Move>>(Reader&)> lookup =
        [&source, &listed](Reader& reader) -> Result<std::vector<Move>> {
      ATOLL_TRY(auto owners, owners_of(reader, source.ref.id, std::move(*listed)));
      return live_extents(reader, source.ref.id, owners);
    };
    Result<std::vector<Move>> moves = co_await look<std::vector<Move>>(std::move(lookup), true);
    if (!moves) co_return fail(std::move(moves).error());
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> placed;  // shared bytes go over once
    for (Move& move : *moves) {
      const auto key = std::pair(move.old.stripe_offset, move.old.length);
      const auto it = placed.find(key);
      if (!packer.fits(it == placed.end() ? move.old.length : 0)) break;
      if (it == placed.end()) {
        move.place = packer.add(move.data, move.offset,
                                all.view().substr(move.old.stripe_offset, move.old.length));
        placed.emplace(key, move.place);
      } else {
        ATOLL_PROBE("repack_shared_extent");
        move.place = it->second;
        packer.add_owner(move.data, move.offset, move.old.length, move.place);
      }
      plan->moves.push_back(std::move(move));
    }
  }
  if (plan->moves.empty()) co_return false;

  plan->target.kind = StripeKind::kPacked;
  plan->target.payload_bytes = static_cast<uint32_t>(packer.payload_bytes());
  Buf data = packer.finish(&plan->target.manifest_length);
  Result<stripe::StripeRef> ref = co_await write_system(std::move(data));
  if (!ref) co_return fail(std::move(ref).error());
  plan->target.ref = *ref;
  Status status;
  for (size_t first = 0; first < plan->moves.size() && status; first += kSwitchAtOnce) {
    const size_t end = std::min(first + kSwitchAtOnce, plan->moves.size());
    std::function<Result<uint64_t>(Txn&)> evaluate = [plan, first, end](Txn& txn) {
      return evaluate_moves(txn, *plan, first, end);
    };
    std::string what = "repack";
    Result<uint64_t> moved = co_await change<uint64_t>(std::move(what), 1, std::move(evaluate));
    if (!moved) status = fail(std::move(moved).error());
  }
  settle_packed(plan->target.ref, status);
  if (!status && status.error().code != Errc::kConflict) co_return fail(std::move(status).error());
  ATOLL_PROBE("repacked");
  co_return true;
}

}  // namespace atl::ns
