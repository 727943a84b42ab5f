// What the coordinator holds about addresses.
//
//   vip/POOL/address/10.0.0.5   a Record: who may answer for the address
//   vip/POOL/drain/NODE         present: move everything away from NODE, in order
//   vip/POOL/cut/NODE           present: NODE says that it reaches nobody on the clients' side
//                               (vip/reach.h); whom it asked last, for people
//   lease vip/POOL/node/NODE    held by the node's process while it is well
//   lease vip/POOL/leader       held by the one controller that acts
//
// A Record is changed by compare-and-swap, by two parties only:
//   the leader      holder "" -> B;  A -> B when it has taken A's lease (so A is silent);
//                   next: asks A, who is well, to hand over to B
//   the holder A    A -> next, when it has stopped answering
//
// The values are JSON of one line, so that an administrator can read them.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "vip/types.h"

namespace atl::vip {

struct Record {
  NodeName holder;          // "" nobody
  NodeName next;            // "" or whom the holder is to hand over to
  uint64_t generation = 0;  // one more with each change of holder
  std::string encode() const;
  static Result<Record> decode(std::string_view text);  // kCorrupt
  friend bool operator==(const Record&, const Record&) = default;
};

std::string record_prefix(const std::string& pool);
std::string record_key(const std::string& pool, Vip vip);
Result<Vip> record_vip(const std::string& pool, std::string_view key);  // kCorrupt
std::string drain_prefix(const std::string& pool);
std::string drain_key(const std::string& pool, const NodeName& node);
std::string cut_prefix(const std::string& pool);
std::string cut_key(const std::string& pool, const NodeName& node);
std::string node_lease(const std::string& pool, const NodeName& node);
// In whose name a process of that node has it: another one for each attempt to acquire it. All
// names of a node begin with lease_prefix().
std::string lease_holder(const NodeName& node, const std::string& incarnation, uint64_t attempt);
std::string lease_prefix(const NodeName& node);
std::string leader_lease(const std::string& pool);
std::string pool_prefix(const std::string& pool);

}  // namespace atl::vip
