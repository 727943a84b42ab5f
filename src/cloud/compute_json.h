// The API's JSON: answers into the values of compute.h, changes into request bodies.
//
// Answers come over a network from a service that may add fields at any time: unknown fields are
// passed over, missing optional ones have their defaults, and what is there must have the right
// type. Numbers may come as strings, as the API writes 64-bit ones. There is a fuzzer
// (compute_json_fuzz.cc).
//
// Values only: any thread. Errors of the parsers: kUnavailable, "the answer cannot be understood"
// with what is wrong: nothing is known of the outcome, and reading again may help.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cloud/compute.h"
#include "cloud/resource_link.h"

namespace atl::cloud {

// Deepest nesting of an answer; the API's have about 8.
inline constexpr size_t kJsonDepthMax = 32;
// Elements of one list in an answer. A page has at most 500 (maxResults).
inline constexpr size_t kJsonListMax = 4096;
// Of a message of the API's, shown in an error.
inline constexpr size_t kApiMessageBytesMax = 500;

Result<Instance> parse_instance(std::string_view json);
Result<Subnetwork> parse_subnetwork(std::string_view json);
Result<Route> parse_route(std::string_view json);
Result<Operation> parse_operation(std::string_view json);

// A backend service; of its groups and leader also the whole links.
struct BackendServiceAnswer {
  BackendService service;
  std::vector<ResourceLink> groups;
};
Result<BackendServiceAnswer> parse_backend_service(std::string_view json);

// Of networks.get: the profile's name, "" without one.
Result<std::string> parse_network_profile_name(std::string_view json);
// Of networkProfiles.get. What it does not say to be allowed is not.
Result<NetworkFeatures> parse_network_profile(std::string_view json);

// One page of a list and the token of the next, "" on the last.
template <typename T>
struct Page {
  std::vector<T> items;
  std::string next_token;
};
Result<Page<Route>> parse_routes(std::string_view json);
Result<Page<ForwardingRule>> parse_forwarding_rules(std::string_view json);
// Without the addresses, which are not in this answer.
Result<Page<ManagedInstance>> parse_managed_instances(std::string_view json);
// Of instances.list.
Result<Page<Instance>> parse_instances(std::string_view json);

struct EndpointHealth {
  InstanceRef instance;
  Health health = Health::kUnknown;
};
Result<std::vector<EndpointHealth>> parse_health(std::string_view json);

struct AccessToken {
  std::string token;
  uint64_t expires_in_seconds = 0;
};
Result<AccessToken> parse_token(std::string_view json);

// What an answer with that HTTP status, and usually an error body, means (see compute.h).
Error api_error(int status, std::string_view body);
// The code of an operation's error: "IP_IN_USE_BY_ANOTHER_RESOURCE".
Errc operation_errc(std::string_view code);

// --- Request bodies ---

// An empty list is there as [], which is what removes the last alias.
std::string alias_body(const std::string& fingerprint, const std::vector<AliasRange>& aliases);
std::string route_body(const std::string& network_project, const std::string& instance_project,
                       const Route& route);
std::string leader_body(const std::string& project, const std::string& fingerprint,
                        const HaLeader& leader);
std::string group_body(const ResourceLink& group);

}  // namespace atl::cloud
