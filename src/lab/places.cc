#include "lab/places.h"

#include "base/check.h"

namespace atl::lab {

std::string Place::name() const {
  switch (kind) {
    case Kind::kRouter:
      return "router";
    case Kind::kManagement:
      return "mgmt";
    case Kind::kNode:
      return "node" + std::to_string(number);
    case Kind::kClient:
      return "client" + std::to_string(number);
    case Kind::kController:
      return "ctl" + std::to_string(number);
  }
  return "";
}

std::string Place::client_address() const {
  switch (kind) {
    case Kind::kRouter:
      return kGateway;
    case Kind::kNode:
      return "10.0.1." + std::to_string(number);
    case Kind::kClient:
      return "10.0.200." + std::to_string(number);
    case Kind::kManagement:
    case Kind::kController:
      return "";
  }
  return "";
}

std::string Place::management_address() const {
  switch (kind) {
    case Kind::kManagement:
      return kRunnerAddress;
    case Kind::kNode:
      return "198.18.1." + std::to_string(number);
    case Kind::kController:
      return "198.18.2." + std::to_string(number);
    case Kind::kRouter:
    case Kind::kClient:
      return "";
  }
  return "";
}

std::string client_port(const Place& place) {
  return (place.kind == Place::Kind::kNode ? "v" : "c") + std::to_string(place.number);
}

int client_index(const Place& place) {
  const int base = place.kind == Place::Kind::kNode ? kNodeIndexBase : kClientIndexBase;
  return base + static_cast<int>(place.number);
}

int management_index(const Place& place) {
  const int base = place.kind == Place::Kind::kNode ? kNodeIndexBase : kControllerIndexBase;
  return base + static_cast<int>(place.number);
}

vip::Vip lab_vip(size_t number, bool outside_subnet) {
  ATOLL_CHECK(number >= 1 && number <= 254, "the laboratory has 254 VIPs");
  const uint32_t base = outside_subnet ? 0x0a630000 : 0x0a000900;
  return vip::Vip{base + static_cast<uint32_t>(number)};
}

}  // namespace atl::lab
