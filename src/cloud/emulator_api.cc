// The emulated Compute Engine API: from a request to the twin's call and back.
#include <array>

#include "cloud/emulator_http_core.h"
#include "cloud/emulator_json.h"
#include "env/sync.h"

namespace atl::cloud {
namespace {

using Scope = Operation::Scope;
using Json = Result<std::string>;

constexpr std::string_view kApiPrefix = "/compute/v1/projects/";
// Names in a filter of instances.list; the client asks for far fewer at once.
constexpr size_t kFilterNamesMax = 100;

// --- Reads ---

Task<Json> get_instance(EmulatorPtr core, EmulatorCall call) {
  InstanceRef ref{call.location, call.name};
  ATOLL_CO_TRY(const Instance instance, co_await core->compute.instance(std::move(ref)));
  co_return instance_json(core->options.project, instance);
}

// (name = "a") OR (name = "b"): the one filter that is understood.
Result<std::vector<std::string>> names_in_filter(std::string_view filter) {
  constexpr std::string_view kBegin = "(name = \"";
  constexpr std::string_view kEnd = "\")";
  constexpr std::string_view kOr = " OR ";
  std::vector<std::string> out;
  while (true) {
    const size_t end = filter.find(kEnd);
    if (!filter.starts_with(kBegin) || end == std::string_view::npos ||
        out.size() == kFilterNamesMax)
      return fail(Errc::kInvalidArgument, "Invalid value for field 'filter'");
    out.emplace_back(filter.substr(kBegin.size(), end - kBegin.size()));
    filter.remove_prefix(end + kEnd.size());
    if (filter.empty()) return out;
    if (!filter.starts_with(kOr))
      return fail(Errc::kInvalidArgument, "Invalid value for field 'filter'");
    filter.remove_prefix(kOr.size());
  }
}

Task<Json> list_instances(EmulatorPtr core, EmulatorCall call) {
  ATOLL_CO_TRY(const std::vector<std::string> names, names_in_filter(call.query_value("filter")));
  std::vector<Instance> found;
  for (const std::string& name : names) {
    if (core->stopped) co_return fail(Errc::kUnavailable, "stopping");
    InstanceRef ref{call.location, name};
    Result<Instance> one = co_await core->compute.instance(std::move(ref));
    if (!one && one.error().code == Errc::kNotFound) continue;
    if (!one) co_return fail(std::move(one).error());
    found.push_back(std::move(*one));
  }
  co_return instances_json(core->options.project, found);
}

Task<Json> get_subnetwork(EmulatorPtr core, EmulatorCall call) {
  ATOLL_CO_TRY(const Subnetwork subnetwork,
               co_await core->compute.subnetwork(call.location, call.name));
  co_return subnetwork_json(core->options.project, call.location, subnetwork);
}

Task<Json> get_network(EmulatorPtr core, EmulatorCall call) {
  ATOLL_CO_TRY(NetworkFeatures features, co_await core->compute.network_features(call.name));
  features.network = call.name;
  if (!features.profile.empty()) core->network_of_profile[features.profile] = call.name;
  co_return network_json(core->options.project, features);
}

Task<Json> get_network_profile(EmulatorPtr core, EmulatorCall call) {
  const auto it = core->network_of_profile.find(call.name);
  if (it == core->network_of_profile.end())
    co_return fail(Errc::kNotFound, "no network profile " + call.name);
  ATOLL_CO_TRY(const NetworkFeatures features, co_await core->compute.network_features(it->second));
  co_return network_profile_json(features);
}

Task<Json> get_route(EmulatorPtr core, EmulatorCall call) {
  ATOLL_CO_TRY(const Route route, co_await core->compute.route(call.name));
  co_return route_json(core->options.project, route);
}

// destRange = "10.99.0.5/32". Of whatever network: the twin answers for one at a time, so the
// client's networks are those it has asked about.
Task<Json> list_routes(EmulatorPtr core, EmulatorCall call) {
  constexpr std::string_view kBegin = "destRange = \"";
  std::string filter = call.query_value("filter");
  if (!filter.starts_with(kBegin) || !filter.ends_with('"'))
    co_return fail(Errc::kInvalidArgument, "Invalid value for field 'filter'");
  const std::string destination = filter.substr(kBegin.size(), filter.size() - kBegin.size() - 1);
  std::vector<Route> all;
  for (const std::string& network : core->options.networks) {
    if (core->stopped) co_return fail(Errc::kUnavailable, "stopping");
    Result<std::vector<Route>> some = co_await core->compute.routes_to(network, destination);
    if (!some) co_return fail(std::move(some).error());
    all.insert(all.end(), some->begin(), some->end());
  }
  co_return routes_json(core->options.project, all);
}

Task<Json> get_backend_service(EmulatorPtr core, EmulatorCall call) {
  ATOLL_CO_TRY(BackendService service,
               co_await core->compute.backend_service(call.location, call.name));
  service.region = call.location;
  for (const std::string& group : service.groups)
    if (!core->groups.contains(group))
      co_return fail(Errc::kInternal, "the emulator was not told of group " + group);
  const auto zone_of = [&core](const std::string& group) { return core->groups[group].zone; };
  co_return backend_service_json(core->options.project, service, zone_of);
}

Task<Json> get_health(EmulatorPtr core, EmulatorCall call) {
  ATOLL_CO_TRY(const ResourceLink link, parse_group_request(call.body));
  const auto it = core->groups.find(link.name);
  if (it == core->groups.end()) co_return fail(Errc::kNotFound, "no group " + link.name);
  const std::vector<InstanceRef> endpoints = it->second.instances;
  std::vector<std::pair<InstanceRef, Health>> out;
  for (const InstanceRef& endpoint : endpoints) {
    if (core->stopped) co_return fail(Errc::kUnavailable, "stopping");
    Result<Health> health =
        co_await core->compute.backend_health(call.location, call.name, endpoint);
    if (!health) co_return fail(std::move(health).error());
    out.emplace_back(endpoint, *health);
  }
  co_return health_json(core->options.project, out);
}

Task<Json> list_forwarding_rules(EmulatorPtr core, EmulatorCall call) {
  ATOLL_CO_TRY(std::vector<ForwardingRule> rules,
               co_await core->compute.forwarding_rules(call.location));
  for (ForwardingRule& rule : rules) rule.region = call.location;
  co_return forwarding_rules_json(core->options.project, rules);
}

Task<Json> list_managed_instances(EmulatorPtr core, EmulatorCall call) {
  ATOLL_CO_TRY(const std::vector<ManagedInstance> instances,
               co_await core->compute.managed_instances(call.location, call.name));
  co_return managed_instances_json(core->options.project, instances);
}

Task<Json> get_operation(EmulatorPtr core, EmulatorCall call) {
  ATOLL_CO_TRY(const Operation operation,
               co_await core->compute.operation(call.scope, call.location, call.name));
  co_return operation_json(core->options.project, operation);
}

// --- Changes ---

Task<Json> patch_interface(EmulatorPtr core, EmulatorCall call) {
  ATOLL_CO_TRY(AliasRequest request, parse_alias_request(call.body));
  InstanceRef ref{call.location, call.name};
  std::string nic = call.query_value("networkInterface");
  if (!request.aliases) {  // nothing to be changed: those that are there
    ATOLL_CO_TRY(const Instance now, co_await core->compute.instance(ref));
    const NetworkInterface* interface = now.find(nic);
    if (interface == nullptr) co_return fail(Errc::kNotFound, "no network interface " + nic);
    request.aliases = interface->aliases;
    if (core->stopped) co_return fail(Errc::kUnavailable, "stopping");
  }
  std::string id = call.query_value("requestId");
  Task<Result<Operation>> task =
      core->compute.set_aliases(std::move(ref), std::move(nic), std::move(request.fingerprint),
                                std::move(*request.aliases), std::move(id));
  ATOLL_CO_TRY(const Operation operation, co_await std::move(task));
  co_return operation_json(core->options.project, operation);
}

Task<Json> post_route(EmulatorPtr core, EmulatorCall call) {
  ATOLL_CO_TRY(Route route, parse_route_request(call.body));
  std::string id = call.query_value("requestId");
  ATOLL_CO_TRY(const Operation operation,
               co_await core->compute.insert_route(std::move(route), std::move(id)));
  co_return operation_json(core->options.project, operation);
}

Task<Json> delete_route(EmulatorPtr core, EmulatorCall call) {
  std::string id = call.query_value("requestId");
  ATOLL_CO_TRY(const Operation operation,
               co_await core->compute.delete_route(call.name, std::move(id)));
  co_return operation_json(core->options.project, operation);
}

Task<Json> patch_backend_service(EmulatorPtr core, EmulatorCall call) {
  ATOLL_CO_TRY(LeaderRequest request, parse_leader_request(call.body));
  std::string id = call.query_value("requestId");
  Task<Result<Operation>> task =
      core->compute.set_leader(call.location, call.name, std::move(request.fingerprint),
                               std::move(request.leader), std::move(id));
  ATOLL_CO_TRY(const Operation operation, co_await std::move(task));
  co_return operation_json(core->options.project, operation);
}

// --- Which is which ---

struct Handler {
  std::string_view method;
  Scope scope;
  std::string_view collection;
  bool named;
  std::string_view verb;
  Task<Json> (*handle)(EmulatorPtr, EmulatorCall);
};

constexpr std::array kHandlers{
    Handler{"GET", Scope::kZone, "instances", true, "", get_instance},
    Handler{"GET", Scope::kZone, "instances", false, "", list_instances},
    Handler{"PATCH", Scope::kZone, "instances", true, "updateNetworkInterface", patch_interface},
    Handler{"GET", Scope::kRegion, "subnetworks", true, "", get_subnetwork},
    Handler{"GET", Scope::kGlobal, "networks", true, "", get_network},
    Handler{"GET", Scope::kGlobal, "networkProfiles", true, "", get_network_profile},
    Handler{"GET", Scope::kGlobal, "routes", true, "", get_route},
    Handler{"GET", Scope::kGlobal, "routes", false, "", list_routes},
    Handler{"POST", Scope::kGlobal, "routes", false, "", post_route},
    Handler{"DELETE", Scope::kGlobal, "routes", true, "", delete_route},
    Handler{"GET", Scope::kRegion, "backendServices", true, "", get_backend_service},
    Handler{"PATCH", Scope::kRegion, "backendServices", true, "", patch_backend_service},
    Handler{"POST", Scope::kRegion, "backendServices", true, "getHealth", get_health},
    Handler{"GET", Scope::kRegion, "forwardingRules", false, "", list_forwarding_rules},
    Handler{"POST", Scope::kZone, "instanceGroupManagers", true, "listManagedInstances",
            list_managed_instances},
    Handler{"GET", Scope::kGlobal, "operations", true, "", get_operation},
    Handler{"GET", Scope::kRegion, "operations", true, "", get_operation},
    Handler{"GET", Scope::kZone, "operations", true, "", get_operation},
};

Task<Json> no_such_call(EmulatorPtr, EmulatorCall call) {
  co_return fail(Errc::kNotFound, call.method + " of that path is not part of this API");
}

Task<Json> dispatch(EmulatorPtr core, EmulatorCall call) {
  for (const Handler& one : kHandlers)
    if (one.method == call.method && one.scope == call.scope && one.collection == call.collection &&
        one.named == !call.name.empty() && one.verb == call.verb)
      return one.handle(std::move(core), std::move(call));
  return no_such_call(std::move(core), std::move(call));
}

// "lab/zones/z/instances/i/verb", after the prefix.
Result<EmulatorCall> take_apart(const EmulatorHttp::Core& core, HttpMessage request) {
  ATOLL_TRY(SplitTarget target, split_target(request.target));
  const Error unknown(Errc::kNotFound, "no such resource: " + target.path);
  std::vector<std::string> words;
  for (std::string_view rest = std::string_view(target.path).substr(kApiPrefix.size());;) {
    const size_t slash = rest.find('/');
    words.emplace_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  words.resize(std::max<size_t>(words.size(), 6));
  if (words[0] != core.options.project) return fail(unknown);
  EmulatorCall out;
  size_t at = 2;
  if (words[1] == "zones" || words[1] == "regions") {
    out.scope = words[1] == "zones" ? Scope::kZone : Scope::kRegion;
    out.location = words[at++];
    ATOLL_TRY_STATUS(check_name("location", out.location));
  } else if (words[1] != "global") {
    return fail(unknown);
  }
  out.collection = words[at++];
  if (at < words.size()) out.name = words[at++];
  if (!out.name.empty()) ATOLL_TRY_STATUS(check_name("name", out.name));
  if (at < words.size()) out.verb = words[at++];
  for (; at < words.size(); ++at)
    if (!words[at].empty()) return fail(unknown);
  out.method = std::move(request.method);
  out.query = std::move(target.query);
  out.body = std::move(request.body);
  return out;
}

HttpMessage failed(const Error& error) {
  ApiFailure failure = failure_of(error);
  return json_answer(failure.status, std::move(failure.body));
}

}  // namespace

std::string EmulatorCall::query_value(const std::string& key) const {
  const auto it = query.find(key);
  return it == query.end() ? std::string() : it->second;
}

Task<std::optional<HttpMessage>> answer_api(EmulatorPtr core, HttpMessage request) {
  if (core->options.require_token && !token_is_good(*core, request.header("authorization"))) {
    ApiFailure refused = failure(401, "authError", "Invalid Credentials");
    co_return json_answer(refused.status, std::move(refused.body));
  }
  if (!request.target.starts_with(kApiPrefix))
    co_return failed(Error(Errc::kNotFound, "no such path"));
  Result<EmulatorCall> call = take_apart(*core, std::move(request));
  if (!call) co_return failed(call.error());
  Task<Json> task = dispatch(core, std::move(*call));
  Json body = co_await env::with_timeout(core->env, kEmulatorAnswerMax, std::move(task));
  if (body) co_return json_answer(200, std::move(*body));
  if (body.error().code == Errc::kTimeout) co_return std::nullopt;
  co_return failed(body.error());
}

}  // namespace atl::cloud
