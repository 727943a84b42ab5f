#include "vip/dns/feed.h"

#include <set>

#include <fmt/format.h>

#include "base/log.h"
#include "vip/record.h"

namespace atl::vip::dns {

DnsFeed::DnsFeed(env::Env& env, coord::Coordinator& coordinator, coord::LeaseList& leases,
                 Options options)
    : env_(env), coordinator_(coordinator), leases_(leases), options_(std::move(options)) {
  DnsResponder::Options made;
  made.listen = options_.section.listen;
  made.udp = options_.udp;
  responder_ = std::make_shared<DnsResponder>(env, std::move(made));
}

Status DnsFeed::start() {
  ATOLL_TRY_STATUS(responder_->start());
  env_.spawn("vip.dns_feed", keep_up());
  return {};
}

void DnsFeed::stop() {
  stopping_ = true;
  responder_->stop();
}

Task<void> DnsFeed::stopped() {
  auto self = shared_from_this();
  co_await responder_->stopped();
  co_await ended_.wait();
}

Task<void> DnsFeed::keep_up() {
  auto self = shared_from_this();
  bool failing = false;
  while (!stopping_) {
    const Status fed = co_await feed_once();
    if (!fed && !failing)
      ATOLL_LOG(kWarn, "dns", "the zone is not up to date", {{"why", fed.error().to_string()}});
    failing = !fed;
    if (stopping_) break;
    const std::string prefix = pool_prefix(options_.pool.name);
    const Result<uint64_t> now =
        co_await coordinator_.wait_change(prefix, revision_, kFeedInterval);
    if (now) revision_ = *now;
    if (!stopping_) co_await env_.sleep(kFeedPause);
  }
  ended_.set();
}

Task<Status> DnsFeed::feed_once() {
  ATOLL_CO_TRY(View view, co_await look());
  std::string text = view.text();
  if (!zone_ || text != zone_text_) {
    PoolSnapshot pool =
        pool_snapshot(options_.pool, view.records, view.health, options_.section.rdma);
    ATOLL_CO_TRY(zone_, Zone::make(zone_snapshot(options_.section, std::move(pool), serial_ + 1)));
    ++serial_;
    zone_text_ = std::move(text);
  }
  responder_->update(zone_);
  co_return Status{};
}

// Records first: who has its lease after they were read had it when it held what they say, or has
// taken it since and holds nothing that is listed for long.
Task<Result<DnsFeed::View>> DnsFeed::look() {
  const std::string pool = options_.pool.name;
  ATOLL_CO_TRY(const auto listed, co_await coordinator_.list(pool_prefix(pool)));
  const std::string of_nodes = node_lease(pool, "");
  ATOLL_CO_TRY(const auto held, co_await leases_.leases(of_nodes));
  View view;
  for (const coord::HeldLease& lease : held) {
    const NodeName node = lease.name.substr(of_nodes.size());
    // A controller that finds a lease free has it for a moment.
    if (lease.holder.starts_with(lease_prefix(node))) view.health[node].up = true;
  }
  std::set<NodeName> cut;
  for (const coord::KeyValue& kv : listed) {
    const std::string_view key = kv.key;
    if (key.starts_with(drain_prefix(pool)))
      view.health[kv.key.substr(drain_prefix(pool).size())].draining = true;
    if (!key.starts_with(cut_prefix(pool))) continue;
    const NodeName node = kv.key.substr(cut_prefix(pool).size());
    view.health[node].draining = true;
    cut.insert(node);
  }
  for (const coord::KeyValue& kv : listed) {
    if (!kv.key.starts_with(record_prefix(pool))) continue;
    const Result<Vip> vip = record_vip(pool, kv.key);
    Result<Record> record = Record::decode(kv.versioned.value);
    if (!vip || !record || cut.contains(record->holder)) continue;
    view.records[*vip] = std::move(*record);
  }
  co_return view;
}

std::string DnsFeed::View::text() const {
  std::string out;
  for (const auto& [vip, record] : records)
    out += fmt::format("{} {}\n", vip.to_string(), record.holder);
  for (const auto& [node, state] : health)
    out += fmt::format("{} {} {}\n", node, state.up, state.draining);
  return out;
}

}  // namespace atl::vip::dns
