#include "cloud/compute.h"

namespace atl::cloud {

const NetworkInterface* Instance::find(std::string_view nic) const {
  for (const NetworkInterface& interface : interfaces)
    if (interface.name == nic) return &interface;
  return nullptr;
}

}  // namespace atl::cloud
