// What the emulated fabric has been programmed with: it lags behind the API, and answers where a
// packet goes. For the inside of the emulator, which decides when each change arrives here.
//
// Everything is idempotent and remembers nothing but the present.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cloud/emulated_addresses.h"
#include "cloud/emulated_compute.h"
#include "env/random.h"

namespace atl::cloud {

class Fabric {
 public:
  // A backend service as the fabric sees it.
  struct Service {
    std::string network;
    bool fast_ip_move = false;
    bool health_checked = false;
    bool drop_if_unhealthy = false;
    std::vector<InstanceRef> endpoints;
    std::optional<InstanceRef> leader;
    uint64_t leader_version = 0;    // a later change's leader is not undone by an earlier one's
    std::set<InstanceRef> healthy;  // of the endpoints
    std::optional<InstanceRef> garp;
    Nanos garp_sent{};  // the last GARP of `garp`
    bool lapse_watched = false;
  };

  // --- Aliases and primary addresses ---
  void bind_primary(const std::string& network, uint32_t address, const InstanceRef& instance);
  void unbind_primary(const std::string& network, uint32_t address);
  void bind_alias(const std::string& network, const AddressBlock& block,
                  const InstanceRef& instance);
  // Does nothing when another has it by now.
  void unbind_alias(const std::string& network, const AddressBlock& block,
                    const InstanceRef& instance);
  // All aliases of an instance that is no more.
  void unbind_all(const std::string& network, const InstanceRef& instance);

  // --- Routes ---
  void program(const Route& route, const AddressBlock& destination);
  void unprogram(const std::string& name);
  // Routes pass over a next hop that is off, or that may not forward.
  void set_usable_hop(const InstanceRef& instance, bool usable);

  // --- Services; keyed by "region/name" ---
  void add_service(const std::string& key, Service service) { services_[key] = std::move(service); }
  void add_rule(const std::string& network, uint32_t address, const std::string& key);
  Service* service(const std::string& key);
  // The service of the forwarding rule at that address in a network where the sender is an
  // endpoint, if it moves by GARP.
  Service* moved_by_garp(const InstanceRef& sender, uint32_t address);
  // A GARP that was sent at `sent` and has arrived. True when the association changed hands.
  static bool take_garp(Service& service, const InstanceRef& sender, Nanos sent,
                        env::Random& random);

  std::optional<InstanceRef> delivered_to(const std::string& network, uint32_t address,
                                          Nanos now) const;

 private:
  using Key = std::pair<std::string, uint32_t>;  // network, address
  struct Programmed {
    Route route;
    AddressBlock destination;
  };
  struct WideAlias {
    std::string network;
    AddressBlock block;
    InstanceRef instance;
  };

  std::optional<InstanceRef> through_service(const Service& service, uint32_t address,
                                             Nanos now) const;
  std::optional<InstanceRef> through_route(const std::string& network, uint32_t address) const;

  std::map<Key, InstanceRef> primaries_;
  std::map<Key, InstanceRef> aliases_;  // single addresses
  std::vector<WideAlias> wide_aliases_;
  std::map<std::string, Programmed> routes_;        // by name
  std::map<Key, std::set<std::string>> routes_to_;  // single addresses: names
  std::set<std::string> wide_routes_;
  std::set<InstanceRef> usable_hops_;
  std::map<std::string, Service> services_;
  std::map<Key, std::string> rules_;  // address to service
};

}  // namespace atl::cloud
