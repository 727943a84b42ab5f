// Making the laboratory: namespaces, links, addresses, firewalls.
#include <fmt/format.h>

#include <algorithm>

#include "lab/command.h"
#include "lab/firewall.h"
#include "lab/netlab.h"
#include "lab/reaper.h"
#include "lab/route_socket.h"

namespace atl::lab {

namespace {

// With an address of its own: a bridge without one takes its lowest port's, and changes it when a
// port comes or goes, while others still have the old one in their neighbour tables.
constexpr std::string_view kBridgeLine =
    "link add br0 address 42:01:c6:12:ff:fe type bridge stp_state 0 forward_delay 0 "
    "mcast_snooping 0\n";

struct Sysctl {
  const char* name;
  const char* value;
  bool optional = false;  // kernels differ, and machines in what they allow
};

// In every namespace, whatever this machine has: interfaces as the kernel makes them, TCP as Debian
// 12 has it (Linux 6.1). The last one did not exist then: the first retries of a SYN a second
// apart.
constexpr Sysctl kEverywhere[] = {
    {"net.ipv4.conf.all.rp_filter", "0"},
    {"net.ipv4.conf.default.rp_filter", "0"},
    {"net.ipv4.conf.all.arp_ignore", "0"},
    {"net.ipv4.conf.default.arp_ignore", "0"},
    {"net.ipv4.conf.all.arp_announce", "0"},
    {"net.ipv4.conf.default.arp_announce", "0"},
    {"net.ipv4.conf.all.arp_accept", "0"},
    {"net.ipv4.conf.default.arp_accept", "0"},
    {"net.ipv6.conf.all.disable_ipv6", "1", true},
    {"net.ipv6.conf.default.disable_ipv6", "1", true},
    {"net.ipv4.tcp_congestion_control", "cubic", true},
    {"net.ipv4.tcp_syn_retries", "6"},
    {"net.ipv4.tcp_synack_retries", "5"},
    {"net.ipv4.tcp_retries1", "3"},
    {"net.ipv4.tcp_retries2", "15"},
    {"net.ipv4.tcp_fin_timeout", "60"},
    {"net.ipv4.tcp_tw_reuse", "2"},
    {"net.ipv4.tcp_rmem", "4096 131072 6291456"},
    {"net.ipv4.tcp_wmem", "4096 16384 4194304"},
    {"net.ipv4.ip_local_port_range", "32768 60999"},
    {"net.ipv4.tcp_syn_linear_timeouts", "0", true},
};

// A VPC's gateway answers every ARP at once, sends no redirects and learns nothing from a guest.
constexpr Sysctl kRoutedRouter[] = {
    {"net.ipv4.ip_forward", "1"},
    {"net.ipv4.conf.all.proxy_arp", "1"},
    {"net.ipv4.conf.all.send_redirects", "0"},
    {"net.ipv4.conf.default.send_redirects", "0"},
    {"net.ipv4.conf.all.drop_gratuitous_arp", "1"},
};

template <size_t kCount>
Status write_all(const Sysctl (&list)[kCount]) {
  for (const Sysctl& sysctl : list) {
    const Status written = write_sysctl(sysctl.name, sysctl.value);
    if (!written && !sysctl.optional) return written;
  }
  return {};
}

Status batch(const char* program, const Namespace& space, const std::string& lines) {
  const std::vector<std::string> argv = {program, "-batch", "-"};
  ATOLL_TRY([[maybe_unused]] const std::string said, run_command(argv, lines, space.fd()));
  return {};
}

bool on_client_network(const Place& place) {
  return place.kind == Place::Kind::kNode || place.kind == Place::Kind::kClient;
}

bool on_management_network(const Place& place) {
  return place.kind == Place::Kind::kNode || place.kind == Place::Kind::kController;
}

// 42:01 and the address, as Compute Engine makes them.
Mac mac_of(const std::string& address) {
  const uint32_t number = vip::Vip::parse(address).value().number;
  return {0x42,
          0x01,
          static_cast<uint8_t>(number >> 24),
          static_cast<uint8_t>(number >> 16),
          static_cast<uint8_t>(number >> 8),
          static_cast<uint8_t>(number)};
}

std::string text_of(const Mac& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                     mac[4], mac[5]);
}

std::string link_line(const std::string& port, int index, const std::string& master,
                      const std::string& inside, const std::string& address,
                      const std::string& space) {
  const std::string join =
      master.empty() ? "" : fmt::format("link set {} master {}\n", port, master);
  return fmt::format(
             "link add {} index {} mtu {} type veth peer name {} mtu {} address {} netns {}\n",
             port, index, kMtu, inside, kMtu, text_of(mac_of(address)), space) +
         join + fmt::format("link set {} up\n", port);
}

}  // namespace

Status NetLab::build() {
  const std::vector<Place> all = places();
  std::vector<std::string> names;
  for (const Place& place : all) names.push_back(full_name(place));
  ATOLL_TRY(reaper_, Reaper::start(names));
  ATOLL_TRY_STATUS(make_spaces(all));
  ATOLL_TRY(RouteSocket in_router, RouteSocket::open(spaces_.at(router_place())));
  ATOLL_TRY(RouteSocket in_management, RouteSocket::open(spaces_.at(management_place())));
  router_ = std::make_unique<RouteSocket>(std::move(in_router));
  management_ = std::make_unique<RouteSocket>(std::move(in_management));
  ATOLL_TRY_STATUS(make_client_network(all));
  ATOLL_TRY_STATUS(make_management_network(all));
  for (const Place& place : all) {
    ATOLL_TRY_STATUS(make_inside(place));
    if (!on_client_network(place)) continue;
    ATOLL_TRY_STATUS(restore_routes(place));
    if (usual_cap(place) != 0) ATOLL_TRY_STATUS(apply_cap(place, usual_cap(place)));
  }
  return {};
}

Status NetLab::make_spaces(const std::vector<Place>& places) {
  std::string lines;
  for (const Place& place : places) lines += "netns add " + full_name(place) + "\n";
  const std::vector<std::string> argv = {"ip", "-batch", "-"};
  ATOLL_TRY([[maybe_unused]] const std::string said, run_command(argv, lines));
  for (const Place& place : places) {
    ATOLL_TRY(Namespace made, Namespace::open(full_name(place)));
    const bool router = place.kind == Place::Kind::kRouter && options_.network == Network::kRouted;
    ATOLL_TRY_STATUS(made.run([router]() -> Status {
      ATOLL_TRY_STATUS(write_all(kEverywhere));
      return router ? write_all(kRoutedRouter) : Status{};
    }));
    spaces_[place] = std::move(made);
  }
  return {};
}

Status NetLab::make_client_network(const std::vector<Place>& places) {
  const Namespace& router = spaces_.at(router_place());
  const bool segment = options_.network == Network::kSegment;
  std::string lines = "link set lo up\n";
  if (segment) {
    lines += kBridgeLine;
    lines += "link set br0 up\n";
  } else {
    // Whatever has no better route goes there and is dropped. That it has a route at all is what
    // makes the gateway answer ARP for it.
    lines += fmt::format("addr add {}/32 dev lo\n", kGateway);
    lines += "link add sink type veth peer name sink-end\n";
    lines += "link set sink arp off up\nlink set sink-end arp off up\n";
    lines += "route add default dev sink\n";
  }
  for (const Place& place : places) {
    if (!on_client_network(place)) continue;
    lines += link_line(client_port(place), client_index(place), segment ? "br0" : "", "eth0",
                       place.client_address(), full_name(place));
  }
  ATOLL_TRY_STATUS(batch("ip", router, lines));
  const std::vector<std::string> argv = {"nft", "-f", "-"};
  const std::string rules = firewall_text(router_place(), options_.network);
  ATOLL_TRY([[maybe_unused]] const std::string said, run_command(argv, rules, router.fd()));
  return {};
}

Status NetLab::make_management_network(const std::vector<Place>& places) {
  const Namespace& management = spaces_.at(management_place());
  std::string lines = "link set lo up\n";
  lines += kBridgeLine;
  lines += fmt::format("addr add {}/16 dev br0\nlink set br0 up\n", kRunnerAddress);
  for (const Place& place : places) {
    if (!on_management_network(place)) continue;
    lines += link_line(place.name(), management_index(place), "br0", "mgmt0",
                       place.management_address(), full_name(place));
  }
  ATOLL_TRY_STATUS(batch("ip", management, lines));
  const std::vector<std::string> argv = {"nft", "-f", "-"};
  const std::string rules = firewall_text(management_place(), options_.network);
  ATOLL_TRY([[maybe_unused]] const std::string said, run_command(argv, rules, management.fd()));
  return {};
}

Status NetLab::make_inside(const Place& place) {
  std::string lines = "link set lo up\n";
  const bool segment = options_.network == Network::kSegment;
  if (on_client_network(place)) {
    lines += fmt::format("addr add {}/{} dev eth0\nlink set eth0 up\n", place.client_address(),
                         segment ? 16 : 32);
    if (!segment) lines += fmt::format("route add default via {} dev eth0 onlink\n", kGateway);
  }
  if (on_management_network(place)) {
    lines +=
        fmt::format("addr add {}/16 dev mgmt0\nlink set mgmt0 up\n", place.management_address());
  }
  return batch("ip", spaces_.at(place), lines);
}

Status NetLab::remake(size_t node) {
  const Place place = node_place(node);
  const bool segment = options_.network == Network::kSegment;
  const Namespace& router = spaces_.at(router_place());
  const Namespace& management = spaces_.at(management_place());
  const std::string port = client_port(place);
  ATOLL_TRY_STATUS(batch("ip", router, fmt::format("link del {}\n", port)));
  ATOLL_TRY_STATUS(batch("ip", management, fmt::format("link del {}\n", place.name())));
  spaces_.at(place).close();
  const std::vector<std::string> argv = {"ip", "netns", "del", full_name(place)};
  ATOLL_TRY([[maybe_unused]] const std::string said, run_command(argv));
  ATOLL_TRY_STATUS(make_spaces({place}));
  ATOLL_TRY_STATUS(batch("ip", router,
                         link_line(port, client_index(place), segment ? "br0" : "", "eth0",
                                   place.client_address(), full_name(place))));
  ATOLL_TRY_STATUS(batch("ip", management,
                         link_line(place.name(), management_index(place), "br0", "mgmt0",
                                   place.management_address(), full_name(place))));
  if (on_made_) ATOLL_TRY_STATUS(on_made_(node));
  return make_inside(place);
}

Status NetLab::restore_routes(const Place& place) {
  if (options_.network != Network::kRouted) return {};
  // By default the kernel waits up to 0.8 s before it answers ARP for another.
  const std::string delay = "net.ipv4.neigh." + client_port(place) + ".proxy_delay";
  ATOLL_TRY_STATUS(spaces_.at(router_place()).run([&delay] { return write_sysctl(delay, "0"); }));
  const vip::Vip address = vip::Vip::parse(place.client_address()).value();
  const int port = client_index(place);
  ATOLL_TRY_STATUS(router_->set_neighbour(address, mac_of(place.client_address()), port));
  ATOLL_TRY_STATUS(router_->replace_route(address, std::nullopt, port));
  if (place.kind != Place::Kind::kNode) return {};
  for (const auto& [vip, node] : delivered_) {
    if (node == place.number) ATOLL_TRY_STATUS(router_->replace_route(vip, address, port));
  }
  return {};
}

uint32_t NetLab::usual_cap(const Place& place) const {
  return place.kind == Place::Kind::kNode ? options_.node_mbit : options_.client_mbit;
}

Status NetLab::apply_cap(const Place& place, uint32_t mbit) {
  const Namespace& router = spaces_.at(router_place());
  const std::string port = client_port(place);
  const std::string ifb = "i" + port;
  if (caps_.contains(place)) {
    ATOLL_TRY_STATUS(batch("tc", router, uncap_text(port)));
    ATOLL_TRY_STATUS(batch("ip", router, fmt::format("link del {}\n", ifb)));
    caps_.erase(place);
  }
  if (mbit == 0) return {};
  ATOLL_TRY_STATUS(
      batch("ip", router, fmt::format("link add {0} type ifb\nlink set {0} up\n", ifb)));
  ATOLL_TRY_STATUS(batch("tc", router, cap_text(port, ifb, mbit)));
  caps_[place] = mbit;
  return {};
}

}  // namespace atl::lab
