#include "vip/movers/alias_mover.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/probe.h"
#include "vip/movers/alias_list.h"
#include "vip/movers/alias_round.h"

namespace atl::vip {

std::set<Vip> AliasMover::Nic::has(const std::set<Vip>& addresses) const {
  return seen ? addresses_in(seen->aliases, addresses) : std::set<Vip>{};
}

AliasMover::Job::Job(AliasMover& mover, const Pool& p, const std::vector<Wanted>& all, MayGoOn go)
    : pool(p),
      addresses(p.addresses.begin(), p.addresses.end()),
      round(mover.env_, mover.compute_),
      may(std::move(go)) {
  for (const NodeSpec& node : pool.nodes) {
    auto nic = std::make_unique<Nic>();
    nic->node = &node;
    nics.emplace(node.name, std::move(nic));
  }
  for (const Wanted& want : all) wanted[want.vip] = want.node;
}

AliasMover::Nic* AliasMover::Job::nic_of(const NodeName& node) {
  auto found = nics.find(node);
  return found == nics.end() ? nullptr : found->second.get();
}

void AliasMover::Job::set_trouble(const std::set<Vip>& vips, const Error& why) {
  for (Vip vip : vips) trouble.insert_or_assign(vip, why);
}

bool AliasMover::Job::may_move(Vip vip) const {
  auto want = wanted.find(vip);
  return want != wanted.end() && may(vip, want->second);
}

void AliasMover::Job::keep_what_may_move(std::set<Vip>* vips) {
  for (auto it = vips->begin(); it != vips->end();) {
    if (may_move(*it)) {
      ++it;
      continue;
    }
    ATOLL_PROBE("vip: an address is wanted elsewhere while it is moved");
    trouble.insert_or_assign(*it, not_wanted_any_more());
    it = vips->erase(it);
  }
}

AliasMover::AliasMover(env::Env& env, cloud::Compute& compute)
    : env_(env), compute_(compute), ids_(env), strikes_("gcp-alias") {}

Task<Outcome> AliasMover::reconcile(const Pool& pool, std::vector<Wanted> wanted,
                                    std::set<Vip> urgent, MayGoOn may) {
  Job job(*this, pool, wanted, std::move(may));
  std::erase_if(held_, [&](const auto& entry) { return !job.nics.contains(entry.first); });

  co_await look_at_what_matters(&job, std::move(urgent));
  plan(&job);
  co_await carry_out(&job);
  // What a lost answer or a later search brought in place after all.
  for (const auto& [vip, node] : job.wanted) {
    Nic* nic = job.nic_of(node);
    if (nic != nullptr && nic->has(job.addresses).contains(vip)) job.trouble.erase(vip);
    if (!job.trouble.contains(vip)) searched_.erase(vip);
  }

  Outcome outcome;
  outcome.unfinished = strikes_.conclude(wanted, job.trouble);
  outcome.api_calls = job.round.api_calls();
  outcome.changes = job.round.changes();
  co_return outcome;
}

Task<void> AliasMover::look_at_what_matters(Job* job, std::set<Vip> urgent) {
  std::set<NodeName> all;
  for (const auto& [name, nic] : job->nics) all.insert(name);
  if (!first_look_) {
    first_look_ = true;
    co_await look(job, std::move(all));
    known_.set();
    co_return;
  }
  // Who had the addresses is not known before; if that takes long, "in use" will say it.
  if (!known_.is_set()) {
    Task<Result<bool>> first = all_looked_at();
    (void)co_await env::with_timeout<bool>(env_, kFirstLookPatience, std::move(first));
  }
  std::set<NodeName> nodes = nodes_that_matter(*job, urgent);
  if (urgent.empty()) nodes.merge(rotation_.next(all, kLooksPerRound));
  co_await look(job, std::move(nodes));
}

Task<Result<bool>> AliasMover::all_looked_at() {
  co_await known_.wait();
  co_return true;
}

std::set<NodeName> AliasMover::nodes_that_matter(const Job& job,
                                                 const std::set<Vip>& urgent) const {
  std::set<NodeName> out;
  for (const auto& [vip, node] : job.wanted) {
    auto at_target = held_.find(node);
    const bool in_place = at_target != held_.end() && at_target->second.contains(vip);
    if (in_place && !urgent.contains(vip)) continue;
    out.insert(node);
    for (const auto& [holder, held] : held_)
      if (held.contains(vip)) out.insert(holder);
  }
  return out;
}

Task<void> AliasMover::look(Job* job, std::set<NodeName> nodes) {
  std::vector<Task<void>> looks;
  for (const NodeName& node : nodes)
    if (Nic* nic = job->nic_of(node)) looks.push_back(look_at(job, nic));
  co_await env::when_all(env_, std::move(looks));
}

Task<void> AliasMover::look_at(Job* job, Nic* nic) {
  const uint64_t number = ++looks_;
  const uint64_t changes = line_of(*nic->node)->changes;
  Result<cloud::Instance> instance = co_await job->round.instance(nic->node->instance);
  nic->seen_changes = changes;
  nic->looked = true;
  nic->gone = !instance && instance.error().code == Errc::kNotFound;
  if (!instance) {
    nic->seen = fail(std::move(instance.error()).with_context("node " + nic->node->name));
  } else if (const cloud::NetworkInterface* found = instance->find(nic->node->nic)) {
    nic->seen = *found;
  } else {
    nic->seen = fail(Errc::kInvalidArgument,
                     fmt::format("node {} has no interface {}", nic->node->name, nic->node->nic));
  }
  take_in(job, nic, number);
}

std::shared_ptr<AliasMover::Line> AliasMover::line_of(const NodeSpec& node) {
  std::shared_ptr<Line>& line = lines_[node.name];
  if (!line) line = std::make_shared<Line>();
  return line;
}

void AliasMover::take_in(Job* job, Nic* nic, uint64_t number) {
  // Another round may have looked since.
  if (number < held_as_of_[nic->node->name]) return;
  held_as_of_[nic->node->name] = number;
  if (nic->seen) held_[nic->node->name] = nic->has(job->addresses);
  if (nic->gone) held_.erase(nic->node->name);
}

void AliasMover::plan(Job* job) {
  job->trouble.clear();  // whatever holds still is found again
  for (auto& [name, nic] : job->nics) {
    nic->remove.clear();
    nic->add.clear();
    nic->removed.reset();
    for (Vip vip : nic->has(job->addresses)) {
      auto want = job->wanted.find(vip);
      if (want != job->wanted.end() && want->second != name) nic->remove.insert(vip);
    }
  }
  for (const auto& [vip, node] : job->wanted) {
    Nic* nic = job->nic_of(node);
    if (nic == nullptr) {
      job->trouble[vip] = Error(Errc::kInvalidArgument, "node " + node + " is not of the pool");
    } else if (nic->looked && !nic->seen) {
      job->trouble[vip] = nic->seen.error();
    } else if (nic->looked && !nic->has(job->addresses).contains(vip)) {
      nic->add.insert(vip);
    }
  }
}

Task<void> AliasMover::carry_out(Job* job) {
  std::vector<Task<void>> tasks;
  for (auto& [name, nic] : job->nics) {
    if (nic->remove.empty()) {
      nic->removed.set();
    } else {
      tasks.push_back(take_away(job, nic.get()));
    }
  }
  for (auto& [name, nic] : job->nics)
    if (!nic->add.empty()) tasks.push_back(give(job, nic.get()));
  co_await env::when_all(env_, std::move(tasks));
}

Task<void> AliasMover::take_away(Job* job, Nic* nic) {
  const std::set<Vip> none;
  Status done = co_await edit(job, nic, nic->remove, none);
  if (!done) {
    std::set<Vip> still = nic->seen ? nic->has(nic->remove) : nic->remove;
    const std::string where = "take from " + nic->node->name;
    job->set_trouble(still, std::move(done.error()).with_context(where));
  }
  nic->removed.set();
}

// Waits for the interfaces that lose addresses to this one, and for its own losses, which make
// room.
Task<void> AliasMover::give(Job* job, Nic* nic) {
  co_await nic->removed.wait();
  std::set<Vip> add;
  for (Vip vip : nic->add) {
    bool is_free = true;
    for (auto& [name, other] : job->nics) {
      if (!other->remove.contains(vip)) continue;
      co_await other->removed.wait();
      is_free = is_free && !job->trouble.contains(vip);
    }
    if (is_free) add.insert(vip);
  }
  if (!nic->seen) {
    job->set_trouble(add, nic->seen.error());
    co_return;
  }
  const size_t there = nic->seen->aliases.size();
  const size_t room = cloud::kAliasRangesMax - std::min(cloud::kAliasRangesMax, there);
  while (add.size() > room) {
    ATOLL_PROBE("vip: an interface is full");
    auto last = std::prev(add.end());
    job->trouble[*last] =
        Error(Errc::kNoSpace, fmt::format("{} of {} has {} alias ranges of {}", nic->node->nic,
                                          nic->node->name, there, cloud::kAliasRangesMax));
    add.erase(last);
  }
  if (add.empty()) co_return;
  Status done = co_await give_batch(job, nic, add);
  if (done) co_return;
  // An address that cannot be had must not hold up those beside it.
  const bool taken = done.error().code == Errc::kConflict;
  for (Vip vip : add) {
    if (nic->seen && nic->has(add).contains(vip)) continue;
    if (taken && add.size() > 1) {
      std::set<Vip> one{vip};
      done = co_await give_batch(job, nic, std::move(one));
      if (done) continue;
    }
    Error why = done.error();
    job->trouble.insert_or_assign(vip, std::move(why).with_context("give to " + nic->node->name));
  }
}

}  // namespace atl::vip
