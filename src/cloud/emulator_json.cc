#include "cloud/emulator_json.h"

#include "base/check.h"
#include "cloud/json_field.h"

namespace atl::cloud {
namespace json = boost::json;

namespace {

using Scope = Operation::Scope;

std::string link(const std::string& project, Scope scope, const std::string& location,
                 const std::string& collection, const std::string& name) {
  return make_link({project, scope, location, collection, name});
}

// ".../projects/p/zones/z": a location is a link of its own kind.
std::string location_link(const std::string& project, Scope scope, const std::string& location) {
  const std::string whole = link(project, scope, location, "x", "x");
  return whole.substr(0, whole.size() - std::string_view("/x/x").size());
}

json::array aliases_of(const NetworkInterface& interface) {
  json::array out;
  for (const AliasRange& alias : interface.aliases) {
    json::object range;
    range["ipCidrRange"] = alias.cidr;
    if (!alias.range_name.empty()) range["subnetworkRangeName"] = alias.range_name;
    out.push_back(std::move(range));
  }
  return out;
}

json::object interface_object(const std::string& project, const std::string& region,
                              const NetworkInterface& interface) {
  json::object out;
  out["kind"] = "compute#networkInterface";
  out["name"] = interface.name;
  out["network"] = link(project, Scope::kGlobal, "", "networks", interface.network);
  if (!interface.subnetwork.empty())
    out["subnetwork"] = link(project, Scope::kRegion, region, "subnetworks", interface.subnetwork);
  out["networkIP"] = interface.network_ip;
  out["fingerprint"] = interface.fingerprint;
  // As the API does it: no field at all when there is none.
  if (!interface.aliases.empty()) out["aliasIpRanges"] = aliases_of(interface);
  return out;
}

// "europe-west4-b" is in "europe-west4".
std::string region_of(const std::string& zone) {
  const size_t dash = zone.rfind('-');
  return dash == std::string::npos || dash == 0 ? zone : zone.substr(0, dash);
}

json::object instance_object(const std::string& project, const Instance& instance) {
  json::object out;
  out["kind"] = "compute#instance";
  out["name"] = instance.ref.name;
  out["zone"] = location_link(project, Scope::kZone, instance.ref.zone);
  out["status"] = instance.status;
  out["canIpForward"] = instance.can_ip_forward;
  json::array interfaces;
  for (const NetworkInterface& one : instance.interfaces)
    interfaces.push_back(interface_object(project, region_of(instance.ref.zone), one));
  out["networkInterfaces"] = std::move(interfaces);
  return out;
}

json::object route_object(const std::string& project, const Route& route) {
  json::object out;
  out["kind"] = "compute#route";
  out["name"] = route.name;
  out["network"] = link(project, Scope::kGlobal, "", "networks", route.network);
  out["destRange"] = route.destination;
  out["priority"] = route.priority;
  out["nextHopInstance"] =
      link(project, Scope::kZone, route.next_hop.zone, "instances", route.next_hop.name);
  return out;
}

template <typename T, typename F>
std::string list_json(std::string_view key, const std::vector<T>& items, F object_of) {
  json::array list;
  for (const T& item : items) list.push_back(object_of(item));
  json::object out;
  if (!list.empty()) out[key] = std::move(list);  // as the API does it
  return json::serialize(out);
}

std::string_view operation_code(Errc code) {
  if (code == Errc::kConflict) return "IP_IN_USE_BY_ANOTHER_RESOURCE";
  if (code == Errc::kNotFound) return "RESOURCE_NOT_FOUND";
  if (code == Errc::kExists) return "RESOURCE_ALREADY_EXISTS";
  if (code == Errc::kBusy) return "RATE_LIMIT_EXCEEDED";
  if (code == Errc::kNoSpace) return "QUOTA_EXCEEDED";
  if (code == Errc::kPermission) return "PERMISSIONS_ERROR";
  if (code == Errc::kUnsupported) return "UNSUPPORTED_OPERATION";
  if (code == Errc::kUnavailable || code == Errc::kTimeout) return "INTERNAL_ERROR";
  return "INVALID_FIELD_VALUE";
}

json::object operation_error(const Error& error) {
  // A twin's message may begin with the API's code, which has its own field here.
  std::string code(operation_code(error.code));
  std::string message = error.message;
  const size_t colon = message.find(": ");
  const std::string first = message.substr(0, colon);
  if (colon != std::string::npos &&
      first.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string::npos) {
    code = first;
    message.erase(0, colon + 2);
  }
  json::object item;
  item["code"] = code;
  item["message"] = message;
  json::object out;
  out["errors"] = json::array{std::move(item)};
  return out;
}

template <typename Read>
auto parse_request(std::string_view text, Read read)
    -> Result<decltype(read(std::declval<JsonFields&>(), std::declval<std::string*>()))> {
  Result<json::value> value = parse_json_object(text);
  if (!value) return fail(Errc::kInvalidArgument, value.error().message);
  std::string trouble;
  JsonFields in(*value, &trouble);
  auto out = read(in, &trouble);
  if (!trouble.empty()) return fail(Errc::kInvalidArgument, trouble);
  return out;
}

}  // namespace

std::string instance_json(const std::string& project, const Instance& instance) {
  return json::serialize(instance_object(project, instance));
}

std::string instances_json(const std::string& project, const std::vector<Instance>& instances) {
  return list_json("items", instances,
                   [&](const Instance& one) { return instance_object(project, one); });
}

std::string subnetwork_json(const std::string& project, const std::string& region,
                            const Subnetwork& subnetwork) {
  json::object out;
  out["name"] = subnetwork.name;
  out["network"] = link(project, Scope::kGlobal, "", "networks", subnetwork.network);
  out["region"] = location_link(project, Scope::kRegion, region);
  out["ipCidrRange"] = subnetwork.cidr;
  json::array ranges;
  for (const auto& [name, cidr] : subnetwork.secondary) {
    json::object range;
    range["rangeName"] = name;
    range["ipCidrRange"] = cidr;
    ranges.push_back(std::move(range));
  }
  if (!ranges.empty()) out["secondaryIpRanges"] = std::move(ranges);
  return json::serialize(out);
}

std::string network_json(const std::string& project, const NetworkFeatures& features) {
  json::object out;
  out["name"] = features.network;
  if (!features.profile.empty())
    out["networkProfile"] = link(project, Scope::kGlobal, "", "networkProfiles", features.profile);
  return json::serialize(out);
}

std::string network_profile_json(const NetworkFeatures& features) {
  const auto say = [](std::string_view what, bool allowed) {
    return std::string(what) + (allowed ? "_ALLOWED" : "_BLOCKED");
  };
  json::object list;
  list["allowAliasIpRanges"] = say("ALIAS_IP_RANGES", features.alias_ip);
  list["allowLoadBalancing"] = say("LOAD_BALANCING", features.load_balancing);
  list["allowStaticRoutes"] = say("STATIC_ROUTES", features.static_routes);
  list["allowIpForwarding"] = say("IP_FORWARDING", features.ip_forwarding);
  json::object out;
  out["name"] = features.profile;
  out["features"] = std::move(list);
  return json::serialize(out);
}

std::string route_json(const std::string& project, const Route& route) {
  return json::serialize(route_object(project, route));
}

std::string routes_json(const std::string& project, const std::vector<Route>& routes) {
  return list_json("items", routes, [&](const Route& one) { return route_object(project, one); });
}

std::string operation_json(const std::string& project, const Operation& operation) {
  json::object out;
  out["kind"] = "compute#operation";
  out["name"] = operation.name;
  out["status"] = operation.done ? "DONE" : "RUNNING";
  if (operation.scope != Scope::kGlobal)
    out[operation.scope == Scope::kZone ? "zone" : "region"] =
        location_link(project, operation.scope, operation.location);
  if (operation.done && operation.error) out["error"] = operation_error(*operation.error);
  return json::serialize(out);
}

std::string backend_service_json(const std::string& project, const BackendService& service,
                                 const std::function<std::string(const std::string&)>& zone_of) {
  const auto group_link = [&](const std::string& group) {
    return link(project, Scope::kZone, zone_of(group), "networkEndpointGroups", group);
  };
  json::object out;
  out["name"] = service.name;
  out["region"] = location_link(project, Scope::kRegion, service.region);
  out["fingerprint"] = service.fingerprint;
  json::array backends;
  for (const std::string& group : service.groups) {
    json::object backend;
    backend["group"] = group_link(group);
    backends.push_back(std::move(backend));
  }
  out["backends"] = std::move(backends);
  json::object policy;
  if (service.fast_ip_move) policy["fastIPMove"] = "GARP_RA";
  if (service.leader) {
    json::object endpoint;
    endpoint["instance"] = service.leader->instance.name;
    json::object leader;
    leader["backendGroup"] = link(project, Scope::kZone, service.leader->instance.zone,
                                  "networkEndpointGroups", service.leader->group);
    leader["networkEndpoint"] = std::move(endpoint);
    policy["leader"] = std::move(leader);
  }
  if (!policy.empty()) out["haPolicy"] = std::move(policy);
  return json::serialize(out);
}

std::string forwarding_rules_json(const std::string& project,
                                  const std::vector<ForwardingRule>& rules) {
  return list_json("items", rules, [&](const ForwardingRule& rule) {
    json::object out;
    out["name"] = rule.name;
    out["region"] = location_link(project, Scope::kRegion, rule.region);
    out["IPAddress"] = rule.address;
    out["backendService"] =
        link(project, Scope::kRegion, rule.region, "backendServices", rule.backend_service);
    return out;
  });
}

std::string managed_instances_json(const std::string& project,
                                   const std::vector<ManagedInstance>& instances) {
  return list_json("managedInstances", instances, [&](const ManagedInstance& one) {
    json::object out;
    out["instance"] = link(project, Scope::kZone, one.ref.zone, "instances", one.ref.name);
    // States of an instance and actions of the group come in one word from the twin.
    const bool action = one.status.ends_with("ING") && one.status != "RUNNING" &&
                        one.status != "STAGING" && one.status != "STOPPING";
    if (!action) out["instanceStatus"] = one.status;
    out["currentAction"] = action ? one.status : "NONE";
    return out;
  });
}

std::string health_json(const std::string& project,
                        const std::vector<std::pair<InstanceRef, Health>>& endpoints) {
  return list_json("healthStatus", endpoints, [&](const auto& endpoint) {
    json::object out;
    out["instance"] =
        link(project, Scope::kZone, endpoint.first.zone, "instances", endpoint.first.name);
    if (endpoint.second == Health::kHealthy) out["healthState"] = "HEALTHY";
    if (endpoint.second == Health::kUnhealthy) out["healthState"] = "UNHEALTHY";
    return out;
  });
}

std::string token_json(const std::string& token, uint64_t expires_in_seconds) {
  json::object out;
  out["access_token"] = token;
  out["expires_in"] = expires_in_seconds;
  out["token_type"] = "Bearer";
  return json::serialize(out);
}

std::string metadata_interfaces_json(const Instance& instance) {
  json::array out;
  for (const NetworkInterface& one : instance.interfaces) {
    json::array aliases;
    for (const AliasRange& alias : one.aliases) aliases.push_back(json::string(alias.cidr));
    json::object interface;
    interface["ip"] = one.network_ip;
    interface["ipAliases"] = std::move(aliases);
    interface["network"] = one.network;
    out.push_back(std::move(interface));
  }
  return json::serialize(out);
}

ApiFailure failure(int status, const std::string& reason, const std::string& message) {
  json::object item;
  item["reason"] = reason;
  item["message"] = message;
  item["domain"] = "global";
  json::object error;
  error["code"] = status;
  error["message"] = message;
  error["errors"] = json::array{std::move(item)};
  json::object out;
  out["error"] = std::move(error);
  return {status, json::serialize(out)};
}

ApiFailure failure_of(const Error& error) {
  ATOLL_CHECK(error.code != Errc::kTimeout);
  const std::string& text = error.message;
  if (error.code == Errc::kNotFound) return failure(404, "notFound", text);
  // The API checks who has an address when it carries the change out; a twin may at once.
  if (error.code == Errc::kConflict && text.starts_with("IP_IN_USE"))
    return failure(400, "ipInUseByAnotherResource", text);
  if (error.code == Errc::kConflict) return failure(412, "conditionNotMet", text);
  if (error.code == Errc::kExists) return failure(409, "alreadyExists", text);
  if (error.code == Errc::kBusy) return failure(403, "rateLimitExceeded", text);
  if (error.code == Errc::kNoSpace) return failure(403, "quotaExceeded", text);
  if (error.code == Errc::kPermission) return failure(403, "forbidden", text);
  if (error.code == Errc::kInvalidArgument) return failure(400, "invalid", text);
  if (error.code == Errc::kUnsupported) return failure(400, "unsupportedOperation", text);
  return failure(503, "backendError", text);
}

Result<AliasRequest> parse_alias_request(std::string_view text) {
  return parse_request(text, [](JsonFields& in, std::string* trouble) {
    AliasRequest out;
    out.fingerprint = in.text("fingerprint");
    if (!in.has("aliasIpRanges")) return out;
    out.aliases.emplace();
    for (const json::value& one : in.list("aliasIpRanges")) {
      JsonFields range(one, trouble);
      AliasRange alias;
      alias.cidr = range.required("ipCidrRange");
      alias.range_name = range.text("subnetworkRangeName");
      out.aliases->push_back(std::move(alias));
    }
    return out;
  });
}

Result<LeaderRequest> parse_leader_request(std::string_view text) {
  return parse_request(text, [](JsonFields& in, std::string* trouble) {
    LeaderRequest out;
    out.fingerprint = in.text("fingerprint");
    JsonFields policy(in.object("haPolicy"), trouble);
    JsonFields leader(policy.object("leader"), trouble);
    JsonFields endpoint(leader.object("networkEndpoint"), trouble);
    const ResourceLink group = leader.link("backendGroup");
    out.leader = {group.name, {group.location, endpoint.required("instance")}};
    return out;
  });
}

Result<Route> parse_route_request(std::string_view text) {
  return parse_request(text, [](JsonFields& in, std::string*) {
    Route out;
    out.name = in.required("name");
    out.network = in.name_of("network");
    out.destination = in.required("destRange");
    out.priority = static_cast<uint32_t>(std::min<uint64_t>(in.number("priority", 1000), 65536));
    const ResourceLink hop = in.link("nextHopInstance");
    out.next_hop = {hop.location, hop.name};
    return out;
  });
}

Result<ResourceLink> parse_group_request(std::string_view text) {
  return parse_request(text, [](JsonFields& in, std::string*) { return in.link("group"); });
}

}  // namespace atl::cloud
