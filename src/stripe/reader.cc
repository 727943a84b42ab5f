// StripeStore::read. The numbers are those of docs/paths/stripe-read.md.
#include "base/check.h"
#include "base/log.h"
#include "stripe/gather.h"

namespace atl::stripe {

Task<Result<std::vector<Buf>>> StripeStore::read(StripeRef stripe, uint32_t offset, uint32_t length,
                                                 env::ReadMode mode) {
  // 1. What the reference says must make sense before anything is computed from it.
  StorePtr store = impl_;
  auto map = store->view.snapshot();
  const cluster::Group* group = map->find_group(stripe.group);
  if (group == nullptr)
    co_return fail(Errc::kCorrupt,
                   fmt::format("stripe {} names group {}, which the map does not list", stripe.id,
                               stripe.group));
  if (stripe.data_length == 0 || stripe.data_length > kMaxStripeBytes)
    co_return fail(Errc::kCorrupt,
                   fmt::format("stripe {} of {} bytes", stripe.id, stripe.data_length));
  if (offset > stripe.data_length || length > stripe.data_length - offset)
    co_return fail(Errc::kInvalidArgument,
                   fmt::format("bytes {}+{} of stripe {}, which has {}", offset, length, stripe.id,
                               stripe.data_length));
  std::vector<Buf> out;
  if (length == 0) co_return out;

  // 2. Which blocks of which shards: a small read touches one shard.
  auto gather = std::make_shared<Gather>(store, map, stripe, group, mode);
  const std::vector<Piece> pieces = gather->geometry().pieces(offset, length);
  std::vector<Gather::Want> wants;
  for (const Piece& piece : pieces)
    wants.push_back({piece.shard, gather->geometry().blocks_around(piece.offset, piece.length)});

  // 3. to 6. Read, verify, hedge, reconstruct, queue repairs.
  const Status gathered = co_await gather->run(std::move(wants));
  if (!gathered) {
    if (gathered.error().code != Errc::kNotFound) {
      store->metrics.failed_reads.add();
      ATOLL_LOG(kError, "stripe", "stripe not readable", {{"reason", gathered.error().message}});
    }
    co_return fail(gathered.error());
  }
  store->metrics.reads.add();
  store->metrics.read_bytes.add(length);
  if (gather->reconstructed()) store->metrics.degraded_reads.add();

  // 7. Slices of what was verified.
  size_t total = 0;
  for (const Piece& piece : pieces) {
    out.push_back(gather->bytes(piece.shard, piece.offset, piece.length));
    total += out.back().size();
  }
  ATOLL_CHECK(total == length);
  co_return out;
}

}  // namespace atl::stripe
