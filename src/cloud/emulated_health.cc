// Who answers: the load balancer's health checks, and the autohealing of managed groups.
#include <fmt/format.h>

#include "cloud/emulated_core.h"

namespace atl::cloud {

using Core = EmulatedCompute::Core;

HealthCheck HealthCheck::from(const Delays& delays) {
  HealthCheck check;
  check.interval = delays.lb_probe_interval.median;
  check.timeout = delays.lb_probe_timeout.median;
  check.unhealthy_threshold = delays.lb_unhealthy_threshold.value;
  check.healthy_threshold = delays.lb_healthy_threshold.value;
  return check;
}

void Core::start_probing(const std::string& key) {
  after(services.at(key).config.health_check->interval, [this, key] { probe_round(key); });
}

void Core::probe_round(const std::string& key) {
  const ServiceEntry& service = services.at(key);
  const HealthCheck& check = *service.config.health_check;
  const std::string address = service.rules.empty() ? "" : service.rules.begin()->second;
  for (const InstanceRef& ref : service.endpoints) {
    if (running(ref) && probe && probe(ref, address)) {
      take_probe(key, ref, true);
    } else {
      // Silence is known only when the timeout is over.
      after(check.timeout, [this, key, ref] { take_probe(key, ref, false); });
    }
  }
  start_probing(key);
}

void Core::take_probe(const std::string& key, const InstanceRef& ref, bool good) {
  ServiceEntry& service = services.at(key);
  const HealthCheck& check = *service.config.health_check;
  ProbeState& state = service.probes[ref];
  state.good = good ? state.good + 1 : 0;
  state.bad = good ? 0 : state.bad + 1;
  const Health before = state.health;
  if (state.good >= check.healthy_threshold) state.health = Health::kHealthy;
  if (state.bad >= check.unhealthy_threshold) state.health = Health::kUnhealthy;
  if (state.health == before) return;
  after(draw(&Delays::lb_propagation), [this, key, ref] {
    // What is true by now, so that updates that overtake one another do no harm.
    std::set<InstanceRef>& healthy = fabric.service(key)->healthy;
    if (services.at(key).probes[ref].health == Health::kHealthy) {
      healthy.insert(ref);
    } else {
      healthy.erase(ref);
    }
    data_plane_changed();
  });
}

// --- Autohealing ---

void Core::watch_group(size_t number) {
  const ManagedGroup& config = groups[number].config;
  for (const InstanceRef& ref : config.instances)
    if (!running(ref)) note_failing(machines.at(ref));
  if (!config.probes) return;
  // Groups are probed as often as the load balancer's services by default.
  after(delays.lb_probe_interval.median, [this, number] { group_round(number); });
}

void Core::group_round(size_t number) {
  for (const InstanceRef& ref : groups[number].config.instances) {
    Machine* found = machine(ref);
    if (found == nullptr) continue;
    const std::string& address = found->instance.interfaces.front().network_ip;
    if (running(ref) && probe && probe(ref, address)) {
      note_well(*found);
    } else {
      note_failing(*found);
    }
  }
  after(delays.lb_probe_interval.median, [this, number] { group_round(number); });
}

void Core::note_well(Machine& machine) {
  if (!machine.failing_since) return;
  machine.failing_since.reset();
  ++machine.watch;
}

void Core::note_failing(Machine& machine) {
  if (!machine.group || machine.failing_since) return;
  machine.failing_since = env.now();
  const uint64_t watch = ++machine.watch;
  const InstanceRef ref = machine.instance.ref;
  after(groups[*machine.group].config.autohealing_delay, [this, ref, watch] {
    if (machines.at(ref).watch == watch) recreate(ref);
  });
}

void Core::recreate(const InstanceRef& ref) {
  delete_machine(machines.at(ref));
  after(draw(&Delays::instance_recreate), [this, ref] { create_machine(machines.at(ref)); });
}

}  // namespace atl::cloud
