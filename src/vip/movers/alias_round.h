// What AliasMover knows during one round. Private to its .cc files.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "env/sync.h"
#include "vip/movers/alias_mover.h"

namespace atl::vip {

// The interface of one node. `seen` is the last read of it; tasks that change it hold `busy`.
struct AliasMover::Nic {
  const NodeSpec* node = nullptr;
  bool looked = false;
  bool gone = false;  // the instance does not exist, and so holds nothing
  Result<cloud::NetworkInterface> seen = fail(Errc::kUnavailable, "not looked at");
  std::set<Vip> remove;  // of the plan
  std::set<Vip> add;
  env::Mutex busy;
  env::Event removed;  // `remove` was tried

  std::set<Vip> has(const std::set<Vip>& addresses) const;
};

struct AliasMover::Job {
  Job(AliasMover& mover, const Pool& pool, const std::vector<Wanted>& wanted);

  const Pool& pool;
  std::map<Vip, NodeName> wanted;
  std::set<Vip> addresses;  // of the pool
  Round round;
  std::map<NodeName, std::unique_ptr<Nic>> nics;
  std::map<Vip, Error> trouble;
  env::Mutex search;
  bool searched = false;  // all nodes were looked at for an address in use

  Nic* nic_of(const NodeName& node);
  void set_trouble(const std::set<Vip>& vips, const Error& why);
};

}  // namespace atl::vip
