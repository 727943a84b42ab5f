// `atoll lab vip`: every mover against every fault, in network namespaces, and what came of it.
//
// Needs root, iproute2 and nftables; nothing outside this machine. Networks are made once per kind
// (routed, segment) and used again by the scenarios that follow when they are clean; all is taken
// down at the end, after a failure and at SIGINT or SIGTERM; what a dead runner left is taken down
// at the next start.
//
// Threads: the calling one waits; each run at a time has one of its own, and another as the reactor
// of its scenario.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace atl::lab {

// Nodes of a laboratory: address space 10.0.1.x, and what two cores can carry.
inline constexpr uint32_t kLabNodesMax = 100;
inline constexpr uint32_t kLabRepeatMax = 1000;
inline constexpr uint32_t kLabLanesMax = 16;

struct LabOptions {
  std::string mover = "all";
  std::string fault = "all";
  uint32_t nodes = 4;
  uint32_t domains = 2;  // availability domains that the nodes are spread over
  uint32_t repeat = 1;
  std::string service = "http";     // or "s3": behind the addresses
  std::string delays = "built-in";  // or "zero", or a file
  Nanos lease = 1s;
  uint64_t seed = 1;
  uint32_t lanes = 0;  // runs at a time, each in a laboratory of its own; 0: as many as fit well
  bool json = false;
  bool references = false;
  std::string report;   // folder for the result and the report of it; "" none
  std::string keep;     // folder for the logs of each process; "" throws them away
  std::string program;  // this program's path: the processes are its subcommands
  std::string version;
};

// The exit status: 0 all is well; 1 a safety check failed, or something did not recover or run;
// 2 called wrongly.
int run_lab(LabOptions options);

// The hidden subcommands that the runner starts: `atoll lab node|controller|client|responder
// --config FILE`.
int run_lab_process(const std::string& role, const std::string& config_path);

}  // namespace atl::lab
