// Watches who answers for which VIP, and says whether two nodes ever did in one instant.
//
// A packet socket on the client interface of every node, and one on its management interface, see
// what the node sends, behind its own firewall and queues, with the kernel's timestamp
// (CLOCK_REALTIME, nanoseconds) of the moment it goes out: every IPv4 packet whose source is a VIP
// and every ARP frame whose sender is one. (Not on the router's end of the link: since Linux 5.18 a
// TCP packet reaches it with its pacing time in place of a receive time, and would be stamped when
// the router's softirq comes to it, which on a loaded machine is milliseconds late.) A cap or a cut
// of the laboratory comes after it and hides nothing. Which of the two interfaces it was plays no
// part in the verdict; gratuitous ARP is reported from the client interface alone, where the fabric
// would hear it.
//
// judge() holds these against the times at which the records changed holder, on the same clock of
// the same machine. There is no tolerance: a frame stamped at the very nanosecond of a change, or
// later, belongs to the new holder.
//
// Packets of one node, one address and one kind within ten milliseconds are one Answer with its
// first and last time. Nothing is lost by that: what matters is whether the first and the
// last lie under the node's own record, and an address that leaves and comes back within one Answer
// makes the verdict kNotSure.
//
// Memory is bounded: a ring of answers behind the kernel's ring of packets. Anything lost in
// either, and a step of the machine's clock, makes the verdict kNotSure, never kSafe.
//
// Ownership: its socket is its own, the NetLab may go first. Threads: it has one
// of its own, which also calls on_garp; everything else from any thread. Errors: kIo.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "lab/netlab.h"
#include "vip/types.h"

namespace atl::lab {

// 40 bytes each, 40 MiB: seventeen minutes of ten nodes that all send without a pause.
inline constexpr size_t kAnswersMax = size_t{1} << 20;
// Shorter than an address can leave and come back in: both nodes wait for their kernels and the
// coordinator.
inline constexpr Nanos kOneAnswer = 10ms;
// CLOCK_REALTIME against CLOCK_MONOTONIC: they are slewed together, so any step shows. Less than
// this is the time between reading the one and the other.
inline constexpr Nanos kClockStepMin = 1ms;

// CLOCK_REALTIME, since 1970: the clock of packets and of HolderChange::at.
Nanos real_now();

struct Answer {
  enum class Kind : uint8_t { kTcp, kArp, kOther };  // kOther: IPv4, but not TCP
  Nanos first{};
  Nanos last{};
  vip::Vip vip;
  vip::Vip peer;  // to whom; of the first packet, as all that follows
  uint16_t node = 0;
  uint16_t port = 0;  // TCP: the node's
  uint16_t peer_port = 0;
  uint16_t arp_opcode = 0;
  uint8_t tcp_flags = 0;
  Kind kind = Kind::kTcp;
  uint32_t packets = 1;
  std::string to_string() const;  // "node2 10.0.9.1:80 > 10.0.200.1:40000 SYN+ACK, 3 packets"
};

// The record of the address names another holder from `at` on: taken just before the change is
// applied. Before the first change of an address nobody holds it.
struct HolderChange {
  Nanos at{};
  vip::Vip vip;
  size_t node = 0;  // 0: nobody
};

struct SplitBrain {
  Nanos at{};  // of the offending packet
  vip::Vip vip;
  size_t node = 0;    // who sent it
  size_t holder = 0;  // who held the record then; 0: nobody
  std::string packet;
};

struct Verdict {
  enum class Kind : uint8_t { kSafe, kUnsafe, kNotSure };
  Kind kind = Kind::kSafe;
  std::vector<SplitBrain> instants;  // at most kInstantsKept, oldest first
  uint64_t instants_total = 0;
  uint64_t answers = 0;  // judged
  std::string doubt;     // why kNotSure; also beside kUnsafe
};
inline constexpr size_t kInstantsKept = 1000;

// Any order of `changes`. The plain function under Oracle::judge().
Verdict judge_answers(const std::vector<Answer>& answers, std::vector<HolderChange> changes);

class Oracle {
 public:
  // A gratuitous ARP on the client network: sender and target address are the VIP.
  using OnGarp = std::function<void(size_t node, vip::Vip vip)>;
  struct Options {
    std::vector<vip::Vip> vips;  // at most vip::kPoolAddressesMax
    OnGarp on_garp;  // may be empty; on the oracle's thread: post it to where it belongs
    size_t answers_max = kAnswersMax;
  };

  static Result<std::unique_ptr<Oracle>> start(NetLab& lab, Options options);
  ~Oracle();
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;
  // Reads what the sockets still hold, then ends the thread. Answers and verdict stay.
  void stop();

  std::vector<Answer> answers() const;  // in order of `first`
  std::vector<Answer> answers(vip::Vip vip) const;
  // The first answer of that node that begins at or after `after`; the last one that begins before.
  std::optional<Answer> first_answer(vip::Vip vip, size_t node, Nanos after = Nanos{0}) const;
  std::optional<Answer> last_answer(vip::Vip vip, size_t node, Nanos before = Nanos::max()) const;
  // Packets that were sent in a VIP's name and are in no answer.
  uint64_t dropped() const;
  // Forgets answers and drops, for the next run in the same laboratory. Not while nodes send: a
  // packet on its way would count for the next run.
  void clear();

  // What came in until now. Call it after stop(), or after the traffic has ended.
  Verdict judge(std::vector<HolderChange> changes) const;

 private:
  struct Impl;
  explicit Oracle(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace atl::lab
