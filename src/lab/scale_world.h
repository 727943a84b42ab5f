// One run at scale: the nodes, the controller, the cloud, the domain that is cut off, and the
// moments at which its addresses come back.
//
// Ownership: of run_scale_row(). end() before it is destroyed. Threads: the calling one, which
// drives virtual time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "cloud/emulated_compute.h"
#include "coord/memory.h"
#include "env/random.h"
#include "env/sim_env.h"
#include "lab/scale.h"
#include "lab/scale_coordinator.h"
#include "lab/scale_guest.h"
#include "lab/scale_meter.h"
#include "vip/controller.h"
#include "vip/holder.h"
#include "vip/service.h"

namespace atl::lab {

// Until every address is held and delivered; without delays and quotas of requests.
inline constexpr Nanos kScaleSettleLimit = 10min;
// Addresses that are not back by then will not come back: twenty windows of the quotas.
inline constexpr Nanos kScaleRecoverLimit = 20min;
// The world comes up this long before a window of the quotas ends, so that what it took to come up
// is not counted in the window of the cut ...
inline constexpr Nanos kScaleSettleLead = 30s;
// ... and the cut comes at a drawn moment, at most this long after the next has begun.
inline constexpr Nanos kScaleCutPhase = 20s;
// How long the calls are counted after the last address is back: gcp-route deletes the old routes
// vip::kRouteSettle (30 s) after the new ones were seen, some seconds for the operations.
inline constexpr Nanos kScaleAfterRoute = 50s;
inline constexpr Nanos kScaleAfter = 5s;
// The run is looked at this often; moments are exact in any case.
inline constexpr Nanos kScaleStep = 1s;

class ScaleWorld final : public FenceWatch {
 public:
  explicit ScaleWorld(const ScaleSpec& spec);
  ~ScaleWorld() override;

  // kUnsupported, kNoSpace, kInvalidArgument: the pool is refused.
  Status build();
  // kTimeout: it does not settle.
  Status settle();
  void cut_domain();
  void recover(ScaleRow* row);
  void end();

  void opened(size_t node, vip::Vip vip, Nanos until) override;
  void closed(size_t node, vip::Vip vip) override;
  void announced(size_t node, vip::Vip vip) override;

 private:
  struct Node;
  struct Owner {
    size_t node = 0;
    Nanos until{0};
  };
  struct Track {
    std::optional<Nanos> given, taken, back;
  };

  void start_nodes();
  Status start_controller();
  void observe(const vip::Event& event);
  std::optional<size_t> node_of(const cloud::InstanceRef& instance) const;
  std::optional<size_t> delivered_to(vip::Vip vip) const;
  bool is_good(vip::Vip vip) const;
  void look();
  void look_at(vip::Vip vip);
  size_t waiting() const { return missing_.size(); }
  std::string why_missing() const;

  ScaleSpec spec_;
  env::SimEnv env_;
  env::Random random_;
  coord::MemoryCoordinator memory_;
  HeldLeases coordinator_;
  vip::Pool pool_;
  vip::Timing timing_;
  std::unique_ptr<cloud::EmulatedCompute> cloud_;
  std::unique_ptr<MeteredCompute> compute_;
  std::unique_ptr<vip::Mover> mover_;
  std::shared_ptr<vip::Controller> controller_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<cloud::InstanceRef, size_t> by_instance_;
  std::map<vip::Vip, Owner> owners_;  // whose fence is open
  std::map<vip::Vip, size_t> arp_;    // linux-arp: whom the segment sends to
  std::optional<Nanos> cut_at_;
  std::map<vip::Vip, Track> tracks_;  // of the concerned
  std::set<vip::Vip> missing_;
  cloud::Counters before_;
  uint64_t moves_ = 0;
  uint64_t split_brain_ = 0;
};

}  // namespace atl::lab
