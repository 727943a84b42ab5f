// One run: a fresh cluster, a steady load, one fault, and what came of it.
//
//   1. the coordinator and the emulated cloud come up in this process, then nodes, controllers and
//      clients as processes; every address answers steadily
//   2. the fault, at a drawn moment
//   3. until every address answers again, by a holder that is well, and goes on answering
//   4. what was broken comes back (a stopped process goes on, links are up): it must stay silent
//   5. the load ends; gaps, connections, requests, calls; the oracle judges every packet
//
// Ownership: values; the NetLab outlives it and is left clean. Threads: the calling one becomes the
// reactor, and stays in the management namespace.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "cloud/delays.h"
#include "lab/faults.h"
#include "lab/netlab.h"
#include "lab/results.h"
#include "lab/service_kind.h"

namespace atl::lab {

// From the start of the processes until every address answers; ten nodes take about two seconds.
inline constexpr Nanos kStartLimit = 30s;
// From the fault until every address answers again. The built-in delays' slow tail, times three
// changes one after another, is below a minute; a round of the mover gives up after 90 s.
inline constexpr Nanos kRecoverLimit = 100s;
// The same when the cloud takes no time: what is left are retries and the waits between them.
inline constexpr Nanos kRecoverLimitZero = 40s;
// Steady means: for so long every probe was answered well.
inline constexpr Nanos kSteady = 600ms;
// What came back is watched for so long: a lease and more.
inline constexpr Nanos kAftermathLeases = 1200ms;
// The runner looks at files and records this often.
inline constexpr Nanos kLookInterval = 25ms;
// Nodes that a rolling upgrade goes through; ten would take minutes and say the same.
inline constexpr size_t kUpgradeNodes = 3;
// Addresses: two a node, so that spreading shows, up to what two cores can probe.
inline constexpr size_t kAddressesGoal = 20;

struct ScenarioSpec {
  MoverInfo mover;
  FaultKind fault = FaultKind::kKill;
  ServiceKind service = ServiceKind::kHttp;
  uint32_t number = 1;
  Nanos lease = 1s;
  cloud::Delays delays;
  bool zero_delays = false;
  uint64_t seed = 1;
  std::string folder;                       // exists; configurations and logs go there
  std::string program;                      // this program
  const std::atomic<bool>* stop = nullptr;  // set by a signal: end soon, in order
  Nanos recover_limit() const { return zero_delays ? kRecoverLimitZero : kRecoverLimit; }
};

RunResult run_scenario(NetLab& lab, const ScenarioSpec& spec);

}  // namespace atl::lab
