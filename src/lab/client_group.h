// The client processes of one run, as one: who probes which address, and how things stand.
//
// Each address has one client, so that every probe of it is one client's view. Address number v is
// target v / N of client v % N.
//
// Ownership: the run's; the NetLab outlives it. Threads: the reactor's.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "env/env.h"
#include "lab/client_tail.h"
#include "lab/netlab.h"

namespace atl::lab {

struct ScenarioSpec;

// Transfers are long ones (kLongBytes): a drain tells those that begin during it to come back
// later.
inline constexpr uint64_t kTransferBytes = kLongTransferBytes;
// A process that was told to end has so long: more than it gives itself (process.h).
inline constexpr Nanos kEndLimit = 10s;

class ClientGroup {
 public:
  ClientGroup(env::Env& env, NetLab& lab, const ScenarioSpec& spec)
      : env_(env), lab_(lab), spec_(spec) {}

  Status start(const std::vector<vip::Vip>& addresses);
  // What is new in their files. kInternal: a client has died.
  Status read();
  // SIGTERM, and their last lines.
  Task<Status> stop();

  size_t size() const { return tails_.size(); }
  const ClientLog& log(size_t client) const { return tails_[client].log(); }
  const ClientLog& log_of(size_t address) const { return tails_[address % size()].log(); }
  uint32_t target_of(size_t address) const { return static_cast<uint32_t>(address / size()); }
  // As ClientTail::steady(); "" is any node.
  bool steady(size_t address, const std::string& node, Nanos span) const;
  std::string node_of(size_t address) const;  // who answered last

 private:
  env::Env& env_;
  NetLab& lab_;
  const ScenarioSpec& spec_;
  std::map<size_t, pid_t> pids_;
  std::vector<ClientTail> tails_;
};

}  // namespace atl::lab
