// What AliasMover knows during one round. Private to its .cc files.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "env/sync.h"
#include "vip/movers/alias_mover.h"

namespace atl::vip {

// Where changes of one interface wait for their turn, those of all rounds.
struct AliasMover::Line {
  env::Semaphore turn{1};
  std::vector<const Leaving*> leaving;  // of changes that wait or are being made
  uint64_t changes = 0;                 // made so far
};

// The interface of one node. `seen` is the last read of it.
struct AliasMover::Nic {
  const NodeSpec* node = nullptr;
  bool looked = false;
  bool gone = false;  // the instance does not exist, and so holds nothing
  Result<cloud::NetworkInterface> seen = fail(Errc::kUnavailable, "not looked at");
  std::set<Vip> remove;  // of the plan
  std::set<Vip> add;
  uint64_t seen_changes = 0;  // Line::changes when it was read
  env::Event removed;         // `remove` was tried

  std::set<Vip> has(const std::set<Vip>& addresses) const;
};

struct AliasMover::Job {
  Job(AliasMover& mover, const Pool& pool, const std::vector<Wanted>& wanted, MayGoOn may);

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
  bool may_move(Vip vip) const;
  // Leaves those that may still be moved; the others are in trouble.
  void keep_what_may_move(std::set<Vip>* vips);

  MayGoOn may;
};

// What a change takes away, from before its turn until it is over: whoever has the turn takes it
// away as well.
class AliasMover::Leaving {
 public:
  Leaving(std::shared_ptr<Line> line, const Job& job, const std::set<Vip>& vips)
      : line_(std::move(line)), job_(job), vips_(vips) {
    line_->leaving.push_back(this);
  }
  ~Leaving() { std::erase(line_->leaving, this); }
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;

  void add_to(std::set<Vip>* out) const {
    for (Vip vip : vips_)
      if (job_.may_move(vip)) out->insert(vip);
  }

 private:
  std::shared_ptr<Line> line_;
  const Job& job_;
  const std::set<Vip>& vips_;
};

}  // namespace atl::vip
