#include "lab/firewall.h"

#include <algorithm>

#include <fmt/format.h>

namespace atl::lab {

namespace {

constexpr std::string_view kRoutedRouter = R"(table ip lab {
  set cut { type ifname; }
  counter nobody { }
  chain forward {
    type filter hook forward priority 0; policy accept;
    iifname @cut drop
    oifname @cut drop
    oifname "sink" counter name nobody drop
  }
  # The load balancer's probes begin here.
  chain in {
    type filter hook input priority 0; policy accept;
    iifname @cut drop
  }
  chain out {
    type filter hook output priority 0; policy accept;
    oifname @cut drop
  }
}
)";

constexpr std::string_view kSegmentRouter = R"(table bridge lab {
  set cut { type ifname; }
  chain forward {
    type filter hook forward priority 0; policy accept;
    iifname @cut drop
    oifname @cut drop
  }
}
)";

// The runner is an end of this network, not beside it: what is cut must not reach the bridge
// itself.
constexpr std::string_view kManagement = R"(table bridge lab {
  set cut { type ifname; }
  chain in {
    type filter hook prerouting priority -300; policy accept;
    iifname @cut drop
  }
  chain out {
    type filter hook postrouting priority 300; policy accept;
    oifname @cut drop
  }
}
)";

bool is_routed_router(const Place& at, Network network) {
  return at.kind == Place::Kind::kRouter && network == Network::kRouted;
}

}  // namespace

std::string firewall_text(const Place& at, Network network) {
  if (is_routed_router(at, network)) return std::string(kRoutedRouter);
  return std::string(at.kind == Place::Kind::kRouter ? kSegmentRouter : kManagement);
}

std::string cut_text(const Place& at, Network network, const std::string& port, bool cut) {
  return fmt::format("{} element {} lab cut {{ \"{}\" }}\n", cut ? "add" : "delete",
                     is_routed_router(at, network) ? "ip" : "bridge", port);
}

std::string cap_text(const std::string& port, const std::string& ifb, uint32_t mbit) {
  // A bucket must hold the largest packet that the kernel hands on at once (64 KiB), and what flows
  // in a timer tick of 4 ms.
  const uint64_t bucket = std::max<uint64_t>(128_KiB, uint64_t{mbit} * 1'000'000 / 8 / 250);
  const std::string shape =
      fmt::format("root tbf rate {}mbit burst {} latency {}ms", mbit, bucket, kCapQueueMs);
  return fmt::format(
      "qdisc replace dev {0} {2}\n"
      "qdisc replace dev {1} {2}\n"
      "qdisc add dev {0} handle ffff: ingress\n"
      "filter add dev {0} parent ffff: protocol all u32 match u32 0 0 "
      "action mirred egress redirect dev {1}\n",
      port, ifb, shape);
}

std::string uncap_text(const std::string& port) {
  return fmt::format("qdisc del dev {0} root\nqdisc del dev {0} ingress\n", port);
}

}  // namespace atl::lab
