// The emulated cloud of one run: its world as the mover needs it, its API on the management
// network, and the router that follows what its fabric decides.
//
// Ownership: the world's; env, lab and ledger outlive it. Threads: the reactor's, and one that
// probes for the load balancer (health_prober.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cloud/emulated_compute.h"
#include "cloud/emulator_http.h"
#include "env/env.h"
#include "lab/health_prober.h"
#include "lab/ledger.h"
#include "lab/netlab.h"
#include "lab/scenario.h"

namespace atl::lab {

inline constexpr std::string_view kZone = "europe-west4-b";
inline constexpr std::string_view kRegion = "europe-west4";
inline constexpr std::string_view kVpc = "net";
inline constexpr std::string_view kSubnetName = "sub";
inline constexpr std::string_view kEndpointGroup = "neg";
inline constexpr std::string_view kProject = "lab";

// The pool that a run is about: `nodes` nodes in their domains, addresses for them.
vip::Pool make_lab_pool(const MoverInfo& mover, const NetLab& lab);
cloud::InstanceRef instance_ref(const std::string& node);

class CloudSide {
 public:
  CloudSide(env::Env& env, NetLab& lab, Ledger& ledger, const vip::Pool& pool, uint64_t seed);
  ~CloudSide();
  CloudSide(const CloudSide&) = delete;
  CloudSide& operator=(const CloudSide&) = delete;

  // Without delays, so that a run is soon under way. Listens where controllers look.
  Status start();
  void set_delays(const cloud::Delays& delays) { compute_.set_delays(delays); }

  cloud::EmulatedCompute& compute() { return compute_; }
  cloud::EmulatorHttp& http() { return http_; }
  uint64_t calls() const { return compute_.counters().total(); }
  // A gratuitous ARP that the fabric saw; any thread.
  void garp(size_t node, vip::Vip vip);
  void power(size_t node, cloud::Power power);
  // Takes a look at what the API says and where the fabric delivers; note what has changed.
  void follow();

 private:
  Status build();
  Status build_services(bool fast_move);

  env::Env& env_;
  NetLab& lab_;
  Ledger& ledger_;
  const vip::Pool& pool_;
  cloud::EmulatedCompute compute_;
  cloud::EmulatorHttp http_;
  std::unique_ptr<HealthProber> prober_;
  std::shared_ptr<bool> alive_;  // for what other threads posted
};

}  // namespace atl::lab
