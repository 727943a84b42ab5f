#include "lab/faults.h"

#include <fmt/format.h>

namespace atl::lab {

const std::vector<FaultInfo>& all_faults() {
  static const std::vector<FaultInfo> kAll = {
      {FaultKind::kKill, "kill", "kill -9 of a node's process", false},
      {FaultKind::kPower, "power", "a node is off", false},
      {FaultKind::kStop, "stop", "SIGSTOP of a node's process: hung but RUNNING", false},
      {FaultKind::kLink, "link", "a node's client interface is down", false},
      {FaultKind::kCutCoordinator, "cut-coordinator",
       "a node is cut from the coordinator, not from clients", false},
      {FaultKind::kCutClients, "cut-clients",
       "a node is cut from clients, not from the coordinator", false},
      {FaultKind::kDomain, "domain", "all nodes of a domain are off", false},
      {FaultKind::kController, "controller",
       "a node is killed, then the leading controller between two API calls", false},
      {FaultKind::kApiSlow, "api-slow", "a node is killed while the API is slow", false},
      {FaultKind::kApiFail, "api-fail", "a node is killed while half of the API's calls fail",
       false},
      {FaultKind::kApiLimit, "api-limit", "a node is killed while the API limits requests", false},
      {FaultKind::kApiLies, "api-lies",
       "a node is killed; the first changes are DONE and change nothing", false},
      {FaultKind::kStuckAlias, "stuck-alias",
       "a node is off, and its aliases do not come off at once", false},
      {FaultKind::kClock, "clock", "the wall clock jumps", false},
      {FaultKind::kDrain, "drain", "a node is drained, as planned", true},
      {FaultKind::kUpgrade, "upgrade", "each node is drained and restarted in turn", true},
      {FaultKind::kReplace, "replace", "an instance is replaced by its group", false},
  };
  return kAll;
}

const FaultInfo& info_of(FaultKind kind) {
  return all_faults()[static_cast<size_t>(kind)];
}

Result<FaultKind> find_fault(std::string_view name) {
  std::string names;
  for (const FaultInfo& info : all_faults()) {
    if (info.name == name) return info.kind;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", info.name);
  }
  return fail(Errc::kInvalidArgument,
              fmt::format("there is no fault {:?}; there are all, {}", name, names));
}

const std::vector<MoverInfo>& all_movers() {
  static const std::vector<MoverInfo> kAll = {
      {"gcp-alias", false, true, false},     {"gcp-route", false, true, false},
      {"gcp-lb", false, true, false},        {"gcp-garp", false, true, false},
      {"gcp-pool", false, true, false},      {"linux-arp", true, false, false},
      {"ref-keepalived", true, false, true}, {"ref-haproxy", true, false, true},
  };
  return kAll;
}

Result<MoverInfo> find_mover(std::string_view name) {
  std::string names;
  for (const MoverInfo& info : all_movers()) {
    if (info.name == name) return info;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", info.name);
  }
  return fail(Errc::kInvalidArgument,
              fmt::format("there is no mover {:?}; there are all, {}", name, names));
}

std::optional<std::string> why_not(const MoverInfo& mover, FaultKind fault) {
  const bool changes_by_api =
      mover.name == "gcp-alias" || mover.name == "gcp-route" || mover.name == "gcp-garp";
  const bool crash =
      fault == FaultKind::kKill || fault == FaultKind::kPower || fault == FaultKind::kLink;
  if (fault == FaultKind::kClock)
    return "the clock of a network namespace is the machine's; the simulator moves clocks instead";
  if (mover.reference && !crash) return "references are measured with kill, power and link only";
  if (mover.name == "gcp-pool" && fault != FaultKind::kReplace)
    return "nothing floats: an address goes and comes with its instance, so only its replacement "
           "says something";
  switch (fault) {
    case FaultKind::kApiSlow:
    case FaultKind::kApiFail:
    case FaultKind::kApiLimit:
    case FaultKind::kApiLies:
      if (!mover.cloud) return "it makes no API call";
      if (!changes_by_api) return "its addresses move without an API call";
      return std::nullopt;
    case FaultKind::kStuckAlias:
      if (mover.name != "gcp-alias") return "only an alias can be stuck on an instance";
      return std::nullopt;
    case FaultKind::kReplace:
      if (mover.name != "gcp-pool") return "its nodes are in no managed group";
      return std::nullopt;
    case FaultKind::kKill:
    case FaultKind::kPower:
    case FaultKind::kStop:
    case FaultKind::kLink:
    case FaultKind::kCutCoordinator:
    case FaultKind::kCutClients:
    case FaultKind::kDomain:
    case FaultKind::kController:
    case FaultKind::kClock:
    case FaultKind::kDrain:
    case FaultKind::kUpgrade:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::string> why_not_over(ServiceKind service, const MoverInfo& mover, FaultKind) {
  if (service == ServiceKind::kS3 && mover.reference)
    return "references are compared over the responder alone";
  return std::nullopt;
}

}  // namespace atl::lab
