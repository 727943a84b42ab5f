// A cloud's network made of network namespaces, with its faults.
//
//   routed   every node and client has a link of its own to the router; no shared segment; a /32
//            address and a default route through the gateway, which answers every ARP itself. What
//            a node broadcasts reaches nobody. The router sends a VIP where deliver() says, and
//            drops it silently otherwise, as a VPC does.
//   segment  nodes and clients on one bridge, 10.0.0.0/16: ARP decides.
//
// Beside it a management network (a bridge) on which the runner, the nodes and the controllers
// meet: places.h has the addresses.
//
// What happened to a node by power_off() is over only with power_on(), which makes its namespace
// anew: processes, addresses and firewall of its former life are gone.
//
// Ownership: the destructor kills all processes and removes all namespaces. When the runner dies in
// any way (a signal, SIGKILL, a crash) a small process removes them in its place, and create()
// removes what dead runners left all the same.
//
// Threads: one at a time. deliver(), links and signals act at once (a system call); cuts, caps and
// power_on() run a command (some 10 ms). Errors: kPermission (not root), kInvalidArgument (no such
// place), kUnsupported (deliver() on a segment), kUnavailable (the node is off), kIo, kTimeout.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "lab/namespace.h"
#include "lab/places.h"
#include "lab/processes.h"
#include "vip/types.h"

namespace atl::lab {

class Reaper;
class RouteSocket;

enum class Network : uint8_t { kRouted, kSegment };

struct NetLabOptions {
  Network network = Network::kRouted;
  size_t nodes = 3;
  size_t clients = 2;
  size_t controllers = 2;
  // Availability domain of each node, the first of node 1; empty: all in "a".
  std::vector<std::string> domains;
  // Bandwidth of the interfaces in each direction, Mbit/s; 0 is no cap.
  uint32_t node_mbit = 0;
  uint32_t client_mbit = 0;
};

class NetLab {
 public:
  static Result<std::unique_ptr<NetLab>> create(NetLabOptions options);
  ~NetLab();
  NetLab(const NetLab&) = delete;
  NetLab& operator=(const NetLab&) = delete;
  // Everything is killed and removed; afterwards only the destructor may be called.
  void destroy();

  const NetLabOptions& options() const { return options_; }
  const std::string& domain_of(size_t node) const;
  Result<const Namespace*> space(Place place) const;
  // Of the nodes' and clients' TCP: cubic, as in Debian 12, unless this machine forbids it. For the
  // conditions of a measurement.
  Result<std::string> congestion_control() const;

  // --- Processes ---

  // Both outputs go to the file `output`. kUnavailable: the node is off.
  Result<pid_t> spawn(Place place, std::vector<std::string> argv, std::string output);
  Processes& processes() { return processes_; }
  std::vector<pid_t> running(Place place);  // those that spawn() started and that have not ended

  // --- The fabric (routed) ---

  // The router sends the address to that node; nothing: to nobody. An address whose node is off or
  // has its link down is dropped, and delivered when the link is back.
  Status deliver(vip::Vip vip, std::optional<size_t> node);
  std::map<vip::Vip, size_t> delivered() const { return delivered_; }
  // Packets that the router dropped because nobody has their address.
  Result<uint64_t> dropped_for_nobody() const;

  // --- Faults ---

  // The interface loses its carrier, as if the cable was drawn.
  Status set_client_link(size_t node, bool up);
  Status set_management_link(Place place, bool up);
  // The link is up and packets vanish silently.
  Status cut_from_clients(size_t node, bool cut);
  Status cut_from_coordinator(Place place, bool cut);
  // kill -9 of all its processes and both links down, in the same instant. Idempotent.
  Status power_off(size_t node);
  Status power_on(size_t node);  // without processes
  // Called by power_on() when the node is there anew and its links are not yet up. One at a time.
  using OnMade = std::function<Status(size_t node)>;
  void on_made(OnMade callback) { on_made_ = std::move(callback); }
  bool is_on(size_t node) const { return !off_.contains(node); }
  // All nodes of the domain lose power in the same instant. Returns them.
  Result<std::vector<size_t>> power_off_domain(const std::string& domain);
  // Of a node's or client's interface, in each direction; 0 takes the cap away.
  Status set_cap(Place place, uint32_t mbit);
  // All nodes on, links up, nothing cut, caps as in the options. Processes go on.
  Status heal();

 private:
  explicit NetLab(NetLabOptions options);
  Status check() const;
  Status build();
  Status make_spaces(const std::vector<Place>& places);
  Status make_client_network(const std::vector<Place>& places);
  Status make_management_network(const std::vector<Place>& places);
  Status make_inside(const Place& place);
  Status remake(size_t node);
  // The router's host route and neighbour of a place, and the VIPs that are delivered to it.
  Status restore_routes(const Place& place);
  Status set_cut(const Place& at, const std::string& port, bool cut);
  Status apply_cap(const Place& place, uint32_t mbit);
  uint32_t usual_cap(const Place& place) const;
  Status power_off_all(const std::vector<size_t>& nodes);
  Status check_place(const Place& place) const;
  bool receives(size_t node) const;  // on, and its client link up
  std::string full_name(const Place& place) const;
  std::vector<Place> places() const;

  NetLabOptions options_;
  std::string prefix_;  // "atl1234-1-"
  std::unique_ptr<Reaper> reaper_;
  std::map<Place, Namespace> spaces_;
  std::unique_ptr<RouteSocket> router_;      // in the router's namespace
  std::unique_ptr<RouteSocket> management_;  // in mgmt's
  std::map<Place, std::vector<pid_t>> started_;
  std::map<vip::Vip, size_t> delivered_;
  std::set<size_t> off_;
  std::set<size_t> client_down_;
  std::set<Place> management_down_;
  std::set<size_t> cut_from_clients_;
  std::set<Place> cut_from_coordinator_;
  std::map<Place, uint32_t> caps_;
  OnMade on_made_;
  Processes processes_;  // last, so that they end first
};

}  // namespace atl::lab
