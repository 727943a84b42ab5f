#include "vip/movers/request_ids.h"

#include <fmt/format.h>

namespace atl::vip {

std::string random_uuid(env::Env& env) {
  const uint64_t high = (env.random() & ~uint64_t{0xf000}) | 0x4000;               // version 4
  const uint64_t low = (env.random() & ~(uint64_t{3} << 62)) | uint64_t{1} << 63;  // RFC 4122
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xffff,
                     high & 0xffff, low >> 48, low & 0xffff'ffff'ffff);
}

std::string RequestIds::id_for(const std::string& thing, const std::string& change) {
  auto found = open_.find(thing);
  if (found != open_.end() && found->second.change == change) return found->second.id;
  // Forgetting an id is safe: fingerprints and names keep a change from being made twice.
  if (found == open_.end() && open_.size() >= kMost) open_.clear();
  Open& open = open_[thing];
  open.change = change;
  open.id = random_uuid(env_);
  return open.id;
}

}  // namespace atl::vip
