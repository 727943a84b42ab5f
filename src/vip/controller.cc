#include "vip/controller.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"

namespace atl::vip {

static_assert(kPoolNodesMax + 1 <= coord::kMaxLeases);

Controller::Controller(env::Env& env, coord::Coordinator& coordinator, Mover& mover,
                       Options options)
    : env_(env), coordinator_(coordinator), mover_(mover), options_(std::move(options)) {}

Task<Status> Controller::start() {
  ATOLL_CO_TRY_STATUS(options_.timing.check());
  ATOLL_CO_TRY_STATUS(check_pool(options_.pool));
  if (!mover_.floats())
    co_return fail(Errc::kUnsupported,
                   fmt::format("nothing floats with {}: an address is its instance's until that is "
                               "replaced, and no controller is needed; let clients follow the "
                               "pool's name in DNS",
                               mover_.name()));
  Status can = co_await mover_.check(options_.pool);
  // A cloud that does not answer now is no reason to leave the addresses to nobody.
  if (!can && can.error().code != Errc::kUnavailable && can.error().code != Errc::kTimeout &&
      can.error().code != Errc::kBusy)
    co_return fail(std::move(can).error());
  for (const NodeSpec& node : options_.pool.nodes) nodes_[node.name];
  tasks_ = 1;
  env_.spawn("vip.lead", lead());
  co_return Status();
}

void Controller::stop() {
  stopping_ = true;
}

void Controller::tell(Event event) const {
  if (options_.observe) options_.observe(event);
}

void Controller::task_ended() {
  if (--tasks_ == 0) ended_.set();
}

// --- Who should have what ---

Task<void> Controller::lead() {
  auto self = shared_from_this();
  const std::string prefix = pool_prefix(options_.pool.name);
  while (!stopping_) {
    co_await campaign();
    if (leads_) {
      const Status done = co_await round();
      if (!done) ATOLL_LOG(kWarn, "vip", "round not finished", {{"why", done.error().to_string()}});
      follow_with_the_network();
    }
    // A node that loses its lease changes no key: the tick finds it.
    Nanos limit = options_.timing.tick;
    if (planted(PlantedBug::kLoseNotification)) limit = coord::kMaxWait;
    const Result<uint64_t> now = co_await coordinator_.wait_change(prefix, revision_, limit);
    if (now)
      revision_ = *now;
    else
      co_await env_.sleep(options_.timing.tick);
  }
  if (leads_)
    (void)co_await coordinator_.lease_release(leader_lease(options_.pool.name), options_.name);
  leads_ = false;
  task_ended();
}

Task<void> Controller::campaign() {
  const Nanos sent = env_.now();
  Task<Status> call = coordinator_.lease_acquire(leader_lease(options_.pool.name), options_.name,
                                                 options_.timing.lease);
  const Status won = co_await env::with_timeout(env_, options_.timing.lease / 2, std::move(call));
  if (won) {
    if (!leads_) {
      tell({.kind = Event::Kind::kLeads});
      ATOLL_LOG(kInfo, "vip", "leads", {{"pool", options_.pool.name}, {"name", options_.name}});
      for (auto& [name, view] : nodes_) view = NodeView();
      many_cut_ = false;
      few_cut_since_ = env_.now();
      // Of before; a round that is still under way goes on when the records are read again.
      records_.clear();
      delivered_.clear();
      troubles_.clear();
      show_unfinished();
    }
    leads_ = true;
    leads_until_ = sent + options_.timing.validity();
  } else if (won.error().code == Errc::kConflict || env_.now() > leads_until_) {
    if (leads_) tell({.kind = Event::Kind::kFollows});
    leads_ = false;
  }
}

Task<Status> Controller::round() {
  ATOLL_CO_TRY(auto held, co_await read_records());  // 1.
  co_await find_lost_leases(held);                   // 2., after 1.: see vip/holder.h
  weigh_cuts();
  note_records(held);
  const std::map<Vip, NodeName> wanted = plan(held);  // 3.
  std::vector<Task<void>> changes;                    // 4.
  for (const Vip vip : options_.pool.addresses) {
    auto to = wanted.find(vip);
    const NodeName node = to == wanted.end() ? NodeName() : to->second;
    const Held& now = held[vip];
    const NodeName& going = now.record.next.empty() ? now.record.holder : now.record.next;
    const bool holder_up = !now.record.holder.empty() && nodes_[now.record.holder].up;
    if (node.empty() || (now.record.holder == node && now.record.next.empty())) continue;
    if (holder_up && going == node) continue;  // asked already
    changes.push_back(change(vip, now, node));
  }
  if (!changes.empty()) co_await env::when_all(env_, std::move(changes));
  co_return Status();
}

Task<Result<std::map<Vip, Controller::Held>>> Controller::read_records() {
  const std::string pool = options_.pool.name;
  ATOLL_CO_TRY(auto listed, co_await coordinator_.list(pool_prefix(pool)));
  std::map<Vip, Held> held;
  std::set<NodeName> drains, cuts;
  for (const coord::KeyValue& kv : listed) {
    if (kv.key.starts_with(drain_prefix(pool))) {
      drains.insert(kv.key.substr(drain_prefix(pool).size()));
      continue;
    }
    if (kv.key.starts_with(cut_prefix(pool))) {
      cuts.insert(kv.key.substr(cut_prefix(pool).size()));
      continue;
    }
    if (!kv.key.starts_with(record_prefix(pool))) continue;
    const Result<Vip> vip = record_vip(pool, kv.key);
    const Result<Record> record = Record::decode(kv.versioned.value);
    if (!vip || !record) {
      ATOLL_LOG(kError, "vip", "record not understood, left alone",
                {{"key", kv.key}, {"why", (vip ? record.error() : vip.error()).to_string()}});
      continue;
    }
    held[*vip] = {*record, kv.versioned.version};
  }
  drains_ = std::move(drains);
  if (!planted(PlantedBug::kIgnoreReach)) cuts_ = std::move(cuts);
  co_return held;
}

// A node's lease that we can take has expired or was released: the node is silent by now. We do not
// keep it; the compare-and-swaps of 4. fail if the node comes back and claims.
Task<bool> Controller::lease_is_free(NodeName node) {
  const std::string name = node_lease(options_.pool.name, node);
  const std::string probe = "probe of " + options_.name;
  if (planted(PlantedBug::kTakeBeforeLeaseEnd) && env_.random() % 64 == 0) co_return true;
  Task<Status> call = coordinator_.lease_acquire(name, probe, options_.timing.tick);
  const Status taken = co_await env::with_timeout(env_, options_.timing.lease, std::move(call));
  if (!taken) co_return false;
  (void)co_await coordinator_.lease_release(name, probe);
  co_return true;
}

// Every holder of a record is asked about in this very round, those that are no longer in the pool
// too. A node that was down and holds nothing is asked about less often.
Task<void> Controller::find_lost_leases(std::map<Vip, Held> held) {
  std::set<NodeName> holders;
  for (const auto& [vip, state] : held)
    if (!state.record.holder.empty()) holders.insert(state.record.holder);
  std::vector<NodeName> asked(holders.begin(), holders.end());
  for (const NodeSpec& node : options_.pool.nodes) {
    NodeView& view = nodes_[node.name];
    view.draining = drains_.contains(node.name);
    if (holders.contains(node.name) || (!view.up && env_.now() < view.ask_again)) continue;
    asked.push_back(node.name);
  }
  std::vector<Task<bool>> probes;
  for (const NodeName& name : asked) probes.push_back(lease_is_free(name));
  const std::vector<bool> free = co_await env::when_all(env_, std::move(probes));
  for (size_t i = 0; i < free.size(); ++i) {
    NodeView& view = nodes_[asked[i]];
    if (!free[i] && !view.up) view.up_since = env_.now();
    if (free[i] && view.up) {
      tell({.kind = Event::Kind::kLostLease, .from = asked[i]});
      ATOLL_LOG(kWarn, "vip", "node lost its lease", {{"node", asked[i]}});
    }
    view.up = !free[i];
    view.ask_again = env_.now() + options_.timing.lease / 2;
  }
}

std::map<Vip, NodeName> Controller::plan(const std::map<Vip, Held>& held) const {
  bool others = false;  // is there anybody whom clients reach?
  for (const NodeSpec& node : options_.pool.nodes) {
    const NodeView& view = nodes_.at(node.name);
    others |= view.up && !view.draining && !view.cut;
  }
  std::vector<Candidate> candidates;
  for (const auto& [name, view] : nodes_) {
    if (!view.up || options_.pool.find(name) == nullptr) continue;
    const bool goes = view.draining || (others && believed_cut(view));
    const bool settled = !view.cut && env_.now() - view.up_since >= options_.timing.settle;
    candidates.push_back({name, !goes, settled});
  }
  std::map<Vip, NodeName> now;
  for (const auto& [vip, state] : held) {
    const Record& record = state.record;
    now[vip] = record.next.empty() ? record.holder : record.next;
    // A next that went away meanwhile: the holder keeps it if it may.
    auto next = nodes_.find(now[vip]);
    if (next == nodes_.end() || !next->second.up) now[vip] = record.holder;
  }
  return assign(options_.pool.addresses, candidates, now);
}

Task<void> Controller::change(Vip vip, Held held, NodeName to) {
  Record record = held.record;
  const bool holder_up = !record.holder.empty() && nodes_[record.holder].up;
  if (holder_up) {
    record.next = record.holder == to ? NodeName() : to;  // ask, or take the question back
  } else {
    record.holder = to;
    record.next.clear();
    ++record.generation;
  }
  const Result<uint64_t> changed = co_await coordinator_.compare_and_swap(
      record_key(options_.pool.name, vip), held.version, record.encode());
  if (!changed) {
    ATOLL_PROBE("vip: a record changed under the leader");
    co_return;
  }
  records_[vip] = record;
  tell({.kind = holder_up ? Event::Kind::kAsked : Event::Kind::kGiven,
        .vip = vip,
        .from = held.record.holder,
        .to = to});
  ATOLL_LOG(kInfo, "vip", holder_up ? "asks to hand over" : "gives",
            {{"vip", vip.to_string()}, {"from", held.record.holder}, {"to", to}});
}

void Controller::note_records(const std::map<Vip, Held>& held) {
  for (const auto& [vip, state] : held) records_[vip] = state.record;
}

}  // namespace atl::vip
