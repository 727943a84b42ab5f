#include "plan/movers.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/check.h"

namespace atl::plan {
namespace {

// How an operation is polled: src/vip/movers/round.h, kPollFirst and kPollMost.
constexpr double kPollFirst = 0.25;
constexpr double kPollMost = 2;
constexpr double kPollGrowth = 1.5;
// The API's window (facts of the rate limits page): what is refused waits for the next.
constexpr double kWindow = 60;
// Addresses that wait for quota are looked at in this many groups, in order.
constexpr int kWaitGroups = 16;

struct Step {
  std::string_view delay;
  int times;
};

std::vector<Step> chain_of(std::string_view mover) {
  if (mover == "gcp-alias")
    return {{"api_read", 3}, {"api_write", 2}, {"alias_operation", 2}, {"alias_propagation", 1}};
  if (mover == "gcp-route")
    return {
        {"api_read", 1}, {"api_write", 1}, {"route_insert_operation", 1}, {"route_propagation", 1}};
  if (mover == "gcp-lb") return {{"lb_propagation", 1}};
  if (mover == "gcp-garp") return {{"garp_propagation", 1}};
  if (mover == "gcp-pool") return {{"instance_recreate", 1}};
  ATOLL_CHECK(mover == "linux-arp", mover);
  return {};
}

bool by_api(std::string_view mover) {
  return mover == "gcp-alias" || mover == "gcp-route";
}

// After a planned move the old holder sends on what still arrives (src/vip/mover.h,
// GuestDuties::forward): clients do not wait for the network.
bool sends_on(std::string_view mover, Fault fault) {
  return fault == Fault::kDrain &&
         (mover == "gcp-route" || mover == "gcp-lb" || mover == "gcp-garp");
}

double delay_median(const MoverFacts& facts, std::string_view name) {
  const auto it = facts.delays.find(name);
  ATOLL_CHECK(it != facts.delays.end(), name);
  return it->second.median;
}
double count_of(const MoverFacts& facts, std::string_view name) {
  const auto it = facts.counts.find(name);
  ATOLL_CHECK(it != facts.counts.end(), name);
  return it->second;
}

// Polls until an operation of this length is seen to be done.
double polls(double operation) {
  double n = 1, at = kPollFirst, pause = kPollFirst;
  while (at < operation && pause < kPollMost) {
    pause = std::min(pause * kPollGrowth, kPollMost);
    at += pause;
    ++n;
  }
  return at < operation ? n + std::ceil((operation - at) / kPollMost) : n;
}

// --- What a fault takes away ---

struct Away {
  double nodes = 1;      // lost, or drained
  double addresses = 1;  // that they had
};

Away away(Fault fault, const MoverFacts& f) {
  Away out;
  if (fault == Fault::kDomain) out.nodes = std::ceil(f.nodes / f.domains);
  out.addresses = std::max(1.0, f.addresses * out.nodes / f.nodes);
  return out;
}

// --- When the cloud may begin ---

// The last renewal was up to an interval ago.
std::vector<Start> lease_ends(const MoverFacts& f, double then, double weight = 1) {
  return evenly(f.lease * (1 - f.renewal) + then, f.lease + then, weight);
}

double healthy_wait(const MoverFacts& f) {
  return (count_of(f, "lb_healthy_threshold") - 0.5) * delay_median(f, "lb_probe_interval");
}
// A node that is lost lets the probe run into its timeout.
double unhealthy_wait(const MoverFacts& f) {
  const double interval = delay_median(f, "lb_probe_interval");
  return (count_of(f, "lb_unhealthy_threshold") - 0.5) * interval +
         delay_median(f, "lb_probe_timeout");
}

void no_sooner_than(std::vector<Start>* starts, double time) {
  for (Start& start : *starts) start.at = std::max(start.at, time);
}

// How long the API is busy with one round of moves, on average.
double round_length(std::string_view mover, const MoverFacts& f) {
  double out = 0;
  for (const Step& step : chain_of(mover))
    if (!step.delay.ends_with("_propagation"))
      out += step.times * mean_of(f.delays.find(step.delay)->second);
  return out;
}

std::vector<Start> starts_of(std::string_view mover, Fault fault, const MoverFacts& f,
                             const Away& lost) {
  // Half a look of the controller and half a retry of the client, on average.
  const double notice = f.lease * f.look / 2 + f.retry / 2;
  const bool planned = fault == Fault::kDrain;
  if (sends_on(mover, fault)) return {{notice}};
  if (mover == "gcp-pool") return {{(planned ? 0 : f.silence) + f.retry / 2}};
  if (mover == "gcp-lb") {
    std::vector<Start> out = lease_ends(f, notice + healthy_wait(f));
    no_sooner_than(&out, unhealthy_wait(f) + f.retry / 2);
    return out;
  }
  if (planned) return {{notice}};
  // Nodes of a domain lose their leases one by one. The controller's round takes those that it
  // finds at its first look; the others wait until the round is over.
  const double holders = std::min(lost.nodes, lost.addresses);
  if (!by_api(mover) || holders <= 1) return lease_ends(f, notice);
  const double first = std::clamp(f.look / f.renewal, 1 / holders, 1.0);
  std::vector<Start> out = lease_ends(f, notice, first);
  std::vector<Start> rest = lease_ends(f, notice, 1 - first);
  no_sooner_than(&rest, f.lease * (1 - f.renewal) + notice + round_length(mover, f));
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

// --- Quotas of the API ---

struct Use {
  std::string_view quota;
  double calls = 0;
  double a_minute = 1;
};

std::vector<Use> calls_of(std::string_view mover, const MoverFacts& f, const Away& lost) {
  if (!by_api(mover)) return {};
  double writes = 0, done = 0;
  if (mover == "gcp-alias") {
    // One change of each interface that loses and of each that gains.
    const double left = std::max(1.0, f.nodes - lost.nodes);
    writes = std::min(lost.addresses, lost.nodes) + std::min(lost.addresses, left);
    done = polls(delay_median(f, "alias_operation"));
  } else {
    writes = lost.addresses;
    done = polls(delay_median(f, "route_insert_operation"));
  }
  // Each change is read before and after.
  return {{"writes", writes, count_of(f, "writes_per_minute")},
          {"reads", 2 * writes, count_of(f, "reads_per_minute")},
          {"operation reads", done * writes, count_of(f, "operation_reads_per_minute")}};
}

// Until the call that is that far into all of them may be made: the window in which the fault comes
// has half its length left, on average.
double quota_wait(const std::vector<Use>& uses, double share) {
  double out = 0;
  for (const Use& use : uses) {
    const double windows = std::ceil(share * use.calls / use.a_minute) - 1;
    if (windows >= 1) out = std::max(out, (windows - 0.5) * kWindow);
  }
  return out;
}

}  // namespace

std::vector<std::string> delays_of(std::string_view mover, Fault fault) {
  std::vector<std::string> out;
  if (sends_on(mover, fault)) return out;
  for (const Step& step : chain_of(mover)) out.emplace_back(step.delay);
  if (mover == "gcp-lb") {
    out.emplace_back("lb_probe_interval");
    out.emplace_back("lb_probe_timeout");
  }
  return out;
}

std::vector<std::string> data_of(std::string_view mover, Fault fault) {
  std::vector<std::string> out{"failover.retry"};
  if (mover == "gcp-pool") {
    out.emplace_back("failover.silence");
    return out;
  }
  for (const char* key : {"failover.lease", "failover.renewal", "failover.look"})
    out.emplace_back(key);
  if (sends_on(mover, fault)) return out;
  if (mover == "gcp-lb") {
    out.emplace_back("delay.lb_healthy_threshold.count");
    out.emplace_back("delay.lb_unhealthy_threshold.count");
  }
  if (by_api(mover))
    for (const char* quota : {"writes", "reads", "operation_reads"})
      out.push_back(fmt::format("delay.{}_per_minute.count", quota));
  return out;
}

std::string_view steps_of(std::string_view mover, Fault fault) {
  const bool drain = fault == Fault::kDrain;
  if (sends_on(mover, fault))
    return "a look of the controller; the old holder sends on what still arrives";
  if (mover == "gcp-alias")
    return drain ? "a look of the controller; 3 reads, 2 changes and 2 operations; propagation"
                 : "the rest of the lease; 3 reads, 2 changes and 2 operations; propagation";
  if (mover == "gcp-route")
    return "the rest of the lease; a read, an insertion, its operation; propagation";
  if (mover == "gcp-lb")
    return "the slower of: lease and new holder healthy, old one unhealthy; propagation";
  if (mover == "gcp-garp") return "the rest of the lease; the ARP's propagation";
  if (mover == "gcp-pool")
    return drain ? "the instance is made anew" : "silence; the instance is made anew";
  return drain ? "a look of the controller" : "the rest of the lease";
}

std::string refusal(std::string_view mover, const MoverFacts& f) {
  if (f.addresses > f.pool_addresses)
    return fmt::format("a pool has at most {:.0f} addresses, not {:.0f}", f.pool_addresses,
                       f.addresses);
  if (f.nodes > f.pool_nodes)
    return fmt::format("a pool has at most {:.0f} nodes, not {:.0f}", f.pool_nodes, f.nodes);
  if (mover == "gcp-alias") {
    const double left = std::max(1.0, f.nodes - std::ceil(f.nodes / f.domains));
    const double each = std::ceil(f.addresses / left);
    if (each > f.alias_ranges)
      return fmt::format(
          "{:.0f} addresses on each interface once a domain is lost, {:.0f} are possible", each,
          f.alias_ranges);
  }
  if (mover == "gcp-route") {
    // A move inserts before it deletes: those of one node exist twice meanwhile.
    const double routes = f.addresses + std::ceil(f.addresses / f.nodes);
    const double most = count_of(f, "static_routes_per_network");
    if (routes > most)
      return fmt::format("{:.0f} routes are needed, a network has {:.0f}", routes, most);
  }
  if (mover == "gcp-garp") {
    if (f.nodes > f.garp_endpoints)
      return fmt::format("a service has at most {:.0f} endpoints, not {:.0f}", f.garp_endpoints,
                         f.nodes);
    if (f.addresses > f.garp_services)
      return fmt::format("{:.0f} addresses each need a service, a network has {:.0f} in a region",
                         f.addresses, f.garp_services);
  }
  if (mover == "gcp-pool" && f.addresses != f.nodes)
    return fmt::format("an address is its instance's: {:.0f} addresses, {:.0f} nodes", f.addresses,
                       f.nodes);
  return {};
}

Gap gap_of(std::string_view mover, Fault fault, const MoverFacts& f, double patience) {
  const Away lost = away(fault, f);
  const bool unseen = sends_on(mover, fault);
  std::vector<Wait> waits;
  for (const Step& step : unseen ? std::vector<Step>() : chain_of(mover)) {
    const auto delay = f.delays.find(step.delay);
    ATOLL_CHECK(delay != f.delays.end(), step.delay);
    waits.insert(waits.end(), static_cast<size_t>(step.times), delay->second);
  }
  const GapTime own(starts_of(mover, fault, f, lost), waits);
  const std::vector<Use> uses = unseen ? std::vector<Use>() : calls_of(mover, f, lost);
  Gap out;
  out.away = lost.addresses;
  for (const Use& use : uses) {
    if (use.calls / use.a_minute <= out.quota_share) continue;
    out.quota_share = use.calls / use.a_minute;
    out.quota = use.quota;
  }
  const double last_wait = quota_wait(uses, 1);
  out.last = last_wait + own.at(0.5, lost.addresses);
  out.last_p99 = last_wait + own.at(0.99, lost.addresses);
  GapTime whole = own;
  if (last_wait > 0) {
    std::vector<double> by;
    for (int i = 0; i < kWaitGroups; ++i) by.push_back(quota_wait(uses, (i + 0.5) / kWaitGroups));
    whole = own.later(by);
  }
  out.median = whole.at(0.5);
  out.p99 = whole.at(0.99);
  out.mean = whole.mean();
  out.failing = whole.beyond(patience);
  return out;
}

std::string quota_words(const Gap& gap) {
  if (gap.quota.empty()) return "no calls of the API in the gap";
  if (gap.quota_share > 1)
    return fmt::format("{} a minute bind: {:.1f} times the quota", gap.quota, gap.quota_share);
  return fmt::format("{} a minute come nearest: {:.2g}% of the quota", gap.quota,
                     gap.quota_share * 100);
}

}  // namespace atl::plan
