#include "lab/scale_world.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "vip/movers/make_mover.h"

namespace atl::lab {
namespace {

using vip::Vip;

cloud::Quotas no_request_quotas(const cloud::Delays& delays) {
  cloud::Quotas quotas = cloud::Quotas::from(delays);
  quotas.reads_per_minute = cloud::kCountMax;
  quotas.writes_per_minute = cloud::kCountMax;
  quotas.operation_reads_per_minute = cloud::kCountMax;
  return quotas;
}

cloud::Counters difference(const cloud::Counters& now, const cloud::Counters& before) {
  cloud::Counters out;
  out.reads = now.reads - before.reads;
  out.writes = now.writes - before.writes;
  out.operation_reads = now.operation_reads - before.operation_reads;
  for (size_t i = 0; i < cloud::kCallCount; ++i)
    out.by_call[i] = now.by_call[i] - before.by_call[i];
  return out;
}

// Nothing is under way at the addresses: this is not about their connections.
class IdleService final : public vip::Service {
 public:
  void begin(Vip, uint64_t) override {}
  Task<void> drain(Vip, Nanos) override { co_return; }
  Task<void> finish(Vip, Nanos) override { co_return; }
  void end(Vip) override {}
  bool well() override { return true; }
};

}  // namespace

struct ScaleWorld::Node {
  Node(ScaleWorld& world, size_t number)
      : link(world.env_, world.coordinator_), guest(world.env_, world, number) {}
  CutLink link;
  ScaleGuest guest;
  IdleService service;
  std::shared_ptr<vip::Holder> holder;
  bool cut = false;
};

ScaleWorld::ScaleWorld(const ScaleSpec& spec)
    : spec_(spec),
      env_(spec.seed),
      random_(spec.seed ^ 0x7363616c65),
      memory_(env_),
      coordinator_(env_, memory_),
      pool_(scale_pool(spec)),
      timing_(vip::Timing::of(spec.lease)) {}

ScaleWorld::~ScaleWorld() = default;

Status ScaleWorld::build() {
  ATOLL_TRY_STATUS(vip::check_pool(pool_));
  env_.run_for(cloud::kQuotaWindow - kScaleSettleLead);
  // It comes up without delays and quotas: how long that takes is not the question.
  cloud_ = std::make_unique<cloud::EmulatedCompute>(env_, spec_.seed, cloud::Delays::zero());
  cloud_->set_quotas(no_request_quotas(spec_.delays));
  compute_ = std::make_unique<MeteredCompute>(env_, *cloud_, [this] { return waiting(); });
  const bool segment = spec_.mover == "linux-arp";
  if (!segment) ATOLL_TRY_STATUS(build_scale_cloud(*cloud_, pool_, spec_.delays));
  for (size_t i = 0; i < pool_.nodes.size(); ++i) {
    by_instance_[pool_.nodes[i].instance] = i;
    nodes_.push_back(std::make_unique<Node>(*this, i));
  }
  cloud_->set_probe([this](cloud::InstanceRef ref, std::string_view address) {
    const std::optional<size_t> node = node_of(ref);
    if (!node || nodes_[*node]->cut) return false;
    if (spec_.mover == "gcp-pool") return true;
    const Result<Vip> vip = Vip::parse(address);
    return vip && nodes_[*node]->guest.open_for(*vip);
  });
  cloud_->on_data_plane_change([this] { look(); });
  // A machine made anew is not in the domain that was lost.
  cloud_->on_instance_change([this](const cloud::Instance& instance) {
    if (const auto node = node_of(instance.ref)) nodes_[*node]->cut = false;
    look();
  });
  ATOLL_TRY(mover_, vip::make_mover(spec_.mover, env_, segment ? nullptr : compute_.get()));
  return env_.run(mover_->check(pool_));
}

void ScaleWorld::start_nodes() {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = *nodes_[i];
    vip::Holder::Options options;
    options.pool = pool_;
    // All that a node needs to know of the others is their records.
    options.pool.nodes = {pool_.nodes[i]};
    options.pool.services.clear();
    options.node = pool_.nodes[i].name;
    options.incarnation = "1";
    options.timing = timing_;
    options.duties = mover_->duties();
    node.holder = std::make_shared<vip::Holder>(env_, node.link, node.guest, node.service,
                                                std::move(options));
    const Status started = env_.run(node.holder->start());
    ATOLL_CHECK(started.has_value());  // the times and the pool are checked
    // Their renewals do not come together.
    env_.run_for(timing_.renew_interval / static_cast<int64_t>(nodes_.size()));
  }
}

Status ScaleWorld::start_controller() {
  vip::Controller::Options options;
  options.pool = pool_;
  options.name = "controller";
  options.timing = timing_;
  options.observe = [this](const vip::Event& event) { observe(event); };
  controller_ = std::make_shared<vip::Controller>(env_, coordinator_, *mover_, std::move(options));
  return env_.run(controller_->start());
}

Status ScaleWorld::settle() {
  if (spec_.mover != "gcp-pool") {
    start_nodes();
    ATOLL_TRY_STATUS(start_controller());
  }
  const Nanos limit = env_.now() + kScaleSettleLimit;
  const auto is_bad = [this](Vip vip) { return !is_good(vip); };
  while (std::ranges::any_of(pool_.addresses, is_bad)) {
    if (env_.now() >= limit)
      return fail(Errc::kTimeout, fmt::format("{} of {} addresses are not served: {}",
                                              std::ranges::count_if(pool_.addresses, is_bad),
                                              pool_.addresses.size(), why_missing()));
    env_.run_for(kScaleStep);
  }
  const Nanos window = (env_.now() / cloud::kQuotaWindow + 1) * cloud::kQuotaWindow;
  env_.run_for(window - env_.now());
  cloud_->set_delays(spec_.delays);
  cloud_->set_quotas(cloud::Quotas::from(spec_.delays));
  env_.run_for(random_.between(Nanos(0), kScaleCutPhase));
  return {};
}

void ScaleWorld::cut_domain() {
  // The first domain: it is not smaller than the others.
  const std::string domain = pool_.nodes.front().domain;
  for (const Vip vip : pool_.addresses) {
    const std::optional<size_t> node = delivered_to(vip);
    if (!node || pool_.nodes[*node].domain != domain) continue;
    tracks_[vip];
    missing_.insert(vip);
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (pool_.nodes[i].domain != domain) continue;
    nodes_[i]->cut = true;
    nodes_[i]->link.cut();
  }
  cut_at_ = env_.now();
  before_ = cloud_->counters();
  compute_->forget();
}

void ScaleWorld::recover(ScaleRow* row) {
  row->nodes_lost = static_cast<size_t>(
      std::ranges::count_if(nodes_, [](const auto& node) { return node->cut; }));
  row->concerned = tracks_.size();
  const Nanos limit = *cut_at_ + kScaleRecoverLimit;
  while (!missing_.empty() && env_.now() < limit) env_.run_for(kScaleStep);
  row->calls_until_back = difference(cloud_->counters(), before_);
  row->missing = missing_.size();
  row->state = missing_.empty() ? ScaleState::kBack : ScaleState::kMissing;
  if (!missing_.empty()) row->reason = why_missing();
  env_.run_for(spec_.mover == "gcp-route" ? kScaleAfterRoute : kScaleAfter);
  row->calls = difference(cloud_->counters(), before_);
  row->limits = compute_->hits();
  for (LimitHit& hit : row->limits) hit.first -= *cut_at_;
  for (const auto& [vip, track] : tracks_) {
    if (track.given) row->given.sorted.push_back(*track.given);
    if (track.taken) row->taken.sorted.push_back(*track.taken);
    if (track.back) row->back.sorted.push_back(*track.back);
  }
  for (Moments* moments : {&row->given, &row->taken, &row->back})
    std::ranges::sort(moments->sorted);
  row->moves = moves_;
  row->split_brain_instants = split_brain_;
}

// Every task ends, so that nothing of this world is left.
void ScaleWorld::end() {
  memory_.set_available(false);  // leases need not be released one by one
  if (controller_) controller_->stop();
  for (const auto& node : nodes_)
    if (node->holder) node->holder->stop();
  if (controller_) env_.run(controller_->stopped());
  for (const auto& node : nodes_)
    if (node->holder) env_.run(node->holder->stopped());
}

// --- What is seen ---

std::optional<size_t> ScaleWorld::node_of(const cloud::InstanceRef& instance) const {
  const auto found = by_instance_.find(instance);
  if (found == by_instance_.end()) return std::nullopt;
  return found->second;
}

std::optional<size_t> ScaleWorld::delivered_to(Vip vip) const {
  if (spec_.mover == "linux-arp") {
    const auto found = arp_.find(vip);
    if (found == arp_.end()) return std::nullopt;
    return found->second;
  }
  const auto instance = cloud_->delivered_to(pool_.network, vip.to_string());
  if (!instance) return std::nullopt;
  return node_of(*instance);
}

// Somebody who can be reached answers, and the network delivers to him.
bool ScaleWorld::is_good(Vip vip) const {
  const std::optional<size_t> node = delivered_to(vip);
  if (!node || nodes_[*node]->cut) return false;
  if (spec_.mover == "gcp-pool") return true;
  return nodes_[*node]->guest.open_for(vip);
}

void ScaleWorld::look() {
  const std::vector<Vip> missing(missing_.begin(), missing_.end());
  for (const Vip vip : missing) look_at(vip);
}

void ScaleWorld::look_at(Vip vip) {
  if (!missing_.contains(vip) || !is_good(vip)) return;
  tracks_[vip].back = env_.now() - *cut_at_;
  missing_.erase(vip);
}

void ScaleWorld::observe(const vip::Event& event) {
  if (!cut_at_ || event.kind != vip::Event::Kind::kGiven) return;
  const auto track = tracks_.find(event.vip);
  if (track == tracks_.end()) return;
  ++moves_;
  if (!track->second.given) track->second.given = env_.now() - *cut_at_;
}

void ScaleWorld::opened(size_t node, Vip vip, Nanos until) {
  Owner& owner = owners_[vip];
  if (owner.node != node && owner.until > env_.now()) ++split_brain_;
  const bool is_new = owner.node != node || owner.until <= env_.now();
  owner = {node, until};
  if (!is_new || !cut_at_ || nodes_[node]->cut) return;
  const auto track = tracks_.find(vip);
  if (track == tracks_.end()) return;
  if (!track->second.taken) track->second.taken = env_.now() - *cut_at_;
  look_at(vip);
}

void ScaleWorld::closed(size_t node, Vip vip) {
  Owner& owner = owners_[vip];
  if (owner.node == node) owner.until = Nanos(0);
}

void ScaleWorld::announced(size_t node, Vip vip) {
  if (nodes_[node]->cut) return;
  if (spec_.mover == "gcp-garp") cloud_->garp(pool_.nodes[node].instance, vip.to_string());
  if (spec_.mover != "linux-arp") return;
  arp_[vip] = node;
  look_at(vip);
}

std::string ScaleWorld::why_missing() const {
  if (!controller_) return "their instances were not made anew";
  if (controller_->unfinished().empty()) return "no reason is known";
  const vip::Unfinished& first = controller_->unfinished().front();
  return fmt::format("{} are unfinished, the first is {}: {}", controller_->unfinished().size(),
                     first.vip.to_string(), first.why.to_string());
}

}  // namespace atl::lab
