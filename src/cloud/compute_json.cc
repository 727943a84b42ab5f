#include "cloud/compute_json.h"

#include "cloud/json_field.h"

namespace atl::cloud {
namespace json = boost::json;

namespace {

std::unexpected<Error> not_understood(std::string_view why) {
  return fail(Errc::kUnavailable, fmt::format("the answer cannot be understood: {}", why));
}

// An object through `read(JsonFields&, std::string* trouble)`, which returns the value.
template <typename Read>
auto parse_with(std::string_view text, Read read)
    -> Result<decltype(read(std::declval<JsonFields&>(), std::declval<std::string*>()))> {
  Result<json::value> value = parse_json_object(text);
  if (!value) return not_understood(value.error().message);
  std::string trouble;
  JsonFields in(*value, &trouble);
  auto out = read(in, &trouble);
  if (!trouble.empty()) return not_understood(trouble);
  return out;
}

NetworkInterface read_interface(const json::value& value, std::string* trouble) {
  JsonFields in(value, trouble);
  NetworkInterface out;
  out.name = in.required("name");
  out.network = in.name_of("network");
  out.subnetwork = in.name_of("subnetwork");
  out.network_ip = in.text("networkIP");
  out.fingerprint = in.text("fingerprint");
  for (const json::value& one : in.list("aliasIpRanges")) {
    JsonFields range(one, trouble);
    AliasRange alias;
    alias.cidr = range.required("ipCidrRange");
    alias.range_name = range.text("subnetworkRangeName");
    out.aliases.push_back(std::move(alias));
  }
  return out;
}

Instance read_instance(JsonFields& in, std::string* trouble) {
  Instance out;
  out.ref.name = in.required("name");
  out.ref.zone = in.name_of("zone");
  out.status = in.required("status");
  out.can_ip_forward = in.flag("canIpForward");
  for (const json::value& one : in.list("networkInterfaces"))
    out.interfaces.push_back(read_interface(one, trouble));
  return out;
}

Route read_route(JsonFields& in, std::string*) {
  Route out;
  out.name = in.required("name");
  out.network = in.name_of("network");
  out.destination = in.required("destRange");
  const uint64_t priority = in.number("priority", out.priority);
  if (priority > 65535) in.wrong("priority", "over 65535");
  out.priority = static_cast<uint32_t>(priority);
  if (!in.has("nextHopInstance")) return out;  // to a gateway, a tunnel, ...
  const ResourceLink hop = in.link("nextHopInstance");
  out.next_hop = {hop.location, hop.name};
  return out;
}

// "<CODE>: <message>" of each error of an operation; the first decides.
std::optional<Error> read_operation_error(JsonFields& in, std::string* trouble) {
  if (!in.has("error")) return std::nullopt;
  JsonFields error(in.object("error"), trouble);
  std::optional<Error> out;
  for (const json::value& one : error.list("errors")) {
    JsonFields item(one, trouble);
    const std::string code = item.text("code");
    const std::string text = item.text("message").substr(0, kApiMessageBytesMax);
    if (!out) out.emplace(operation_errc(code), fmt::format("{}: {}", code, text));
  }
  if (out) return out;
  const uint64_t status = in.number("httpErrorStatusCode", 500);
  return api_error(status <= 599 ? static_cast<int>(status) : 500, "")
      .with_context(in.text("httpErrorMessage").substr(0, kApiMessageBytesMax));
}

Operation read_operation(JsonFields& in, std::string* trouble) {
  Operation out;
  out.name = in.required("name");
  const std::string status = in.required("status");
  if (status != "DONE" && status != "RUNNING" && status != "PENDING")
    in.wrong("status", "neither PENDING, RUNNING nor DONE");
  out.done = status == "DONE";
  if (in.has("zone")) {
    out.scope = Operation::Scope::kZone;
    out.location = in.name_of("zone");
  } else if (in.has("region")) {
    out.scope = Operation::Scope::kRegion;
    out.location = in.name_of("region");
  }
  if (out.done) out.error = read_operation_error(in, trouble);
  return out;
}

BackendServiceAnswer read_backend_service(JsonFields& in, std::string* trouble) {
  BackendServiceAnswer out;
  BackendService& service = out.service;
  service.name = in.required("name");
  service.region = in.name_of("region");
  service.fingerprint = in.text("fingerprint");
  for (const json::value& one : in.list("backends")) {
    JsonFields backend(one, trouble);
    ResourceLink group = backend.link("group");
    service.groups.push_back(group.name);
    out.groups.push_back(std::move(group));
  }
  JsonFields policy(in.object("haPolicy"), trouble);
  service.fast_ip_move = policy.text("fastIPMove") == "GARP_RA";
  if (!policy.has("leader")) return out;
  JsonFields leader(policy.object("leader"), trouble);
  JsonFields endpoint(leader.object("networkEndpoint"), trouble);
  if (!leader.has("backendGroup") || !endpoint.has("instance")) return out;
  const ResourceLink group = leader.link("backendGroup");
  service.leader = HaLeader{group.name, {group.location, endpoint.name_of("instance")}};
  return out;
}

ForwardingRule read_forwarding_rule(JsonFields& in, std::string*) {
  ForwardingRule out;
  out.name = in.required("name");
  out.region = in.name_of("region");
  out.address = in.text("IPAddress");
  out.backend_service = in.name_of("backendService");
  return out;
}

ManagedInstance read_managed_instance(JsonFields& in, std::string*) {
  ManagedInstance out;
  const ResourceLink instance = in.link("instance");
  out.ref = {instance.location, instance.name};
  // An action under way says more than the state it began in.
  const std::string action = in.text("currentAction");
  out.status = action.empty() || action == "NONE" ? in.text("instanceStatus") : action;
  return out;
}

template <typename T, typename Read>
Result<Page<T>> parse_page(std::string_view text, std::string_view key, Read read) {
  return parse_with(text, [key, read](JsonFields& in, std::string* trouble) {
    Page<T> out;
    for (const json::value& one : in.list(key)) {
      JsonFields item(one, trouble);
      out.items.push_back(read(item, trouble));
    }
    out.next_token = in.text("nextPageToken");
    return out;
  });
}

}  // namespace

Result<Instance> parse_instance(std::string_view text) {
  return parse_with(text, read_instance);
}
Result<Route> parse_route(std::string_view text) {
  return parse_with(text, read_route);
}
Result<Operation> parse_operation(std::string_view text) {
  return parse_with(text, read_operation);
}
Result<BackendServiceAnswer> parse_backend_service(std::string_view text) {
  return parse_with(text, read_backend_service);
}
Result<Page<Route>> parse_routes(std::string_view text) {
  return parse_page<Route>(text, "items", read_route);
}
Result<Page<ForwardingRule>> parse_forwarding_rules(std::string_view text) {
  return parse_page<ForwardingRule>(text, "items", read_forwarding_rule);
}
Result<Page<ManagedInstance>> parse_managed_instances(std::string_view text) {
  return parse_page<ManagedInstance>(text, "managedInstances", read_managed_instance);
}
Result<Page<Instance>> parse_instances(std::string_view text) {
  return parse_page<Instance>(text, "items", read_instance);
}

Result<Subnetwork> parse_subnetwork(std::string_view text) {
  return parse_with(text, [](JsonFields& in, std::string* trouble) {
    Subnetwork out;
    out.name = in.required("name");
    out.network = in.name_of("network");
    out.cidr = in.required("ipCidrRange");
    for (const json::value& one : in.list("secondaryIpRanges")) {
      JsonFields range(one, trouble);
      const std::string name = range.required("rangeName");
      out.secondary[name] = range.required("ipCidrRange");
    }
    return out;
  });
}

Result<std::string> parse_network_profile_name(std::string_view text) {
  return parse_with(text, [](JsonFields& in, std::string*) {
    in.required("name");
    return in.name_of("networkProfile");
  });
}

Result<NetworkFeatures> parse_network_profile(std::string_view text) {
  return parse_with(text, [](JsonFields& in, std::string* trouble) {
    NetworkFeatures out;
    out.profile = in.required("name");
    if (!in.has("features")) in.wrong("features", "missing");
    JsonFields features(in.object("features"), trouble);
    out.alias_ip = features.text("allowAliasIpRanges") == "ALIAS_IP_RANGES_ALLOWED";
    out.load_balancing = features.text("allowLoadBalancing") == "LOAD_BALANCING_ALLOWED";
    out.static_routes = features.text("allowStaticRoutes") == "STATIC_ROUTES_ALLOWED";
    out.ip_forwarding = features.text("allowIpForwarding") == "IP_FORWARDING_ALLOWED";
    return out;
  });
}

Result<std::vector<EndpointHealth>> parse_health(std::string_view text) {
  return parse_with(text, [](JsonFields& in, std::string* trouble) {
    std::vector<EndpointHealth> out;
    for (const json::value& one : in.list("healthStatus")) {
      JsonFields item(one, trouble);
      const ResourceLink instance = item.link("instance");
      EndpointHealth health{{instance.location, instance.name}, Health::kUnknown};
      const std::string state = item.text("healthState");
      if (state == "HEALTHY") health.health = Health::kHealthy;
      if (state == "UNHEALTHY") health.health = Health::kUnhealthy;
      out.push_back(std::move(health));
    }
    return out;
  });
}

Result<AccessToken> parse_token(std::string_view text) {
  return parse_with(text, [](JsonFields& in, std::string*) {
    AccessToken out;
    out.token = in.required("access_token");
    out.expires_in_seconds = in.number("expires_in", 0);
    if (out.expires_in_seconds == 0) in.wrong("expires_in", "missing");
    const std::string type = in.text("token_type");
    if (!type.empty() && type != "Bearer") in.wrong("token_type", "not Bearer");
    for (const char c : out.token)
      if (c <= ' ' || c > '~') in.wrong("access_token", "not plain text");
    return out;
  });
}

// --- Request bodies ---

std::string alias_body(const std::string& fingerprint, const std::vector<AliasRange>& aliases) {
  json::array list;
  for (const AliasRange& alias : aliases) {
    json::object range;
    range["ipCidrRange"] = alias.cidr;
    if (!alias.range_name.empty()) range["subnetworkRangeName"] = alias.range_name;
    list.push_back(std::move(range));
  }
  json::object body;
  body["fingerprint"] = fingerprint;
  body["aliasIpRanges"] = std::move(list);
  return json::serialize(body);
}

std::string route_body(const std::string& network_project, const std::string& instance_project,
                       const Route& route) {
  json::object body;
  body["name"] = route.name;
  body["network"] =
      make_link({network_project, Operation::Scope::kGlobal, "", "networks", route.network});
  body["destRange"] = route.destination;
  body["priority"] = route.priority;
  body["nextHopInstance"] = make_link({instance_project, Operation::Scope::kZone,
                                       route.next_hop.zone, "instances", route.next_hop.name});
  return json::serialize(body);
}

std::string leader_body(const std::string& project, const std::string& fingerprint,
                        const HaLeader& leader) {
  json::object endpoint;
  endpoint["instance"] = leader.instance.name;
  json::object to;
  to["backendGroup"] = make_link({project, Operation::Scope::kZone, leader.instance.zone,
                                  "networkEndpointGroups", leader.group});
  to["networkEndpoint"] = std::move(endpoint);
  json::object policy;
  policy["leader"] = std::move(to);
  json::object body;
  body["fingerprint"] = fingerprint;
  body["haPolicy"] = std::move(policy);
  return json::serialize(body);
}

std::string group_body(const ResourceLink& group) {
  json::object body;
  body["group"] = make_link(group);
  return json::serialize(body);
}

}  // namespace atl::cloud
