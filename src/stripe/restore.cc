#include "stripe/restore.h"

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"
#include "stripe/gather.h"

namespace atl::stripe {
namespace {

Task<Status> put_shard(StorePtr store, DeviceId device, device::ShardKey key, Buf bytes,
                       bool replace) {
  device::DeviceClient* client = store->view.client(device);
  if (client == nullptr || !store->view.readable(device))
    co_return fail(Errc::kUnavailable, fmt::format("device {} is down", device));
  if (replace) ATOLL_CO_TRY_STATUS(co_await client->delete_shard(key));
  if (planted(PlantedBug::kRebuildWrongIndex)) key.index ^= 1;
  device::ShardPayload payload;
  payload.length = static_cast<uint32_t>(bytes.size());
  payload.block_crcs = block_checksums(bytes.span());
  payload.bufs.push_back(std::move(bytes));
  device::ShardPayload again = payload;
  Status written =
      co_await client->write_shard(key, std::move(payload), device::WriteClass::kSystem);
  if (!written && written.error().code == Errc::kConflict && !replace) {
    // Something else is there under this key, and k verified shards say that it is wrong.
    ATOLL_PROBE("stripe.restore_conflict");
    ATOLL_CO_TRY_STATUS(co_await client->delete_shard(key));
    written = co_await client->write_shard(key, std::move(again), device::WriteClass::kSystem);
  }
  co_return written;
}

}  // namespace

Task<Result<Restored>> restore_shards(StorePtr store, StripeRef stripe,
                                      std::vector<uint32_t> indexes, bool replace) {
  ATOLL_CHECK(!indexes.empty());
  auto map = store->view.snapshot();
  const cluster::Group* group = map->find_group(stripe.group);
  if (group == nullptr || stripe.data_length == 0 || stripe.data_length > kMaxStripeBytes)
    co_return fail(Errc::kCorrupt, fmt::format("stripe {} does not fit the map", stripe.id));

  auto gather = std::make_shared<Gather>(store, map, stripe, group, env::ReadMode::kDirect);
  const BlockRange whole = gather->geometry().whole_shard();
  std::vector<Gather::Want> wants;
  for (const uint32_t index : indexes) {
    ATOLL_CHECK(index < gather->geometry().width());
    wants.push_back({index, whole, false});
  }
  const Status gathered = co_await gather->run(std::move(wants));
  if (!gathered) co_return fail(gathered.error());

  Restored out;
  for (const uint32_t index : indexes) {
    Buf bytes = gather->bytes(index, 0, whole.length());
    const DeviceId device = group->slots[index];
    const device::ShardKey key{stripe.id, static_cast<uint8_t>(index)};
    const Status put = co_await put_shard(store, device, key, std::move(bytes), replace);
    if (!put) {
      co_await store->view.report_failure(device, put.error());
      co_return fail(put.error());
    }
    ++out.shards;
    out.bytes += whole.length();
  }
  store->metrics.repaired_shards.add(out.shards);
  store->metrics.repaired_bytes.add(out.bytes);
  co_return out;
}

Task<bool> shard_is_good(StorePtr store, StripeRef stripe, uint32_t index) {
  auto map = store->view.snapshot();
  const cluster::Group* group = map->find_group(stripe.group);
  if (group == nullptr || index >= group->slots.size()) co_return false;
  auto client = store->view.client(group->slots[index]);
  if (client == nullptr) co_return false;
  const Geometry geometry = Geometry::of(stripe.data_length, group->protection);
  const device::ShardKey key{stripe.id, static_cast<uint8_t>(index)};
  const auto read =
      co_await client->read_shard(key, 0, geometry.shard_length, env::ReadMode::kDirect);
  if (!read || read->shard_length != geometry.shard_length) co_return false;
  if (read->bytes.size() != geometry.shard_length) co_return false;
  co_return block_checksums(read->bytes.span()) == read->block_crcs;
}

}  // namespace atl::stripe
