// What a machine hears on the clients' side in the simulated world: other machines whose process
// runs, and a gateway where there is one. Now and then a packet is lost.
#pragma once

#include <functional>

#include "env/random.h"
#include "failover/node_env.h"
#include "vip/reach.h"

namespace atl::sim {

inline constexpr const char* kGatewayName = "10.0.0.1:443";
inline constexpr double kLostOnTheWay = 0.01;

class SimReach final : public vip::ReachProbe {
 public:
  // Does a packet get from this machine to that witness and back?
  using Passes = std::function<bool(const vip::Witness&)>;
  SimReach(NodeEnv& env, env::Random& random, Passes passes)
      : env_(env), random_(random), passes_(std::move(passes)) {}

  Task<bool> answered(vip::Witness witness, Nanos limit) override {
    const Nanos there_and_back = random_.between(40us, 600us);
    const bool lost = random_.chance(kLostOnTheWay);
    co_await env_.sleep(there_and_back);
    if (!lost && passes_(witness)) co_return true;
    co_await env_.sleep(limit - there_and_back);
    co_return false;
  }

 private:
  NodeEnv& env_;
  env::Random& random_;
  Passes passes_;
};

}  // namespace atl::sim
