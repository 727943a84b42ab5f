#include "cloud/gcp_compute.h"

#include "cloud/compute_json.h"
#include "cloud/gcp_call.h"

namespace atl::cloud {
namespace {

using Scope = Operation::Scope;
using CorePtr = std::shared_ptr<GcpCompute::Core>;

// --- Paths, of names that were checked ---

Result<std::string> path_of(const std::string& project, Scope scope, const std::string& location,
                            const std::string& collection, const std::string& name) {
  if (scope != Scope::kGlobal)
    ATOLL_TRY_STATUS(check_name(scope == Scope::kZone ? "zone" : "region", location));
  ATOLL_TRY_STATUS(check_name("name of " + collection, name));
  return make_path({project, scope, location, collection, name});
}

Status check_aliases(const std::string& nic, const std::vector<AliasRange>& aliases) {
  ATOLL_TRY_STATUS(check_name("network interface", nic));
  if (aliases.size() > kAliasRangesMax)
    return fail(Errc::kNoSpace, fmt::format("{} alias ranges, at most {} on one interface",
                                            aliases.size(), kAliasRangesMax));
  for (const AliasRange& alias : aliases) {
    ATOLL_TRY_STATUS(check_cidr(alias.cidr));
    if (alias.range_name.empty()) continue;
    ATOLL_TRY_STATUS(check_name("range", alias.range_name));
  }
  return {};
}

Status check_route(const Route& route) {
  ATOLL_TRY_STATUS(check_name("route", route.name));
  ATOLL_TRY_STATUS(check_name("network", route.network));
  ATOLL_TRY_STATUS(check_cidr(route.destination));
  ATOLL_TRY_STATUS(check_name("zone", route.next_hop.zone));
  ATOLL_TRY_STATUS(check_name("instance", route.next_hop.name));
  if (route.priority > 65535) return fail(Errc::kInvalidArgument, "route priority over 65535");
  return {};
}

// --- Calls ---

template <typename T>
Task<Result<T>> read(CorePtr core, std::string path, Result<T> (*parse)(std::string_view)) {
  ApiCall call = ApiCall::get(std::move(path));
  Result<std::string> body = co_await send(core, std::move(call));
  if (!body) co_return fail(std::move(body).error());
  co_return parse(*body);
}

Task<Result<Operation>> change(CorePtr core, Result<ApiCall> call) {
  if (!call) co_return fail(std::move(call).error());
  ApiCall named = std::move(*call);
  Result<std::string> body = co_await send(core, std::move(named));
  if (!body) co_return fail(std::move(body).error());
  co_return parse_operation(*body);
}

template <typename T>
Task<Result<std::vector<T>>> read_pages(CorePtr core, ApiCall first,
                                        Result<Page<T>> (*parse)(std::string_view)) {
  std::vector<T> out;
  first.query["maxResults"] = std::to_string(kPageEntries);
  for (int page = 0; page < kPagesMax; ++page) {
    ApiCall call = first;
    Result<std::string> body = co_await send(core, std::move(call));
    if (!body) co_return fail(std::move(body).error());
    ATOLL_CO_TRY(Page<T> got, parse(*body));
    std::ranges::move(got.items, std::back_inserter(out));
    if (got.next_token.empty()) co_return std::move(out);
    first.query["pageToken"] = got.next_token;
  }
  co_return fail(Errc::kUnavailable, fmt::format("{}: over {} pages", first.path, kPagesMax));
}

Task<Result<BackendServiceAnswer>> read_service(CorePtr core, std::string region,
                                                std::string name) {
  ATOLL_CO_TRY(std::string path,
               path_of(core->project, Scope::kRegion, region, "backendServices", name));
  ATOLL_CO_TRY(BackendServiceAnswer answer,
               co_await read(core, std::move(path), parse_backend_service));
  if (answer.service.region.empty()) answer.service.region = region;
  co_return std::move(answer);
}

// Primary addresses of the instances, which the group's answer does not have. An instance that is
// just being made anew may not be there.
Task<Result<std::map<std::string, std::string>>> read_addresses(CorePtr core, std::string zone,
                                                                std::vector<std::string> names) {
  std::map<std::string, std::string> out;
  for (size_t at = 0; at < names.size(); at += kFilteredNamesMax) {
    std::string filter;
    for (size_t i = at; i < std::min(names.size(), at + kFilteredNamesMax); ++i)
      filter += fmt::format("{}(name = \"{}\")", i == at ? "" : " OR ", names[i]);
    ApiCall call = ApiCall::get(fmt::format("projects/{}/zones/{}/instances", core->project, zone));
    call.query["filter"] = filter;
    call.query["fields"] =
        "items(name,zone,status,networkInterfaces(name,networkIP)),nextPageToken";
    Result<std::vector<Instance>> found =
        co_await read_pages<Instance>(core, std::move(call), parse_instances);
    if (!found) co_return fail(std::move(found).error());
    for (const Instance& one : *found)
      if (!one.interfaces.empty()) out[one.ref.name] = one.interfaces.front().network_ip;
  }
  co_return std::move(out);
}

}  // namespace

Result<std::unique_ptr<GcpCompute>> GcpCompute::make(env::Env& env, GcpOptions options,
                                                     std::shared_ptr<TokenSource> tokens) {
  ATOLL_TRY_STATUS(check_project(options.project));
  if (options.network_project.empty()) options.network_project = options.project;
  ATOLL_TRY_STATUS(check_project(options.network_project));
  ATOLL_TRY(HttpOrigin origin, HttpOrigin::parse(options.endpoint));
  HttpClientOptions http;
  http.resolve = std::move(options.resolve);
  http.tls = std::move(options.tls);
  if (origin.tls && !http.tls) {
    ATOLL_TRY(http.tls, TlsClient::with_system_authorities());
  }
  auto core = std::make_shared<Core>(env, std::move(origin), std::move(http));
  core->project = std::move(options.project);
  core->network_project = std::move(options.network_project);
  core->tokens = std::move(tokens);
  return std::unique_ptr<GcpCompute>(new GcpCompute(std::move(core)));
}

GcpCompute::~GcpCompute() {
  core_->http.stop();
}

uint64_t GcpCompute::connections_made() const {
  return core_->http.connections_made();
}

Task<Result<Instance>> GcpCompute::instance(InstanceRef ref) {
  CorePtr core = core_;
  ATOLL_CO_TRY(std::string path,
               path_of(core->project, Scope::kZone, ref.zone, "instances", ref.name));
  Result<Instance> out = co_await read(core, std::move(path), parse_instance);
  if (out && out->ref.zone.empty()) out->ref.zone = ref.zone;
  co_return out;
}

Task<Result<Operation>> GcpCompute::set_aliases(InstanceRef ref, std::string nic,
                                                std::string fingerprint,
                                                std::vector<AliasRange> aliases,
                                                std::string request_id) {
  CorePtr core = core_;
  ATOLL_CO_TRY(std::string path,
               path_of(core->project, Scope::kZone, ref.zone, "instances", ref.name));
  ATOLL_CO_TRY_STATUS(check_aliases(nic, aliases));
  path += "/updateNetworkInterface";
  Result<ApiCall> call =
      ApiCall::change("PATCH", std::move(path), request_id, alias_body(fingerprint, aliases));
  if (call) call->query["networkInterface"] = nic;
  co_return co_await change(core, std::move(call));
}

Task<Result<Subnetwork>> GcpCompute::subnetwork(std::string region, std::string name) {
  CorePtr core = core_;
  ATOLL_CO_TRY(std::string path,
               path_of(core->network_project, Scope::kRegion, region, "subnetworks", name));
  co_return co_await read(core, std::move(path), parse_subnetwork);
}

Task<Result<NetworkFeatures>> GcpCompute::network_features(std::string network) {
  CorePtr core = core_;
  ATOLL_CO_TRY(std::string path,
               path_of(core->network_project, Scope::kGlobal, "", "networks", network));
  ATOLL_CO_TRY(const std::string profile,
               co_await read(core, std::move(path), parse_network_profile_name));
  NetworkFeatures out;
  if (!profile.empty()) {
    ATOLL_CO_TRY(std::string profile_path,
                 path_of(core->network_project, Scope::kGlobal, "", "networkProfiles", profile));
    ATOLL_CO_TRY(out, co_await read(core, std::move(profile_path), parse_network_profile));
  }
  out.network = network;
  co_return std::move(out);
}

Task<Result<Route>> GcpCompute::route(std::string name) {
  CorePtr core = core_;
  ATOLL_CO_TRY(std::string path,
               path_of(core->network_project, Scope::kGlobal, "", "routes", name));
  co_return co_await read(core, std::move(path), parse_route);
}

Task<Result<std::vector<Route>>> GcpCompute::routes_to(std::string network,
                                                       std::string destination) {
  CorePtr core = core_;
  ATOLL_CO_TRY_STATUS(check_name("network", network));
  ATOLL_CO_TRY_STATUS(check_cidr(destination));
  ApiCall call = ApiCall::get(fmt::format("projects/{}/global/routes", core->network_project));
  call.query["filter"] = fmt::format("destRange = \"{}\"", destination);
  ATOLL_CO_TRY(std::vector<Route> routes,
               co_await read_pages<Route>(core, std::move(call), parse_routes));
  // Networks in filters are compared as links, of which there are several spellings.
  std::erase_if(
      routes, [&](const Route& r) { return r.network != network || r.destination != destination; });
  co_return std::move(routes);
}

Task<Result<Operation>> GcpCompute::insert_route(Route route, std::string request_id) {
  CorePtr core = core_;
  ATOLL_CO_TRY_STATUS(check_route(route));
  Result<ApiCall> call =
      ApiCall::change("POST", fmt::format("projects/{}/global/routes", core->network_project),
                      request_id, route_body(core->network_project, core->project, route));
  co_return co_await change(core, std::move(call));
}

Task<Result<Operation>> GcpCompute::delete_route(std::string name, std::string request_id) {
  CorePtr core = core_;
  ATOLL_CO_TRY(std::string path,
               path_of(core->network_project, Scope::kGlobal, "", "routes", name));
  Result<ApiCall> call = ApiCall::change("DELETE", std::move(path), request_id, "");
  co_return co_await change(core, std::move(call));
}

Task<Result<BackendService>> GcpCompute::backend_service(std::string region, std::string name) {
  CorePtr core = core_;
  ATOLL_CO_TRY(BackendServiceAnswer answer, co_await read_service(core, region, name));
  co_return std::move(answer.service);
}

Task<Result<Operation>> GcpCompute::set_leader(std::string region, std::string service,
                                               std::string fingerprint, HaLeader leader,
                                               std::string request_id) {
  CorePtr core = core_;
  ATOLL_CO_TRY(std::string path,
               path_of(core->project, Scope::kRegion, region, "backendServices", service));
  ATOLL_CO_TRY_STATUS(check_name("endpoint group", leader.group));
  ATOLL_CO_TRY_STATUS(check_name("zone", leader.instance.zone));
  ATOLL_CO_TRY_STATUS(check_name("instance", leader.instance.name));
  Result<ApiCall> call = ApiCall::change("PATCH", std::move(path), request_id,
                                         leader_body(core->project, fingerprint, leader));
  co_return co_await change(core, std::move(call));
}

Task<Result<std::vector<ForwardingRule>>> GcpCompute::forwarding_rules(std::string region) {
  CorePtr core = core_;
  ATOLL_CO_TRY_STATUS(check_name("region", region));
  ApiCall call =
      ApiCall::get(fmt::format("projects/{}/regions/{}/forwardingRules", core->project, region));
  Result<std::vector<ForwardingRule>> rules =
      co_await read_pages<ForwardingRule>(core, std::move(call), parse_forwarding_rules);
  if (rules)
    for (ForwardingRule& rule : *rules)
      if (rule.region.empty()) rule.region = region;
  co_return rules;
}

Task<Result<Health>> GcpCompute::backend_health(std::string region, std::string service,
                                                InstanceRef instance) {
  CorePtr core = core_;
  ATOLL_CO_TRY_STATUS(check_name("zone", instance.zone));
  ATOLL_CO_TRY_STATUS(check_name("instance", instance.name));
  ATOLL_CO_TRY(const BackendServiceAnswer answer, co_await read_service(core, region, service));
  for (const ResourceLink& group : answer.groups) {
    if (group.scope == Scope::kZone && group.location != instance.zone) continue;
    ApiCall call;
    call.method = "POST";
    call.read = true;
    call.path = make_path({core->project, Scope::kRegion, region, "backendServices", service}) +
                "/getHealth";
    call.body = group_body(group);
    Result<std::string> body = co_await send(core, std::move(call));
    if (!body) co_return fail(std::move(body).error());
    ATOLL_CO_TRY(const std::vector<EndpointHealth> endpoints, parse_health(*body));
    for (const EndpointHealth& endpoint : endpoints)
      if (endpoint.instance == instance) co_return endpoint.health;
  }
  co_return Health::kUnknown;
}

Task<Result<std::vector<ManagedInstance>>> GcpCompute::managed_instances(std::string zone,
                                                                         std::string group) {
  CorePtr core = core_;
  ATOLL_CO_TRY(std::string path,
               path_of(core->project, Scope::kZone, zone, "instanceGroupManagers", group));
  ApiCall call;
  call.method = "POST";
  call.read = true;
  call.path = path + "/listManagedInstances";
  ATOLL_CO_TRY(
      std::vector<ManagedInstance> out,
      co_await read_pages<ManagedInstance>(core, std::move(call), parse_managed_instances));
  std::vector<std::string> names;
  for (const ManagedInstance& one : out) names.push_back(one.ref.name);
  ATOLL_CO_TRY(const auto addresses, co_await read_addresses(core, zone, std::move(names)));
  for (ManagedInstance& one : out)
    if (const auto it = addresses.find(one.ref.name); it != addresses.end())
      one.address = it->second;
  co_return std::move(out);
}

Task<Result<Operation>> GcpCompute::operation(Operation::Scope scope, std::string location,
                                              std::string name) {
  CorePtr core = core_;
  // Of global things only routes are changed here, and those belong to the network's project.
  const std::string& project = scope == Scope::kGlobal ? core->network_project : core->project;
  ATOLL_CO_TRY(std::string path, path_of(project, scope, location, "operations", name));
  co_return co_await read(core, std::move(path), parse_operation);
}

}  // namespace atl::cloud
