// AliasMover: one interface's list changed under its fingerprint, and addresses that are in use.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/planted_bug.h"
#include "base/probe.h"
#include "vip/movers/alias_list.h"
#include "vip/movers/alias_mover.h"
#include "vip/movers/alias_round.h"

namespace atl::vip {
namespace {

// Both a stale fingerprint and a held address are kConflict; compute.h says how to tell.
bool is_in_use(const Error& error) {
  return error.code == Errc::kConflict && error.message.find("IP_IN_USE") != std::string::npos;
}

std::string key_of(const NodeSpec& node) {
  return fmt::format("{}/{}/{}", node.instance.zone, node.instance.name, node.nic);
}

std::string text_of(const std::string& fingerprint, const std::vector<cloud::AliasRange>& list) {
  std::string out = fingerprint;
  for (const cloud::AliasRange& range : list) out += " " + range.cidr + " " + range.range_name;
  return out;
}

std::string text_of(const std::set<Vip>& vips) {
  std::string out;
  for (Vip vip : vips) out += (out.empty() ? "" : ", ") + vip.to_string();
  return out;
}

}  // namespace

struct AliasMover::Turn {
  std::shared_ptr<Line> line;
  env::Permit permit;
};

Task<Result<AliasMover::Turn>> AliasMover::take_turn(std::shared_ptr<Line> line) {
  co_await line->turn.acquire();
  Turn turn{line, env::Permit(&line->turn, 1)};
  co_return std::move(turn);
}

Task<Status> AliasMover::edit(Job* job, Nic* nic, std::set<Vip> remove, std::set<Vip> add) {
  const std::shared_ptr<Line> line = line_of(*nic->node);
  const Leaving leaving(line, *job, remove);
  // Not got in time: another round's change hangs, and this one goes on beside it.
  Task<Result<Turn>> waiting = take_turn(line);
  const Result<Turn> turn =
      co_await env::with_timeout<Turn>(env_, kInterfaceTurn, std::move(waiting));
  if (!turn) ATOLL_PROBE("vip: an interface is changed beside a change that hangs");
  if (nic->seen_changes != line->changes) co_await look_at(job, nic);
  co_return co_await edit_in_turn(job, nic, remove, std::move(add));
}

Task<Status> AliasMover::edit_in_turn(Job* job, Nic* nic, std::set<Vip> remove, std::set<Vip> add) {
  const NodeSpec& node = *nic->node;
  const std::shared_ptr<Line> line = line_of(node);
  int stale = 0;
  int unchanged = 0;
  for (;;) {
    job->keep_what_may_move(&remove);
    job->keep_what_may_move(&add);
    if (remove.empty() && add.empty()) co_return Status{};
    if (!nic->seen && nic->gone && add.empty()) co_return Status{};
    if (!nic->seen) co_return fail(nic->seen.error());
    std::set<Vip> all_that_leave = remove;
    for (const Leaving* other : line->leaving) other->add_to(&all_that_leave);
    for (Vip vip : add) all_that_leave.erase(vip);
    std::vector<cloud::AliasRange> list =
        edited(nic->seen->aliases, all_that_leave, add, job->pool.alias_range);
    if (list == nic->seen->aliases) co_return Status{};

    const May may = [job, remove, add] {
      const auto wanted = [job](Vip vip) { return job->may_move(vip); };
      return std::ranges::all_of(remove, wanted) && std::ranges::all_of(add, wanted);
    };
    bool taken = false;
    const Status done = co_await set_list(job, nic, std::move(list), may, &taken);
    const int reads = done ? kVerifyReads : 1;
    if (co_await seen_after(job, nic, remove, add, reads)) co_return Status{};
    if (!may() || !nic->seen) continue;  // what is wanted has changed; gone, or cannot be read

    if (done) {
      ATOLL_PROBE("vip: an operation is done and the aliases did not change");
      const Error why(Errc::kStale, fmt::format("the operation is DONE, yet the aliases of {} did "
                                                "not change: remove [{}] add [{}]",
                                                node.name, text_of(remove), text_of(add)));
      for (Vip vip : remove)
        if (nic->has(remove).contains(vip)) strikes_.strike(vip, why);
      for (Vip vip : add)
        if (!nic->has(add).contains(vip)) strikes_.strike(vip, why);
      if (++unchanged >= kUnchangedTries) co_return fail(why);
      continue;
    }
    if (taken && done.error().code == Errc::kTimeout) {
      for (Vip vip : remove) strikes_.strike(vip, done.error());
      for (Vip vip : add) strikes_.strike(vip, done.error());
    }
    const bool read_again = done.error().code == Errc::kConflict && !is_in_use(done.error());
    if (!read_again || ++stale >= kFingerprintTries) co_return done;
    ATOLL_PROBE("vip: the fingerprint of an interface was stale");
  }
}

// One request for the whole list, and the end of its operation.
Task<Status> AliasMover::set_list(Job* job, Nic* nic, std::vector<cloud::AliasRange> list, May may,
                                  bool* taken) {
  const NodeSpec& node = *nic->node;
  const std::string key = key_of(node);
  // What the API makes of a request without the field: the list stays as it is.
  if (list.empty() && planted(PlantedBug::kOmitEmptyAliasList)) list = nic->seen->aliases;
  const std::set<Vip> there = addresses_in(list, job->addresses);
  const std::string fingerprint = nic->seen->fingerprint;
  const std::string id = ids_.id_for(key, text_of(fingerprint, list));
  Result<cloud::Operation> operation = co_await job->round.set_aliases(
      node.instance, node.nic, fingerprint, std::move(list), id, std::move(may));
  *taken = operation.has_value();
  // Other rounds look for them there from now on, whether the change is seen yet or not.
  if (operation) held_[node.name].insert(there.begin(), there.end());
  Status done;
  if (operation) {
    done = co_await job->round.finish(*operation);
  } else {
    done = fail(operation.error());
  }
  ++line_of(node)->changes;
  // An operation that was polled to its deadline is given up: the next request is another one, and
  // the fingerprint keeps the two from both being made.
  if (operation || !outcome_unknown(done.error())) ids_.settle(key);
  co_return done;
}

Task<bool> AliasMover::seen_after(Job* job, Nic* nic, std::set<Vip> remove, std::set<Vip> add,
                                  int reads) {
  Nanos pause = kVerifyPause;
  for (int i = 0; i < reads; ++i) {
    if (i > 0) {
      co_await job->round.pause(pause);
      pause *= 2;
    }
    co_await look_at(job, nic);
    if (!nic->seen) co_return false;
    if (nic->has(remove).empty() && nic->has(add) == add) co_return true;
  }
  co_return false;
}

Task<Status> AliasMover::give_batch(Job* job, Nic* nic, std::set<Vip> add) {
  Status done;
  const std::set<Vip> none;
  for (int i = 0; i < kInUseTries; ++i) {
    done = co_await edit(job, nic, none, add);
    if (done || !is_in_use(done.error())) co_return done;
    ATOLL_PROBE("vip: an address to be added is in use");
    if (!co_await free_elsewhere(job, nic, add)) break;
  }
  // Still in use and not at any node's own /32: say what covers it, if it is of this pool.
  for (Vip vip : add) {
    for (const auto& [name, other] : job->nics) {
      if (!other->seen) continue;
      const auto wider = wider_range(other->seen->aliases, vip);
      if (!wider) continue;
      const std::string what =
          fmt::format("{} of {} covers {}", wider->cidr, name, vip.to_string());
      co_return fail(Errc::kConflict, what + ": " + done.error().message);
    }
  }
  const std::string what = "no node of the pool has it, something else does: ";
  co_return fail(Errc::kConflict, what + done.error().message);
}

// For one of them at least this is the first search in a long time, and the first of the round.
bool AliasMover::search_is_due(Job* job, const std::set<Vip>& vips) {
  bool due = false;
  for (Vip vip : vips) {
    auto [at, first] = searched_.try_emplace(vip, env_.now());
    const bool again = first || env_.now() - at->second >= kSearchEvery;
    if (again) at->second = env_.now();
    due = due || again;
  }
  return due && !std::exchange(job->searched, true);
}

// Looks at every node, if it is time, and takes the addresses from those that should not have them.
Task<bool> AliasMover::free_elsewhere(Job* job, Nic* target, std::set<Vip> vips) {
  env::Permit lock = co_await job->search.lock();
  if (search_is_due(job, vips)) {
    std::set<NodeName> all;
    for (const auto& [name, nic] : job->nics)
      if (nic->removed.is_set()) all.insert(name);  // those that are being changed know themselves
    co_await look(job, std::move(all));
  }
  std::vector<Task<Status>> edits;
  for (auto& [name, nic] : job->nics) {
    if (nic.get() == target) continue;
    std::set<Vip> there = nic->has(vips);
    if (there.empty()) continue;
    const std::set<Vip> none;
    edits.push_back(edit(job, nic.get(), std::move(there), none));
  }
  if (edits.empty()) co_return false;
  std::vector<Status> done = co_await env::when_all(env_, std::move(edits));
  for (const Status& status : done)
    if (!status) ATOLL_PROBE("vip: an address in use could not be taken from a node");
  co_return true;
}

}  // namespace atl::vip
