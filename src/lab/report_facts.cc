#include "lab/report_facts.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"

namespace atl::lab {
namespace {

// Pages that the texts cite, as {key}.
struct Reference {
  std::string_view key;
  std::string_view title;
  std::string_view address;
};
constexpr Reference kReferences[] = {
    {"alias", "Alias IP ranges", "https://docs.cloud.google.com/vpc/docs/alias-ip"},
    {"capi", "cluster-api report",
     "https://github.com/kubernetes-sigs/cluster-api-provider-gcp/issues/1256"},
    {"community", "Google Cloud Community",
     "https://medium.com/google-cloud/"
     "recommendations-for-high-availability-failover-on-google-compute-engine-f4ff409fcf10"},
    {"f5", "F5 report", "https://github.com/F5Networks/f5-google-gdm-templates/issues/78"},
    {"ilb", "internal passthrough load balancer",
     "https://cloud.google.com/load-balancing/docs/internal"},
    {"ocf-route", "gcp-vpc-move-route of Pacemaker", "https://github.com/ClusterLabs"},
    {"openshift", "OpenShift report", "https://github.com/openshift/installer/pull/3512"},
    {"quota", "VPC quotas", "https://docs.cloud.google.com/vpc/docs/quota"},
    {"rdma", "RDMA network profiles",
     "https://docs.cloud.google.com/vpc/docs/rdma-network-profiles"},
    {"routes", "Static routes", "https://docs.cloud.google.com/vpc/docs/static-routes"},
    {"sap", "SAP HANA HA guide",
     "https://docs.cloud.google.com/sap/docs/sap-hana-ha-planning-guide"},
    {"schema", "API schema of haPolicy",
     "https://pub-web-s1.flutter-io.cn/documentation/googleapis/latest/compute_v1/BackendService/"
     "haPolicy.html"},
    {"stateful", "Stateful IP addresses",
     "https://cloud.google.com/compute/docs/instance-groups/configuring-stateful-ip-addresses"},
    {"vpc", "VPC overview", "https://cloud.google.com/vpc/docs/vpc"},
};

MoverFacts garp() {
  return {
      .mover = "gcp-garp",
      .what =
          "An address is a forwarding rule of a backend service with `haPolicy` and fast IP move. "
          "The new holder sends a gratuitous ARP and the network follows; the API makes it durable "
          "afterwards.",
      .needs = {"a regional backend service made with `fastIPMove: GARP_RA`, which can be set at "
                "creation only, and zonal `GCE_VM_IP` groups as backends ({schema})",
                "the permission `compute.instances.use` on the instances ({schema})",
                "nobody else's failure detection: it excludes health checks. Atoll detects.",
                "for planned moves without a gap, UDP 7047 between the nodes (docs/vip.md)"},
      .limits =
          {"64 such services in a VPC and region, 32 endpoints a service ({schema}): at most 64 "
           "addresses: each needs a service of its own, since those that share one move together",
           "three seconds between the last ARP of one node and the first of the next, or the two "
           "race ({schema}). Atoll does not wait for that: a new holder announces at once and "
           "again with growing pauses until the three seconds are over, so that the last word is "
           "its own whoever wins. Until then clients may be sent to the node before it, which is "
           "silent. In the emulated cloud each announcement within the three seconds wins by the "
           "toss of a coin (assumed): that is in the gaps here",
           "the move lasts about 20 minutes; the leader must be set in the API by then ({schema})",
           "no IPv6 on machines of the third generation and later ({schema})"},
      .rdma =
          "Not on Falcon VPCs: no load balancing there. RoCE VPCs: not in what we read; the mover "
          "asks the network's profile ({rdma}).",
      .zones =
          "The service is regional; its groups are zonal and may be in different subnets of one "
          "VPC ({schema}).",
      .projects = "All groups are in one VPC ({schema}). Further than that: not in our facts.",
      .pros = "No API call between the fault and the first answer.",
      .cons =
          "Billed like a load balancer (whether `haPolicy` traffic is, is not published: look at a "
          "bill); 64 addresses.",
      .situation =
          "You want no API call in the gap, have at most 64 addresses that move on their "
          "own, and the bill by GiB is acceptable"};
}

MoverFacts alias() {
  return {
      .mover = "gcp-alias",
      .what =
          "An address is an alias range (/32) of the holder's interface: taken from the old one, "
          "then given to the new one.",
      .needs = {"addresses of the interface's own subnet, primary or secondary range ({alias})",
                "the guest has the address itself ({alias}); Atoll's node sees to that",
                "rights to read instances and to change their interfaces (assumed: no official "
                "list in our facts)"},
      .limits =
          {"150 alias ranges an interface, which cannot be raised, and a quota of the network "
           "({quota})",
           "an address that another interface has is refused ({f5}): between the removal and the "
           "addition nobody has it",
           "rarely, an alias stays stuck on an instance ({community}); Atoll sees it and says so"},
      .rdma =
          "Not on Falcon VPCs; a preview on RoCE VPCs since 2026-06-22; not on RoCE metal ({rdma} "
          "and release notes).",
      .zones =
          "For one zone. Google does not recommend it for several: if a zone fails, the "
          "reallocation can be delayed ({sap}).",
      .projects =
          "Aliases are reachable over VPC peering ({alias}). A move between projects: not in our "
          "facts.",
      .pros = "Addresses of the subnet; no charge of its own that we know of; no route quota.",
      .cons =
          "Two slow API operations, one after the other, are part of every gap, after a crash and "
          "in a planned move: nobody has the address between them.",
      .situation =
          "All nodes are in one zone, the addresses must be of the subnet, and no bill by GiB is "
          "wanted"};
}

MoverFacts route() {
  return {
      .mover = "gcp-route",
      .what =
          "An address is the destination of a /32 route to its holder. The better route is "
          "inserted first, then the old one is deleted: there is no hole.",
      .needs = {"addresses outside every subnet of the VPC ({sap})",
                "instances that may forward IP packets (`canIpForward`; {ocf-route})",
                "for clients on premises, custom advertisements on the Cloud Router ({community})",
                "for planned moves without a gap, UDP 7047 between the nodes (docs/vip.md)"},
      .limits = {"a quota of static routes for each network ({quota}); its default is quoted as "
                 "250 and as 400. A move needs a second route for a while; what is over the quota "
                 "is refused and reported",
                 "it spreads in its own time, without a promise (assumed: seconds)",
                 "a next hop that hangs while RUNNING is not passed over (assumed); the new route "
                 "outranks it"},
      .rdma =
          "Not on RDMA VPCs: IP forwarding is blocked on Falcon and RoCE alike (read from the "
          "table in {rdma}).",
      .zones = "Protects across zones ({sap}).",
      .projects =
          "The next hop is an instance of the same project ({routes}); with a Shared VPC the "
          "routes are in the host project ({sap}).",
      .pros =
          "Works across zones; no charge of its own that we know of; no hole, wherever a mover "
          "dies.",
      .cons = "Addresses outside the subnets must be made known to everybody; the quota of routes.",
      .situation =
          "Nodes are in several zones, addresses may lie outside the subnets, and no bill by GiB "
          "is wanted"};
}

MoverFacts balancer() {
  return {
      .mover = "gcp-lb",
      .what =
          "An address is a forwarding rule of an internal passthrough load balancer; the holder "
          "answers its health check, the others do not.",
      .needs = {"a regional backend service with a health check; instance groups or `GCE_VM_IP` "
                "groups as backends ({ilb})",
                "the guest owns the address ({capi}); Atoll's node sees to that",
                "a firewall that lets the probes in (35.191.0.0/16 and 130.211.0.0/22; assumed to "
                "be all)",
                "for planned moves without a gap, UDP 7047 between the nodes (docs/vip.md)"},
      .limits =
          {"as fast as its health check: interval times threshold. The shortest interval is 1 s "
           "(assumed); OpenShift sees 6 to 8 s for failure and as long for health ({openshift})",
           "all addresses of a node behind one backend service move together"},
      .rdma =
          "Not on Falcon VPCs: no load balancing there. RoCE VPCs: not in what we read; the mover "
          "asks the network's profile ({rdma}).",
      .zones =
          "What Google recommends: predictable times across zones and an SLA of 99.99 % ({sap}).",
      .projects =
          "Clients of the same region, unless global access is allowed ({sap}). Further than that: "
          "not in our facts.",
      .pros = "A standard product with an SLA; no API call in the failover.",
      .cons = "Every GiB is billed.",
      .situation =
          "Little traffic (administration, a name service, small clients), several zones, and a "
          "product with an SLA is wanted"};
}

MoverFacts pool() {
  return {
      .mover = "gcp-pool",
      .what =
          "Nothing floats: an address belongs to an instance of a managed group and comes back "
          "with its replacement. Clients ask the pool's name again and get a healthy address.",
      .needs = {"a managed instance group that keeps primary addresses ({stateful})",
                "clients that resolve the name again and connect elsewhere; Atoll's node answers "
                "DNS with healthy addresses only"},
      .limits = {"an address is away as long as its instance is: the gaps here are for a client "
                 "that stays with one address"},
      .rdma =
          "The way on RDMA networks: each node's primary address, and clients that fail over "
          "themselves (our reading of {rdma}).",
      .zones = "Clients go to any address that the name has. Zones of one group: not in our facts.",
      .projects = "Whatever the network routes to primary addresses.",
      .pros = "Nothing to move, nothing that can be stuck; works where nothing else does.",
      .cons = "Useless for a client that cannot change its address, such as a mounted file system.",
      .situation =
          "The addresses are on RDMA networks, or every client resolves the name again by itself"};
}

MoverFacts arp() {
  return {.mover = "linux-arp",
          .what =
              "The holder has the address and says so by gratuitous ARP; switches and neighbours "
              "follow.",
          .needs = {"a plain segment, where a broadcast reaches everybody: a data centre, not a "
                    "VPC ({vpc}: IPv4 unicast only)"},
          .limits = {"one segment"},
          .rdma = "Refused on every VPC, RDMA ones included. Other RDMA networks: not measured.",
          .zones = "As far as the segment goes.",
          .projects = "Does not apply.",
          .pros = "No API, no bill; nothing but detection and the lease in the gap.",
          .cons = "Does not work in a cloud network; refused there.",
          .situation = "Your nodes are on a plain segment in your own data centre"};
}

}  // namespace

std::string cited(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = text.find('{', at);
    if (begin == text.npos) return out + std::string(text.substr(at));
    const size_t end = text.find('}', begin);
    ATOLL_CHECK(end != text.npos, text);
    const auto* found =
        std::ranges::find(kReferences, text.substr(begin + 1, end - begin - 1), &Reference::key);
    ATOLL_CHECK(found != std::end(kReferences), text);
    out += text.substr(at, begin - at);
    out += fmt::format("[{}]({})", found->title, found->address);
    at = end + 1;
  }
  return out;
}

const std::vector<MoverFacts>& all_mover_facts() {
  static const std::vector<MoverFacts> kAll = {arp(), garp(), alias(), route(), balancer(), pool()};
  return kAll;
}

const MoverFacts* facts_of(std::string_view mover) {
  const auto& all = all_mover_facts();
  const auto at = std::ranges::find(all, mover, &MoverFacts::mover);
  return at == all.end() ? nullptr : &*at;
}

}  // namespace atl::lab
