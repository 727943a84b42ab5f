// The connections of a client: one thread, one poll(), no waiting anywhere else.
//
// Ownership: lives for one run_client(). Threads: one. Errors of single connections are results;
// those of the machine (no descriptors left) are too, as kNoSocket.
#pragma once

#include <poll.h>

#include <list>
#include <string>
#include <vector>

#include "base/units.h"
#include "lab/client.h"
#include "lab/requests.h"

namespace atl::lab {

class Load {
 public:
  Load(ClientConfig config, int output_fd);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Until `stop_fd` is readable, or the limit. What is under way then is written down as such.
  Status run(int stop_fd);

 private:
  enum class Phase : uint8_t { kConnecting, kAnswer, kBody };
  struct Connection {
    bool transfer = false;
    uint32_t target = 0;
    int fd = -1;
    Phase phase = Phase::kConnecting;
    int64_t start_wall_ns = 0;
    Nanos start{};       // this and those below: CLOCK_MONOTONIC
    Nanos deadline{};    // of the present phase
    std::string answer;  // head and body of a probe; head of a transfer
    std::string node;
    uint64_t bytes = 0;  // of a transfer's body
    uint64_t debt = 0;   // a transfer may read so much now
  };
  struct Target {
    Nanos next_probe{};
    Nanos next_transfer{};
    bool transfer_under_way = false;
    size_t probes = 0;
  };
  using Place = std::list<Connection>::iterator;

  void start_due(Nanos now);
  void start(uint32_t target, bool transfer, Nanos now);
  void step(Place place, short events, Nanos now);
  void connected(Place place, Nanos now);
  void read_probe(Place place, Nanos now);
  void pace_transfers(Nanos now);
  enum class Took : uint8_t { kSome, kNothingYet, kEnded };
  Took read_transfer(Place place, Nanos now);
  void give_up_late(Nanos now);
  void end_probe(Place place, ProbeEnd end, Nanos now);
  void end_transfer(Place place, TransferEnd end, Nanos now);
  void drop(Place place);
  Nanos next_wake() const;
  Status flush(Nanos now, bool force);

  ClientConfig config_;
  Requests requests_;
  int output_fd_;
  std::vector<Target> targets_;
  std::list<Connection> connections_;
  Nanos next_pace_{};
  Nanos last_flush_{};
  std::string lines_;
};

}  // namespace atl::lab
