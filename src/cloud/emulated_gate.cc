#include "cloud/emulated_gate.h"

#include "base/check.h"

namespace atl::cloud {
namespace {

constexpr std::array<std::string_view, kCallCount> kCallNames = {
    "instance",         "set_aliases",    "subnetwork",        "network_features", "route",
    "routes_to",        "insert_route",   "delete_route",      "backend_service",  "set_leader",
    "forwarding_rules", "backend_health", "managed_instances", "operation",
};

bool befalls_changes_only(Fault::Kind kind) {
  switch (kind) {
    case Fault::Kind::kDoneNothing:
    case Fault::Kind::kNeverDone:
    case Fault::Kind::kChangedNotDone:
      return true;
    case Fault::Kind::kFailBefore:
    case Fault::Kind::kFailAfter:
    case Fault::Kind::kRateLimit:
    case Fault::Kind::kHangBefore:
    case Fault::Kind::kHangAfter:
      return false;
  }
  return false;
}

}  // namespace

std::string_view call_name(Call call) {
  return kCallNames[static_cast<size_t>(call)];
}

CallKind kind_of(Call call) {
  switch (call) {
    case Call::kSetAliases:
    case Call::kInsertRoute:
    case Call::kDeleteRoute:
    case Call::kSetLeader:
      return CallKind::kWrite;
    case Call::kOperation:
      return CallKind::kOperationRead;
    case Call::kInstance:
    case Call::kSubnetwork:
    case Call::kNetworkFeatures:
    case Call::kRoute:
    case Call::kRoutesTo:
    case Call::kBackendService:
    case Call::kForwardingRules:
    case Call::kBackendHealth:
    case Call::kManagedInstances:
      return CallKind::kRead;
  }
  return CallKind::kRead;
}

Quotas Quotas::from(const Delays& delays) {
  Quotas quotas;
  quotas.reads_per_minute = delays.reads_per_minute.value;
  quotas.writes_per_minute = delays.writes_per_minute.value;
  quotas.operation_reads_per_minute = delays.operation_reads_per_minute.value;
  quotas.static_routes_per_network = delays.static_routes_per_network.value;
  return quotas;
}

Ticket CallGate::enter(Nanos now, Call call, const std::string& location,
                       const std::optional<InstanceRef>& instance, std::string what,
                       env::Random& random) {
  const CallKind kind = kind_of(call);
  switch (kind) {
    case CallKind::kRead:
      ++counters_.reads;
      break;
    case CallKind::kWrite:
      ++counters_.writes;
      break;
    case CallKind::kOperationRead:
      ++counters_.operation_reads;
      break;
  }
  ++counters_.by_call[static_cast<size_t>(call)];

  Ticket ticket;
  ticket.call = call;
  ticket.over_quota = over_quota(now, kind, location);
  ticket.fault = draw_fault(call, instance, random);
  ticket.sequence = journal_first_ + journal_.size();
  journal_.push_back({now, call, std::move(what), {}});
  if (journal_.size() > kJournalKept) {
    journal_.pop_front();
    ++journal_first_;
  }
  return ticket;
}

void CallGate::leave(const Ticket& ticket, const Status& outcome) {
  if (ticket.sequence < journal_first_) return;
  const size_t at = ticket.sequence - journal_first_;
  ATOLL_CHECK(at < journal_.size());
  journal_[at].outcome = outcome ? "ok" : outcome.error().to_string();
}

bool CallGate::over_quota(Nanos now, CallKind kind, const std::string& location) {
  uint32_t limit = 0;
  switch (kind) {
    case CallKind::kRead:
      limit = quotas.reads_per_minute;
      break;
    case CallKind::kWrite:
      limit = quotas.writes_per_minute;
      break;
    case CallKind::kOperationRead:
      limit = quotas.operation_reads_per_minute;
      break;
  }
  Window& window = windows_[{location, kind}];
  if (const int64_t number = now / kQuotaWindow; number != window.number) window = {number, 0};
  if (window.used >= limit) return true;
  ++window.used;
  return false;
}

std::optional<Fault::Kind> CallGate::draw_fault(Call call,
                                                const std::optional<InstanceRef>& instance,
                                                env::Random& random) {
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (fault->only && *fault->only != call) continue;
    if (fault->instance && fault->instance != instance) continue;
    if (befalls_changes_only(fault->kind) && kind_of(call) != CallKind::kWrite) continue;
    if (fault->share < 1 && !random.chance(fault->share)) continue;
    const Fault::Kind kind = fault->kind;
    if (fault->times != Fault::kForEver && --fault->times == 0) faults_.erase(fault);
    return kind;
  }
  return std::nullopt;
}

}  // namespace atl::cloud
