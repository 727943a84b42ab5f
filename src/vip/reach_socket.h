// Questions and answers between nodes on the clients' side: one UDP socket, bound to the interface
// and to the node's own address there.
//
//   24 bytes: "ATLREACH", 'q' or 'a', seven zeros, eight bytes that the answer repeats
//
// An answer is as long as its question, and at most kReachAnswersPerSecond are given, so nothing is
// gained by sending questions in somebody else's name. An answer counts when it repeats what was
// asked and comes from where it was asked. A host is asked by a TCP connection from the same
// address: that it is taken or refused is the answer.
//
// Nothing here is secret or trusted: whoever forges answers on the clients' side makes a node keep
// addresses that it would keep anyway without all this.
//
// Ownership: env outlives it and its tasks; the destructor closes the socket, and a question under
// way has no answer then. Threads: the reactor's. Errors of open(): kInvalidArgument (no address),
// kBusy (the port is taken), kPermission, kNotFound (no such interface), kIo.
#pragma once

#include <memory>
#include <string>

#include "env/env.h"
#include "vip/reach.h"

namespace atl::vip {

// Not registered; beside it nothing of Atoll listens on UDP. The lab's and the default one.
inline constexpr uint16_t kReachPort = 7046;
inline constexpr size_t kReachBytes = 24;
// A pool of the largest size in which every node asks this very one, at a lease of a second.
inline constexpr uint32_t kReachAnswersPerSecond = 10 * kPoolNodesMax;
// Questions under way: those of a round and of one that is late.
inline constexpr size_t kReachQuestionsMax = 4 * kWitnessesAsked;

class ReachSocket final : public ReachProbe {
 public:
  struct Options {
    std::string interface = "eth0";
    std::string address;         // the node's own, never one of the pool
    uint16_t port = kReachPort;  // 0 takes a free one
  };
  static Result<std::unique_ptr<ReachSocket>> open(env::Env& env, Options options);
  ~ReachSocket() override;
  ReachSocket(const ReachSocket&) = delete;
  ReachSocket& operator=(const ReachSocket&) = delete;

  Task<bool> answered(Witness witness, Nanos limit) override;
  uint16_t port() const;
  uint64_t answers_given() const;

 private:
  struct Core;
  explicit ReachSocket(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  std::shared_ptr<Core> core_;  // its receiving task keeps it too
};

}  // namespace atl::vip
