// Instances: switched on and off, deleted and made anew; and what their guests send.
#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "cloud/emulated_core.h"

namespace atl::cloud {
namespace {

uint32_t number_of(const std::string& address) {
  const auto block = AddressBlock::parse(address);
  ATOLL_CHECK(block && block->single(), address);
  return block->first;
}

AddressBlock host_block(const std::string& address) {
  const uint32_t number = number_of(address);
  return {number, number};
}

}  // namespace

using Core = EmulatedCompute::Core;

void Core::hold_primary(const Machine& machine, const NetworkInterface& nic) {
  const InstanceRef& ref = machine.instance.ref;
  const AddressBlock block = host_block(nic.network_ip);
  networks.at(nic.network)
      .addresses.take(block, {AddressHolder::Kind::kPrimary, ref, "instance " + text_of(ref)});
  fabric.bind_primary(nic.network, block.first, ref);
}

void Core::hop_changed(const InstanceRef& ref) {
  after(draw(&Delays::next_hop_notice), [this, ref] {
    const Machine* found = machine(ref);
    fabric.set_usable_hop(ref, running(ref) && found->instance.can_ip_forward);
    data_plane_changed();
  });
}

void Core::delete_machine(Machine& machine) {
  const InstanceRef ref = machine.instance.ref;
  for (NetworkInterface& nic : machine.instance.interfaces) {
    AddressBook& addresses = networks.at(nic.network).addresses;
    for (const AliasRange& alias : nic.aliases) {
      const auto block = AddressBlock::parse(alias.cidr);
      addresses.release(*block);
    }
    // Also what the fabric has not let go of yet.
    fabric.unbind_all(nic.network, ref);
    nic.aliases.clear();
    const AddressBlock primary = host_block(nic.network_ip);
    addresses.release(primary);
    fabric.unbind_primary(nic.network, primary.first);
  }
  if (machine.group) {
    Group& group = groups[*machine.group];
    const std::string& address = machine.instance.interfaces.front().network_ip;
    if (std::ranges::count(group.config.reserved, address) != 0) group.free.push_back(address);
  }
  machine.gone = true;
  machine.failing_since.reset();
  ++machine.watch;
  hop_changed(ref);
  data_plane_changed();
}

// The group's next reserved address; else the one it had; else the next free one of the subnetwork.
std::string Core::pick_primary(const Machine& machine, size_t nic_number) {
  const NetworkInterface& nic = machine.instance.interfaces[nic_number];
  const Network& network = networks.at(nic.network);
  const auto is_free = [&](uint32_t address) {
    return network.addresses.holder({address, address}) == nullptr;
  };
  if (machine.group && nic_number == 0) {
    std::deque<std::string>& free = groups[*machine.group].free;
    const auto it = std::ranges::find_if(
        free, [&](const std::string& address) { return is_free(number_of(address)); });
    if (it != free.end()) {
      const std::string address = *it;
      free.erase(it);
      return address;
    }
  }
  if (is_free(number_of(nic.network_ip))) return nic.network_ip;
  const std::string key = service_key(region_of(machine.instance.ref.zone), nic.subnetwork);
  const AddressBlock range = subnets.at(key).primary;
  // The first two and the last two addresses of a subnetwork are the network's own.
  for (uint32_t address = range.first + 2; address + 2 <= range.last; ++address)
    if (is_free(address) && !network.reserved.contains(address))
      return AddressBlock{address, address}.host_text();
  return nic.network_ip;
}

void Core::create_machine(Machine& machine) {
  for (size_t i = 0; i < machine.instance.interfaces.size(); ++i) {
    NetworkInterface& nic = machine.instance.interfaces[i];
    nic.network_ip = pick_primary(machine, i);
    nic.fingerprint = next_fingerprint();
    hold_primary(machine, nic);
  }
  machine.gone = false;
  machine.instance.status = "RUNNING";
  ++machine.watch;
  hop_changed(machine.instance.ref);
  data_plane_changed();
  instance_changed(machine.instance);
}

Status EmulatedCompute::power(InstanceRef instance, Power power) {
  const auto it = core_->machines.find(instance);
  if (it == core_->machines.end())
    return fail(Errc::kNotFound, fmt::format("the instance '{}' was not added", text_of(instance)));
  Core::Machine& machine = it->second;
  if (machine.gone)
    return fail(Errc::kConflict, text_of(instance) + " is being recreated by its group");
  switch (power) {
    case Power::kOn:
      machine.instance.status = "RUNNING";
      core_->note_well(machine);
      break;
    case Power::kOff:
      machine.instance.status = "TERMINATED";
      core_->note_failing(machine);
      break;
    case Power::kRecreated:
      core_->delete_machine(machine);
      core_->create_machine(machine);
      return {};
  }
  core_->hop_changed(instance);
  core_->instance_changed(machine.instance);
  return {};
}

// Says so when the association has lapsed. One timer a service, set again while it lasts.
void Core::watch_garp(Fabric::Service& service) {
  if (service.lapse_watched) return;
  service.lapse_watched = true;
  // Services are never removed.
  after(service.garp_sent + kGarpLasts - env.now(), [this, seen = &service] {
    seen->lapse_watched = false;
    if (env.now() - seen->garp_sent < kGarpLasts) {
      watch_garp(*seen);
    } else {
      data_plane_changed();
    }
  });
}

void EmulatedCompute::garp(InstanceRef sender, std::string_view address) {
  const auto block = AddressBlock::parse(address);
  if (!block || !block->single() || !core_->running(sender)) return;
  if (core_->fabric.moved_by_garp(sender, block->first) == nullptr) return;
  const Nanos sent = core_->env.now();
  core_->after(core_->draw(&Delays::garp_propagation),
               [core = core_.get(), sender, sent, number = block->first] {
                 Fabric::Service* service = core->fabric.moved_by_garp(sender, number);
                 if (service == nullptr) return;
                 if (!Fabric::take_garp(*service, sender, sent, core->random)) return;
                 core->watch_garp(*service);
                 core->data_plane_changed();
               });
}

void EmulatedCompute::set_probe(Probe probe) {
  core_->probe = std::move(probe);
}

}  // namespace atl::cloud
