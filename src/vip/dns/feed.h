// Keeps a responder's zone up to date from the coordinator: records, drains, and who has its lease.
//
// A node is up while a process of it has its lease: a process that was killed is gone from the zone
// a lease and kFeedInterval later, whether a controller lives or not. What a node holds that says
// that it is cut from clients is not listed; its RDMA addresses are, as those of a draining node.
// Level-triggered: everything is read anew after each change and each interval. While the
// coordinator is not reached the zone stays as it is, until the responder calls it too old.
//
// Ownership: make_shared; its task keeps it. env, coordinator and leases outlive it: stop(), then
// wait for stopped(). Threads: the reactor's.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "coord/coordinator.h"
#include "coord/lease_list.h"
#include "env/env.h"
#include "env/sync.h"
#include "vip/dns/responder.h"
#include "vip/dns/section.h"

namespace atl::vip::dns {

// Nobody tells when a lease has run out: it is looked for this often. Half of the laboratory's
// lease, and a tenth of what a resolver keeps an answer for.
inline constexpr Nanos kFeedInterval = 500ms;
// Records change in bursts when a node dies: one look for a burst.
inline constexpr Nanos kFeedPause = 100ms;

class DnsFeed : public std::enable_shared_from_this<DnsFeed> {
 public:
  struct Options {
    Pool pool;
    Section section;
    bool udp = true;  // as DnsResponder's
  };

  DnsFeed(env::Env& env, coord::Coordinator& coordinator, coord::LeaseList& leases,
          Options options);

  Status start();  // errors as DnsResponder::start()
  void stop();
  Task<void> stopped();

  const DnsResponder& responder() const { return *responder_; }
  uint32_t serial() const { return serial_; }

 private:
  struct View {
    std::map<Vip, Record> records;
    std::map<NodeName, NodeHealth> health;
    std::string text() const;  // the same for the same view
  };

  Task<void> keep_up();
  Task<Status> feed_once();
  Task<Result<View>> look();

  env::Env& env_;
  coord::Coordinator& coordinator_;
  coord::LeaseList& leases_;
  Options options_;
  std::shared_ptr<DnsResponder> responder_;
  std::shared_ptr<const Zone> zone_;
  std::string zone_text_;
  uint32_t serial_ = 0;  // one more with each change; each server counts for itself
  uint64_t revision_ = 0;
  bool stopping_ = false;
  env::Event ended_;
};

}  // namespace atl::vip::dns
