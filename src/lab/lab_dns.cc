#include "lab/lab_dns.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "lab/places.h"
#include "vip/dns/zone.h"

namespace atl::lab {

std::string lab_dns_section(const vip::Pool& pool, size_t node) {
  boost::json::object servers;
  boost::json::object rdma;
  for (size_t i = 1; i <= pool.nodes.size(); ++i) {
    if (i <= vip::dns::kZoneServersMax)
      servers[fmt::format("ns{}", i)] = node_place(i).client_address();
    boost::json::array rails;
    for (const int rail : {128, 129}) rails.emplace_back(fmt::format("10.{}.0.{}", rail, i));
    rdma[pool.nodes[i - 1].name] = std::move(rails);
  }
  boost::json::object service;
  service["port"] = kLabRdmaPort;
  service["nodes"] = std::move(rdma);
  boost::json::array listen;
  listen.emplace_back(fmt::format("{}:{}", node_place(node).client_address(), kDnsPort));
  boost::json::object out;
  out["zone"] = kLabZone;
  out["listen"] = std::move(listen);
  out["servers"] = std::move(servers);
  out["rdma"] = std::move(service);
  return boost::json::serialize(out);
}

}  // namespace atl::lab
