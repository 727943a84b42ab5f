// Who held which address when, and where the network delivered it: what a run is judged by and what
// its gaps are split by.
//
// Ownership: the world's. Threads: the reactor's. Times are CLOCK_REALTIME in nanoseconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lab/oracle.h"
#include "lab/results.h"
#include "vip/types.h"

namespace atl::lab {

class Ledger {
 public:
  // "" is nobody. Equal to what was before: ignored.
  void note_holder(vip::Vip vip, const std::string& node, int64_t at_ns);
  void note_delivery(vip::Vip vip, const std::string& node, int64_t at_ns);
  // What the API says: whether that node has the address (an alias, a route to it, a leader).
  void note_api(vip::Vip vip, const std::string& node, int64_t at_ns);
  void note_taken(vip::Vip vip, const std::string& node, int64_t at_ns);

  std::string holder(vip::Vip vip) const;                        // now; "" nobody
  std::string delivered(vip::Vip vip) const;                     // now
  std::vector<vip::Vip> held_by(const std::string& node) const;  // now
  std::string holder_at(vip::Vip vip, int64_t at_ns) const;

  std::vector<HolderChange> changes() const;  // for the oracle
  // What happened on the way to the answer that ended the time away.
  Milestones milestones(vip::Vip vip, const Away& away) const;

 private:
  struct Step {
    int64_t at_ns = 0;
    std::string node;
  };
  using Steps = std::map<vip::Vip, std::vector<Step>>;

  static void note(Steps* steps, vip::Vip vip, const std::string& node, int64_t at_ns);
  static std::string now(const Steps& steps, vip::Vip vip);
  // The last step to `node` that is not after `until_ns` and not before `from_ns`.
  static std::optional<int64_t> last_to(const Steps& steps, vip::Vip vip, const std::string& node,
                                        int64_t from_ns, int64_t until_ns);
  // The first step away from whatever it was, in that time.
  static std::optional<int64_t> first_off(const Steps& steps, vip::Vip vip, const std::string& node,
                                          int64_t from_ns, int64_t until_ns);

  Steps holders_;
  Steps deliveries_;
  Steps api_;
  Steps taken_;
};

// The oracle's verdict over what the ledger knows, into the result.
void note_verdict(const Oracle& oracle, const Ledger& ledger, RunResult* result);

// "node3" -> 3; 0 when it is no node of the laboratory.
size_t node_number(const std::string& name);
std::string node_name(size_t number);

}  // namespace atl::lab
