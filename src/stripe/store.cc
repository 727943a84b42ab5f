// StripeStore: construction, ids in flight, free. Writing is in writer.cc, reading in reader.cc.
#include <algorithm>

#include "base/check.h"
#include "stripe/store_impl.h"

namespace atl::stripe {

void GroupChoice::refresh(cluster::ClusterView& view) {
  auto now = view.snapshot();
  if (now == map_) return;
  map_ = std::move(now);
  groups_.clear();
  for (const GroupId id : cluster::writable_groups(*map_)) groups_.push_back(map_->find_group(id));
  best_count_ = 0;
  while (best_count_ < groups_.size() && groups_[best_count_]->protection == groups_[0]->protection)
    ++best_count_;
}

const cluster::Group* GroupChoice::best(cluster::ClusterView& view) {
  refresh(view);
  return groups_.empty() ? nullptr : groups_.front();
}

const cluster::Group* GroupChoice::choose(cluster::ClusterView& view,
                                          const std::set<DeviceId>& avoid) {
  refresh(view);
  auto allowed = [&avoid](const cluster::Group* group) {
    return std::none_of(group->slots.begin(), group->slots.end(),
                        [&avoid](DeviceId slot) { return avoid.contains(slot); });
  };
  const size_t start = best_count_ == 0 ? 0 : view.env().random() % best_count_;
  for (size_t i = 0; i < best_count_; ++i) {
    const cluster::Group* group = groups_[(start + i) % best_count_];
    if (allowed(group)) return group;
  }
  for (size_t i = best_count_; i < groups_.size(); ++i)
    if (allowed(groups_[i])) return groups_[i];
  return nullptr;
}

const ec::Code& StripeStore::Impl::code(uint32_t k, uint32_t m) {
  auto& slot = codes[{k, m}];
  if (slot == nullptr) {
    auto made = ec::Code::create(static_cast<int>(k), static_cast<int>(m));
    ATOLL_CHECK(made.has_value(), "the map has a scheme that the code refuses");
    slot = std::move(*made);
  }
  return *slot;
}

StripeStore::StripeStore(cluster::ClusterView& view, StripeIdSource& ids, StoreOptions options)
    : impl_(std::make_shared<Impl>(view, ids, options)) {}

StripeStore::~StripeStore() = default;

uint32_t StripeStore::full_stripe_bytes() const {
  const cluster::Group* group = impl_->groups.best(impl_->view);
  const uint32_t k = group != nullptr ? group->protection.k : impl_->view.map().protection.k;
  return std::min(k * kFullShardBytes, kMaxStripeBytes);
}

void StripeStore::settle(StripeId id) {
  impl_->in_flight.erase(id);
}

bool StripeStore::in_flight(StripeId id) const {
  return impl_->in_flight.contains(id);
}

Task<void> delete_shards(StorePtr store, StripeId id, std::vector<DeviceId> slots) {
  std::vector<Task<Status>> tasks;
  std::vector<DeviceId> devices;
  for (size_t i = 0; i < slots.size(); ++i) {
    device::DeviceClient* client = store->view.client(slots[i]);
    if (client == nullptr || !store->view.readable(slots[i])) continue;
    devices.push_back(slots[i]);
    tasks.push_back(client->delete_shard({id, static_cast<uint8_t>(i)}));
  }
  std::vector<Status> results = co_await env::when_all(store->env(), std::move(tasks));
  for (size_t i = 0; i < results.size(); ++i)
    if (!results[i]) co_await store->view.report_failure(devices[i], results[i].error());
}

Task<Status> StripeStore::free(StripeRef stripe) {
  StorePtr store = impl_;
  const cluster::Group* group = store->view.map().find_group(stripe.group);
  if (group == nullptr)
    co_return fail(Errc::kNotFound,
                   fmt::format("stripe {} names group {}, which the map does not list", stripe.id,
                               stripe.group));
  std::vector<DeviceId> slots = group->slots;
  co_await delete_shards(store, stripe.id, std::move(slots));
  co_return Status{};
}

}  // namespace atl::stripe
