#include "stripe/shard_cursor.h"

#include "base/check.h"

namespace atl::stripe {

device::ShardKey just_below(device::ShardKey key) {
  if (key.index > 0) return {key.stripe, static_cast<uint8_t>(key.index - 1)};
  ATOLL_CHECK(key.stripe.value > 0);
  return {StripeId(key.stripe.value - 1), 255};
}

Task<Result<bool>> ShardCursor::contains(device::ShardKey key) {
  while (true) {
    while (at_ < page_.size() && page_[at_].key < key) ++at_;
    if (at_ < page_.size()) co_return page_[at_].key == key;
    if (finished_) co_return false;
    // Nothing below `key` will be asked for any more, so the next page may begin there.
    const device::ShardKey after = std::max(last_, just_below(key));
    ATOLL_CO_TRY(page_, co_await client_->list_shards(after, kShardPage));
    at_ = 0;
    finished_ = page_.size() < kShardPage;
    if (!page_.empty()) {
      ATOLL_CHECK(page_.front().key > after, "a page that goes back");
      last_ = page_.back().key;
    }
  }
}

Task<Result<bool>> shard_present(device::DeviceClient* client, device::ShardKey key) {
  const device::ShardKey after = just_below(key);
  ATOLL_CO_TRY(const auto found, co_await client->list_shards(after, 1));
  co_return !found.empty() && found.front().key == key;
}

}  // namespace atl::stripe
