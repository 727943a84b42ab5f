// The network seam in the simulator: listeners by address, streams as pairs of bounded pipes.
//
// With fragmentation on, a read returns a random part of what is there, so that every parser above
// meets every split of its input. Owned by SimEnv; streams and listeners may outlive it unused.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "env/net.h"
#include "env/random.h"

namespace atl::env {

class SimEnv;
struct SimListenerState;

// Bytes that a pipe holds before its writer waits, as a socket buffer does.
inline constexpr size_t kSimPipeBytes = 64 * 1024;

class SimNetwork final : public Network {
 public:
  SimNetwork(SimEnv& env, uint64_t seed, bool fragment);
  Result<std::unique_ptr<Listener>> listen(const Endpoint& at) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint to) override;

  void set_fragment(bool fragment) { fragment_ = fragment; }
  // How many of `available` bytes a read may take.
  size_t part_of(size_t available);

 private:
  SimEnv& env_;
  Random random_;
  bool fragment_;
  uint16_t next_port_ = 40000;
  std::map<std::string, std::weak_ptr<SimListenerState>> listeners_;
};

}  // namespace atl::env
