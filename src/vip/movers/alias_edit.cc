// AliasMover: one interface's list changed under its fingerprint, and addresses that are in use.

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

Task<Status> AliasMover::edit(Job* job, Nic* nic, std::set<Vip> remove, std::set<Vip> add) {
  env::Permit lock = co_await nic->busy.lock();
  const NodeSpec& node = *nic->node;
  const std::string key = key_of(node);
  int stale = 0;
  int unchanged = 0;
  for (;;) {
    if (!nic->seen && nic->gone && add.empty()) co_return Status{};
    if (!nic->seen) co_return fail(nic->seen.error());
    std::vector<cloud::AliasRange> list =
        edited(nic->seen->aliases, remove, add, job->pool.alias_range);
    if (list == nic->seen->aliases) co_return Status{};
    // What the API makes of a request without the field: the list stays as it is.
    if (list.empty() && planted(PlantedBug::kOmitEmptyAliasList)) list = nic->seen->aliases;

    const std::string fingerprint = nic->seen->fingerprint;
    const std::string id = ids_.id_for(key, text_of(fingerprint, list));
    Result<cloud::Operation> taken =
        co_await job->round.set_aliases(node.instance, node.nic, fingerprint, std::move(list), id);
    Status done;
    if (taken) {
      done = co_await job->round.finish(*taken);
    } else {
      done = fail(taken.error());
    }
    // An operation that was polled to its deadline is given up: the next request is another one,
    // and the fingerprint keeps the two from both being made.
    if (taken || !outcome_unknown(done.error())) ids_.settle(key);
    const int reads = done ? kVerifyReads : 1;
    if (co_await seen_after(job, nic, remove, add, reads)) co_return Status{};
    if (!nic->seen) continue;  // gone, or cannot be read

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
    co_await free_elsewhere(job, nic, add);
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

// Looks at every node, once a round, and takes the addresses from those that should not have them.
Task<void> AliasMover::free_elsewhere(Job* job, Nic* target, std::set<Vip> vips) {
  env::Permit lock = co_await job->search.lock();
  if (!job->searched) {
    job->searched = true;
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
  std::vector<Status> done = co_await env::when_all(env_, std::move(edits));
  for (const Status& status : done)
    if (!status) ATOLL_PROBE("vip: an address in use could not be taken from a node");
}

}  // namespace atl::vip
