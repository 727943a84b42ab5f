#include "cloud/emulated_compute.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "cloud/emulated_core.h"

namespace atl::cloud {
namespace {

using Core = EmulatedCompute::Core;

std::unexpected<Error> not_found(std::string_view kind, std::string_view name) {
  return fail(Errc::kNotFound, fmt::format("the {} '{}' was not found", kind, name));
}

template <typename T>
Status status_of(const Result<T>& result) {
  if (!result) return std::unexpected(result.error());
  return {};
}

// Each call: its way in, the thing itself, its way back. They own the core, so that they may
// outlive the EmulatedCompute. `Do` is Result<T>(const Ticket&) and does not suspend.
template <typename T>
Task<Result<T>> go_through(std::shared_ptr<Core> core, Ticket ticket,
                           std::function<Result<T>(const Ticket&)> work) {
  Status status = co_await core->arrive(ticket);
  Result<T> result = fail(Errc::kUnavailable);
  if (status) {
    result = work(ticket);
    status = status_of(result);
  }
  Status answer = co_await core->depart(ticket, status);
  if (!answer) co_return std::unexpected(std::move(answer).error());
  co_return result;
}

}  // namespace

std::string region_of(const std::string& zone) {
  return zone.substr(0, zone.rfind('-'));
}

std::string text_of(const InstanceRef& ref) {
  return fmt::format("{}/{}", ref.zone, ref.name);
}

std::string service_key(const std::string& region, const std::string& name) {
  return fmt::format("{}/{}", region, name);
}

Ticket Core::open(Call call, std::string location, std::optional<InstanceRef> instance,
                  std::string what) {
  Ticket ticket = gate.enter(env.now(), call, location, instance, std::move(what), random);
  ticket.latency = draw(kind_of(call) == CallKind::kWrite ? &Delays::api_write : &Delays::api_read);
  return ticket;
}

Task<Status> Core::arrive(Ticket ticket) {
  co_await env.sleep(ticket.latency / 2);
  if (ticket.fault == Fault::Kind::kHangBefore) co_await closing.wait();
  if (closed) co_return fail(Errc::kUnavailable, "the emulator was closed");
  if (ticket.fault == Fault::Kind::kFailBefore)
    co_return fail(Errc::kUnavailable, "503 backendError");
  if (ticket.over_quota || ticket.fault == Fault::Kind::kRateLimit)
    co_return fail(Errc::kBusy, "403 rateLimitExceeded: quota of requests per minute");
  co_return Status{};
}

Task<Status> Core::depart(Ticket ticket, Status outcome) {
  co_await env.sleep(ticket.latency - ticket.latency / 2);
  if (ticket.fault == Fault::Kind::kHangAfter) co_await closing.wait();
  if (closed) outcome = fail(Errc::kUnavailable, "the emulator was closed");
  // What failed before did not fail afterwards too.
  if (outcome && ticket.fault == Fault::Kind::kFailAfter)
    outcome = fail(Errc::kUnavailable, "503 backendError");
  gate.leave(ticket, outcome);
  co_return outcome;
}

Nanos Core::draw(Delay Delays::*which) {
  const Nanos drawn = (delays.*which).sample(random);
  const double scaled = static_cast<double>(drawn.count()) * latency_factor;
  return Nanos(static_cast<int64_t>(std::min(scaled, double(kDelayMax.count()))));
}

void Core::after(Nanos delay, std::function<void()> action) {
  env.start_timer(delay, [weak = weak_from_this(), action = std::move(action)] {
    if (const auto core = weak.lock(); core && !core->closed) action();
  });
}

void Core::data_plane_changed() {
  // By number: a callback may add another.
  for (size_t i = 0; i < data_plane_callbacks.size(); ++i) data_plane_callbacks[i]();
}

void Core::instance_changed(const Instance& instance) {
  const Instance copy = instance;
  for (size_t i = 0; i < instance_callbacks.size(); ++i) instance_callbacks[i](copy);
}

std::string Core::next_fingerprint() {
  return fmt::format("fp-{:08x}", ++last_fingerprint);
}

EmulatedCompute::EmulatedCompute(env::Env& env, uint64_t seed, Delays delays)
    : core_(std::make_shared<Core>(env, seed, std::move(delays))) {
  core_->gate.quotas = Quotas::from(core_->delays);
}

EmulatedCompute::~EmulatedCompute() {
  core_->closed = true;
  core_->closing.set();
}

std::optional<InstanceRef> EmulatedCompute::delivered_to(std::string_view network,
                                                         std::string_view address) const {
  const auto block = AddressBlock::parse(address);
  if (!block || !block->single()) return std::nullopt;
  return core_->fabric.delivered_to(std::string(network), block->first, core_->env.now());
}

void EmulatedCompute::on_data_plane_change(std::function<void()> callback) {
  core_->data_plane_callbacks.push_back(std::move(callback));
}

void EmulatedCompute::on_instance_change(std::function<void(const Instance&)> callback) {
  core_->instance_callbacks.push_back(std::move(callback));
}

void EmulatedCompute::inject(Fault fault) {
  core_->gate.inject(std::move(fault));
}

void EmulatedCompute::clear_faults() {
  core_->gate.clear_faults();
}

void EmulatedCompute::set_latency_factor(double factor) {
  ATOLL_CHECK(factor >= 0);
  core_->latency_factor = factor;
}

void EmulatedCompute::set_delays(Delays delays) {
  core_->delays = std::move(delays);
}

void EmulatedCompute::set_quotas(Quotas quotas) {
  core_->gate.quotas = quotas;
}

const Delays& EmulatedCompute::delays() const {
  return core_->delays;
}

const Counters& EmulatedCompute::counters() const {
  return core_->gate.counters();
}

std::vector<JournalEntry> EmulatedCompute::journal() const {
  return core_->gate.journal();
}

std::string EmulatedCompute::describe() const {
  std::string out;
  for (const JournalEntry& entry : core_->gate.journal())
    out += fmt::format("{:>12.3f} s  {} {}: {}\n", std::chrono::duration<double>(entry.at).count(),
                       call_name(entry.call), entry.what,
                       entry.outcome.empty() ? "under way" : entry.outcome);
  return out;
}

std::optional<Instance> EmulatedCompute::look(const InstanceRef& instance) const {
  const Core::Machine* machine = core_->machine(instance);
  if (machine == nullptr) return std::nullopt;
  return machine->instance;
}

// --- Reads ---

Task<Result<Instance>> EmulatedCompute::instance(InstanceRef ref) {
  const Ticket ticket = core_->open(Call::kInstance, region_of(ref.zone), ref, text_of(ref));
  return go_through<Instance>(core_, ticket,
                              [core = core_.get(), ref](const Ticket&) -> Result<Instance> {
                                const Core::Machine* machine = core->machine(ref);
                                if (machine == nullptr) return not_found("instance", text_of(ref));
                                return machine->instance;
                              });
}

Task<Result<Subnetwork>> EmulatedCompute::subnetwork(std::string region, std::string name) {
  const std::string key = service_key(region, name);
  const Ticket ticket = core_->open(Call::kSubnetwork, region, {}, key);
  return go_through<Subnetwork>(core_, ticket,
                                [core = core_.get(), key](const Ticket&) -> Result<Subnetwork> {
                                  const auto it = core->subnets.find(key);
                                  if (it == core->subnets.end())
                                    return not_found("subnetwork", key);
                                  return it->second.subnetwork;
                                });
}

Task<Result<NetworkFeatures>> EmulatedCompute::network_features(std::string network) {
  const Ticket ticket = core_->open(Call::kNetworkFeatures, "", {}, network);
  return go_through<NetworkFeatures>(
      core_, ticket, [core = core_.get(), network](const Ticket&) -> Result<NetworkFeatures> {
        const auto it = core->networks.find(network);
        if (it == core->networks.end()) return not_found("network", network);
        return it->second.features;
      });
}

Task<Result<Route>> EmulatedCompute::route(std::string name) {
  const Ticket ticket = core_->open(Call::kRoute, "", {}, name);
  return go_through<Route>(core_, ticket,
                           [core = core_.get(), name](const Ticket&) -> Result<Route> {
                             const auto it = core->routes.find(name);
                             if (it == core->routes.end() || !it->second.ready)
                               return not_found("route", name);
                             return it->second.route;
                           });
}

Task<Result<std::vector<Route>>> EmulatedCompute::routes_to(std::string network,
                                                            std::string destination) {
  const Ticket ticket =
      core_->open(Call::kRoutesTo, "", {}, fmt::format("{} {}", network, destination));
  return go_through<std::vector<Route>>(
      core_, ticket,
      [core = core_.get(), network, destination](const Ticket&) -> Result<std::vector<Route>> {
        ATOLL_TRY(const AddressBlock wanted, AddressBlock::parse(destination));
        std::vector<Route> found;
        for (const auto& [name, entry] : core->routes)
          if (entry.ready && entry.route.network == network && entry.destination == wanted)
            found.push_back(entry.route);
        return found;
      });
}

Task<Result<BackendService>> EmulatedCompute::backend_service(std::string region,
                                                              std::string name) {
  const std::string key = service_key(region, name);
  const Ticket ticket = core_->open(Call::kBackendService, region, {}, key);
  return go_through<BackendService>(
      core_, ticket, [core = core_.get(), key](const Ticket&) -> Result<BackendService> {
        const auto it = core->services.find(key);
        if (it == core->services.end()) return not_found("backend service", key);
        return it->second.config.service;
      });
}

Task<Result<std::vector<ForwardingRule>>> EmulatedCompute::forwarding_rules(std::string region) {
  const Ticket ticket = core_->open(Call::kForwardingRules, region, {}, region);
  return go_through<std::vector<ForwardingRule>>(
      core_, ticket,
      [core = core_.get(), region](const Ticket&) -> Result<std::vector<ForwardingRule>> {
        std::vector<ForwardingRule> found;
        for (const auto& [key, rule] : core->forwarding_rules)
          if (rule.region == region) found.push_back(rule);
        return found;
      });
}

Task<Result<Health>> EmulatedCompute::backend_health(std::string region, std::string service,
                                                     InstanceRef instance) {
  const std::string key = service_key(region, service);
  const Ticket ticket = core_->open(Call::kBackendHealth, region, instance,
                                    fmt::format("{} {}", key, text_of(instance)));
  return go_through<Health>(
      core_, ticket, [core = core_.get(), key, instance](const Ticket&) -> Result<Health> {
        const auto it = core->services.find(key);
        if (it == core->services.end()) return not_found("backend service", key);
        if (std::ranges::count(it->second.endpoints, instance) == 0)
          return not_found("endpoint", text_of(instance));
        const auto probe = it->second.probes.find(instance);
        return probe == it->second.probes.end() ? Health::kUnknown : probe->second.health;
      });
}

Task<Result<std::vector<ManagedInstance>>> EmulatedCompute::managed_instances(std::string zone,
                                                                              std::string group) {
  const Ticket ticket =
      core_->open(Call::kManagedInstances, region_of(zone), {}, fmt::format("{}/{}", zone, group));
  return go_through<std::vector<ManagedInstance>>(
      core_, ticket,
      [core = core_.get(), zone, group](const Ticket&) -> Result<std::vector<ManagedInstance>> {
        for (const Core::Group& candidate : core->groups) {
          if (candidate.config.zone != zone || candidate.config.name != group) continue;
          std::vector<ManagedInstance> found;
          for (const InstanceRef& ref : candidate.config.instances) {
            const Core::Machine& machine = core->machines.at(ref);
            if (machine.gone) {
              found.push_back({ref, "RECREATING", ""});
            } else {
              found.push_back(
                  {ref, machine.instance.status, machine.instance.interfaces.front().network_ip});
            }
          }
          return found;
        }
        return not_found("instance group manager", fmt::format("{}/{}", zone, group));
      });
}

Task<Result<Operation>> EmulatedCompute::operation(Operation::Scope scope, std::string location,
                                                   std::string name) {
  const std::string region = scope == Operation::Scope::kZone ? region_of(location) : location;
  const Ticket ticket = core_->open(Call::kOperation, region, {}, name);
  return go_through<Operation>(
      core_, ticket,
      [core = core_.get(), scope, location, name](const Ticket&) -> Result<Operation> {
        const auto it = core->operations.find(name);
        if (it == core->operations.end() || it->second.operation.scope != scope ||
            it->second.operation.location != location)
          return not_found("operation", name);
        return it->second.operation;
      });
}

// --- Changes ---

Task<Result<Operation>> EmulatedCompute::set_aliases(InstanceRef ref, std::string nic,
                                                     std::string fingerprint,
                                                     std::vector<AliasRange> aliases,
                                                     std::string request_id) {
  std::vector<std::string> cidrs;
  for (const AliasRange& alias : aliases) cidrs.push_back(alias.cidr);
  const Ticket ticket =
      core_->open(Call::kSetAliases, region_of(ref.zone), ref,
                  fmt::format("{} {} [{}]", text_of(ref), nic, fmt::join(cidrs, " ")));
  return go_through<Operation>(core_, ticket, [=, core = core_.get()](const Ticket& ticket) {
    return core->change_aliases(ticket, ref, nic, fingerprint, aliases, request_id);
  });
}

Task<Result<Operation>> EmulatedCompute::insert_route(Route route, std::string request_id) {
  const Ticket ticket =
      core_->open(Call::kInsertRoute, "", route.next_hop,
                  fmt::format("{} {} priority {} to {}", route.name, route.destination,
                              route.priority, text_of(route.next_hop)));
  return go_through<Operation>(core_, ticket, [=, core = core_.get()](const Ticket& ticket) {
    return core->add_route(ticket, route, request_id);
  });
}

Task<Result<Operation>> EmulatedCompute::delete_route(std::string name, std::string request_id) {
  std::optional<InstanceRef> hop;
  if (const auto it = core_->routes.find(name); it != core_->routes.end())
    hop = it->second.route.next_hop;
  const Ticket ticket = core_->open(Call::kDeleteRoute, "", hop, name);
  return go_through<Operation>(core_, ticket, [=, core = core_.get()](const Ticket& ticket) {
    return core->drop_route(ticket, name, request_id);
  });
}

Task<Result<Operation>> EmulatedCompute::set_leader(std::string region, std::string service,
                                                    std::string fingerprint, HaLeader leader,
                                                    std::string request_id) {
  const Ticket ticket =
      core_->open(Call::kSetLeader, region, leader.instance,
                  fmt::format("{} {}", service_key(region, service), text_of(leader.instance)));
  return go_through<Operation>(core_, ticket, [=, core = core_.get()](const Ticket& ticket) {
    return core->change_leader(ticket, region, service, fingerprint, leader, request_id);
  });
}

}  // namespace atl::cloud
