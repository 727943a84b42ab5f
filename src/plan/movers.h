// What each mover of addresses does after a fault, as times and calls of the cloud's API.
//
// The steps are those of src/vip/movers; the times are data. A node that is lost keeps its lease
// until it runs out (src/vip/timing.h); a node that is drained hands it over. Then, by mover:
//
//   gcp-alias   removed from one interface, added to another: two operations
//   gcp-route   a better route is inserted
//   gcp-lb      the health check finds the new holder, and no more the old one
//   gcp-garp    the new holder's gratuitous ARP; the API comes later
//   gcp-pool    the instance is made anew, with its address
//   linux-arp   gratuitous ARP on a plain segment
//
// Where the API moves addresses, those that come a moment after the first wait for its round to
// end. Left out: a controller that dies as well, operations that fail, how late a poll sees DONE.
//
// Threads: pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plan/gap_time.h"

namespace atl::plan {

inline constexpr std::string_view kMovers[] = {"gcp-alias", "gcp-route", "gcp-lb",
                                               "gcp-garp",  "gcp-pool",  "linux-arp"};

enum class Fault { kNode, kDomain, kDrain };

// All that the times rest on, in seconds and plain numbers.
struct MoverFacts {
  double nodes = 1, domains = 1;
  double addresses = 1;  // of the pool
  double lease = 0;
  double renewal = 1;  // the time between renewals, as a share of the lease
  double look = 1;     // the same of the controller's looks
  double retry = 0;    // a client tries again this often
  double silence = 0;  // until a managed group makes an instance anew
  double alias_ranges = 0, garp_services = 0, garp_endpoints = 0;
  double pool_addresses = 0, pool_nodes = 0;
  std::map<std::string, Wait, std::less<>> delays;
  std::map<std::string, double, std::less<>> counts;
};

// The delays, then the counts and other data that a mover's gap after a fault rests on, by their
// keys.
std::vector<std::string> delays_of(std::string_view mover, Fault fault);
std::vector<std::string> data_of(std::string_view mover, Fault fault);
// In words, for people: what happens one after the other.
std::string_view steps_of(std::string_view mover, Fault fault);

// Empty, or why this mover cannot have so many addresses on so many nodes.
std::string refusal(std::string_view mover, const MoverFacts& facts);

struct Gap {
  double median = 0, p99 = 0, mean = 0;  // of an address that the fault concerns
  double last = 0, last_p99 = 0;         // until the last of them is back
  double failing = 0;                    // on average, what a gap is longer than the patience
  double away = 0;                       // addresses that the fault concerns
  std::string quota;                     // that of the API which is nearest to its end
  double quota_share = 0;                // of it, used by this; above 1: it binds
};
Gap gap_of(std::string_view mover, Fault fault, const MoverFacts& facts, double patience);

// What binds, and how much of it there is: "operation reads a minute, 2.7 times the quota".
std::string quota_words(const Gap& gap);

}  // namespace atl::plan
