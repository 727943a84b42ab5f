// The faults of the laboratory by name, and which of them says something about which mover.
//
// Values, no ownership, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lab/service_kind.h"

namespace atl::lab {

enum class FaultKind : uint8_t {
  kKill,            // kill -9 of the node's process
  kPower,           // the node is off: processes, links and addresses gone in one instant
  kStop,            // SIGSTOP of the node's process: hung but RUNNING
  kLink,            // its client interface goes down
  kCutCoordinator,  // cut from the coordinator, not from clients
  kCutClients,      // cut from clients, not from the coordinator
  kDomain,          // all nodes of a domain off
  kController,      // kill, and the leading controller is killed between two API calls
  kApiSlow,         // kill, while the API takes kSlowFactor times as long
  kApiFail,         // kill, while half of the API's calls fail
  kApiLimit,        // kill, while the API limits the rate of requests
  kApiLies,         // kill, and changes are DONE while nothing changed
  kStuckAlias,      // power off, and the alias does not come off the dead instance for a while
  kClock,           // jumps of the clock: not here, see why_not()
  kDrain,           // a planned move of all that one node has
  kUpgrade,         // each node drained and restarted in turn
  kReplace,         // a managed group replaces the instance
};

struct FaultInfo {
  FaultKind kind;
  std::string_view name;  // --fault
  std::string_view what;  // for people
  bool planned;           // no request should fail
};
const std::vector<FaultInfo>& all_faults();
const FaultInfo& info_of(FaultKind kind);
// kInvalidArgument lists the names.
Result<FaultKind> find_fault(std::string_view name);

// The movers that the laboratory has a network for: the six, and the references.
struct MoverInfo {
  std::string_view name;
  bool segment;    // on the plain segment; otherwise on the routed network of a VPC
  bool cloud;      // changes something by API calls
  bool reference;  // somebody else's, for comparison: only with --references
};
const std::vector<MoverInfo>& all_movers();
Result<MoverInfo> find_mover(std::string_view name);

// Why the fault is not tried with that mover, in one sentence; nothing when it is.
std::optional<std::string> why_not(const MoverInfo& mover, FaultKind fault);
// Likewise, with that service behind the addresses.
std::optional<std::string> why_not_over(ServiceKind service, const MoverInfo& mover,
                                        FaultKind fault);

// Delays of the cloud are this many times as long under api-slow. (With --delays zero they stay
// zero.)
inline constexpr double kSlowFactor = 3;
// Of the calls under api-fail; the rest go well, or nothing would ever be repaired.
inline constexpr double kFailShare = 0.5;
// Calls refused with 403 rateLimitExceeded under api-limit.
inline constexpr uint32_t kLimitTimes = 6;
// A stuck alias comes off after so many changes that did nothing: below the mover's kStuckAfter
// times what a scenario may last.
inline constexpr uint32_t kStuckTimes = 3;
// DONE without a change so many times in a row under api-lies.
inline constexpr uint32_t kLieTimes = 2;

}  // namespace atl::lab
