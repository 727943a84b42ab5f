// Who is where in the laboratory: names, addresses, interface indices.
//
//   place          client network (eth0)   management network (mgmt0)   router's end
//   router         10.0.0.1                -                            -
//   node 1..N      10.0.1.n                198.18.1.n                   v<n>, index 1000 + n
//   client 1..C    10.0.200.n              -                            c<n>, index 3000 + n
//   mgmt           -                       198.18.0.1                   -
//   controller 1.. -                       198.18.2.n                   -
//
// The bridge's ports in mgmt have the names of their places: index 1000 + n, controllers 5000 + n.
//
// VIPs are 10.0.9.x, and 10.99.0.x for a mover that needs them outside the subnet 10.0.0.0/16.
//
// Nodes, clients and controllers count from 1, as in their names. Threads: any.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "vip/types.h"

namespace atl::lab {

inline constexpr size_t kNodesMax = 250;  // the last byte of an address
inline constexpr size_t kClientsMax = 50;
inline constexpr size_t kControllersMax = 50;

inline constexpr int kNodeIndexBase = 1000;
inline constexpr int kClientIndexBase = 3000;
inline constexpr int kControllerIndexBase = 5000;

inline constexpr const char* kSubnet = "10.0.0.0/16";
inline constexpr const char* kGateway = "10.0.0.1";
inline constexpr const char* kManagementSubnet = "198.18.0.0/16";  // RFC 2544: for tests
inline constexpr const char* kRunnerAddress = "198.18.0.1";
inline constexpr uint16_t kCoordinatorPort = 7000;
inline constexpr uint16_t kCloudPort = 8080;

struct Place {
  enum class Kind : uint8_t { kRouter, kManagement, kNode, kClient, kController };
  Kind kind = Kind::kRouter;
  size_t number = 0;  // from 1; 0 for the router and mgmt

  std::string name() const;                // "router", "mgmt", "node3", "client1", "ctl2"
  std::string client_address() const;      // on the client network; "" when it is not there
  std::string management_address() const;  // on the management network; "" when it is not there
  friend auto operator<=>(const Place&, const Place&) = default;
};

inline Place router_place() {
  return {Place::Kind::kRouter, 0};
}
inline Place management_place() {
  return {Place::Kind::kManagement, 0};
}
inline Place node_place(size_t number) {
  return {Place::Kind::kNode, number};
}
inline Place client_place(size_t number) {
  return {Place::Kind::kClient, number};
}
inline Place controller_place(size_t number) {
  return {Place::Kind::kController, number};
}

// The router's end of a node's or client's link, and the bridge's end of a management link.
std::string client_port(const Place& place);
int client_index(const Place& place);
int management_index(const Place& place);

// The VIP of that number, from 1: 10.0.9.n, or 10.99.0.n outside the subnet.
vip::Vip lab_vip(size_t number, bool outside_subnet = false);

}  // namespace atl::lab
