// The other direction of compute_json.h: what the emulated API answers, and what it is asked.
//
// Values only. Errors of the parsers: kInvalidArgument with what is wrong.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cloud/compute.h"
#include "cloud/resource_link.h"

namespace atl::cloud {

std::string instance_json(const std::string& project, const Instance& instance);
std::string instances_json(const std::string& project, const std::vector<Instance>& instances);
std::string subnetwork_json(const std::string& project, const std::string& region,
                            const Subnetwork& subnetwork);
std::string network_json(const std::string& project, const NetworkFeatures& features);
std::string network_profile_json(const NetworkFeatures& features);
std::string route_json(const std::string& project, const Route& route);
std::string routes_json(const std::string& project, const std::vector<Route>& routes);
std::string operation_json(const std::string& project, const Operation& operation);
// `zone_of` says where a group is.
std::string backend_service_json(const std::string& project, const BackendService& service,
                                 const std::function<std::string(const std::string&)>& zone_of);
std::string forwarding_rules_json(const std::string& project,
                                  const std::vector<ForwardingRule>& rules);
std::string managed_instances_json(const std::string& project,
                                   const std::vector<ManagedInstance>& instances);
std::string health_json(const std::string& project,
                        const std::vector<std::pair<InstanceRef, Health>>& endpoints);
std::string token_json(const std::string& token, uint64_t expires_in_seconds);
// Of the metadata server: instance/network-interfaces/?recursive=true.
std::string metadata_interfaces_json(const Instance& instance);

struct ApiFailure {
  int status = 0;
  std::string body;
};
// kTimeout has no answer and must not be given.
ApiFailure failure_of(const Error& error);
ApiFailure failure(int status, const std::string& reason, const std::string& message);

struct AliasRequest {
  std::string fingerprint;
  // Absent: nothing is to be changed, which is not the same as the empty list.
  std::optional<std::vector<AliasRange>> aliases;
};
Result<AliasRequest> parse_alias_request(std::string_view json);

struct LeaderRequest {
  std::string fingerprint;
  HaLeader leader;
};
Result<LeaderRequest> parse_leader_request(std::string_view json);
Result<Route> parse_route_request(std::string_view json);
Result<ResourceLink> parse_group_request(std::string_view json);

}  // namespace atl::cloud
