// A small process beside a node's, which does what is left to do (vip/last_will.h) when that one
// has ended in any way: killed, crashed, out of memory.
//
// It learns it from a pipe: the node's process has the other end, and the kernel closes that when
// the last thread of the process is gone, and not while it merely stands still. Nothing else ends a
// wait: no clock, no connection that a middle box may have cut. When the guardian is killed too, or
// the machine, the lease runs out as it would have without one.
//
// Ownership: the object is the node's end. It costs a fork, made early, so little memory.
// Threads: any one. Errors: kIo, kInternal.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/result.h"

namespace atl::vip {

class Guardian {
 public:
  // Forks, so it is kInternal in a process that has threads already. `will` runs in the child, with
  // nothing of the parent's but standard output and standard error and the number that was noted
  // last (0: none); what it returns is logged.
  static Result<Guardian> start(std::function<Status(uint64_t noted)> will);
  ~Guardian();
  Guardian(Guardian&& other) noexcept;
  Guardian& operator=(Guardian&& other) noexcept;

  void note(uint64_t number) { *noted_ = number; }
  // All is in order: the guardian goes, and nothing is done.
  void dismiss();

 private:
  Guardian(int pipe, std::atomic<uint64_t>* noted) : pipe_(pipe), noted_(noted) {}
  int pipe_ = -1;
  std::atomic<uint64_t>* noted_ = nullptr;  // in memory that both have
};

}  // namespace atl::vip
