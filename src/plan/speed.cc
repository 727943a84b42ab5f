#include "plan/speed.h"

#include <algorithm>

namespace atl::plan {
namespace {

template <typename Q>
using Parts = std::vector<std::pair<std::string, Known<Q>>>;

// The parts of a speed's key: "speed.read_by_network" is "network" there and to the reader.
struct Names {
  std::string_view key, words;
};
constexpr Names kNetwork{"network", "network"};
constexpr Names kRdma{"rdma", "RDMA network"};
constexpr Names kBoth{"both_networks", "both networks"};
constexpr Names kSsd{"ssd", "local SSD"};
constexpr Names kPcie{"pcie", "PCIe"};
constexpr Names kCpu{"cpu", "CPU"};
constexpr Names kMetadata{"metadata", "metadata owners"};

class Speeds {
 public:
  Speeds(const Sources& from, const ClusterFigures& cluster, const NodeNetworks& networks)
      : from_(from), c_(cluster), networks_(networks) {}

  Result<std::vector<Speed>> make() {
    ATOLL_TRY_STATUS(common());
    ATOLL_TRY(const Parts<BytesPerSecond> read, read_parts());
    ATOLL_TRY_STATUS(add("read", "workload.read", read));
    ATOLL_TRY(const Parts<BytesPerSecond> write, write_parts());
    ATOLL_TRY_STATUS(add("write", "workload.write", write));
    ATOLL_TRY_STATUS(add("degraded_read", "", degraded(read)));
    ATOLL_TRY(partitions_, from_.asked<double>("cluster.partitions", c_.nodes.value));
    ATOLL_TRY_STATUS(small_read());
    ATOLL_TRY_STATUS(small_write());
    return std::move(out_);
  }

 private:
  Sheet& sheet() { return from_.sheet(); }

  // The least of what each part allows, and whether that is what the workload asks for.
  template <typename Q>
  Status add(const std::string& name, const std::string& asked_key, Parts<Q> parts) {
    std::stable_sort(parts.begin(), parts.end(),
                     [](const auto& a, const auto& b) { return a.second.value < b.second.value; });
    Speed speed;
    speed.name = name;
    Keys keys;
    for (const auto& [what, limit] : parts) {
      speed.limits.push_back({what, limit.key});
      keys.push_back(limit.key);
    }
    const auto least =
        sheet().put("speed." + name, parts.front().second.value,
                    fmt::format("the least of its limits: {}", parts.front().first), keys);
    speed.figure = least.key;
    if (!asked_key.empty() && from_.scenario().find(asked_key) != nullptr) {
      ATOLL_TRY(const auto wanted, from_.asked<Q>(asked_key, Q{}));
      speed.asked = wanted.key;
      speed.holds = wanted.value <= least.value;
    }
    out_.push_back(std::move(speed));
    return {};
  }

  template <typename Q>
  void part(Parts<Q>* parts, const std::string& speed, Names names, Q value, std::string how,
            Keys keys) {
    parts->emplace_back(names.words, sheet().put(fmt::format("speed.{}_by_{}", speed, names.key),
                                                 value, std::move(how), std::move(keys)));
  }

  Status common() {
    const double n = c_.nodes.value;
    ATOLL_TRY(const auto vcpus, from_.of_shape<double>("vcpus"));
    ATOLL_TRY(const auto per_core, from_.data<double>("atoll.vcpus_per_core"));
    network_ = sheet().put("speed.network", n * networks_.tcp.value,
                           "nodes x network cap of one, one direction",
                           Keys{c_.nodes.key, networks_.tcp.key});
    if (networks_.rdma)
      rdma_ = sheet().put("speed.rdma", n * networks_.rdma->value,
                          "nodes x RDMA network of one, one direction",
                          Keys{c_.nodes.key, networks_.rdma->key});
    cores_ =
        sheet().put("speed.cores", n * vcpus.value / per_core.value,
                    "nodes x vCPUs / vCPUs of a core", Keys{c_.nodes.key, vcpus.key, per_core.key});
    away_ = sheet().put("speed.bytes_from_elsewhere", (n - 1) / n,
                        "(nodes - 1) / nodes: of what a node serves, held by another",
                        Keys{c_.nodes.key});
    return {};
  }

  // Network limits of a speed for which one byte moves `client` times between a client and a node
  // and `between` times between nodes, in the busier direction of the machines' networks.
  template <typename Q>
  void network_parts(Parts<Q>* parts, const std::string& speed, double client,
                     const Known<double>& between, double bytes, const Keys& more) {
    const Inputs& in = from_.inputs();
    const double on_tcp =
        (in.clients_by_rdma ? 0 : client) + (in.fabric_by_rdma ? 0 : between.value);
    const double on_rdma = client + between.value - on_tcp;
    auto add_one = [&](Names names, Known<BytesPerSecond> network, double times) {
      if (times == 0) return;
      Keys keys{network.key, between.key};
      keys.insert(keys.end(), more.begin(), more.end());
      part(parts, speed, names, Q{network.value.value / (bytes * times)},
           fmt::format("{} / what of each crosses it: {}", names.words,
                       in.clients_by_rdma == in.fabric_by_rdma ? "to or from the client once, "
                                                                 "and between nodes"
                       : (names.key == kRdma.key) == in.clients_by_rdma
                           ? "to or from the client once"
                           : "between nodes"),
           std::move(keys));
    };
    add_one(kNetwork, network_, on_tcp);
    if (networks_.rdma) add_one(kRdma, rdma_, on_rdma);
    if (networks_.both && on_tcp > 0 && on_rdma > 0) {
      Keys keys{c_.nodes.key, networks_.both->key, between.key};
      keys.insert(keys.end(), more.begin(), more.end());
      part(parts, speed, kBoth,
           Q{c_.nodes.value * networks_.both->value.value / (bytes * (on_tcp + on_rdma))},
           "nodes x cap of both networks / what of each crosses them", std::move(keys));
    }
  }

  Result<Parts<BytesPerSecond>> read_parts() {
    ATOLL_TRY(const auto ssd, from_.of_shape<BytesPerSecond>("ssd_read"));
    ATOLL_TRY(const auto core, from_.data<BytesPerSecond>("atoll.read_per_core"));
    const Known<double>& n = c_.nodes;
    const auto sent =
        sheet().put("speed.sent_for_a_byte_read", 1 + away_.value,
                    "to the client once, and between nodes for what is elsewhere", Keys{away_.key});
    Parts<BytesPerSecond> parts;
    network_parts(&parts, "read", 1, away_, 1, {});
    part(&parts, "read", kSsd, n.value * ssd.value, "nodes x SSD read of one",
         Keys{n.key, ssd.key});
    if (from_.shape_has("pcie")) {
      ATOLL_TRY(const auto pcie, from_.of_shape<BytesPerSecond>("pcie"));
      // Into memory: the SSD's byte and what is received; out of it: what is sent. Equally much.
      part(&parts, "read", kPcie, n.value * pcie.value / sent.value,
           "nodes x PCIe of one, one direction / bytes sent for a byte read",
           Keys{n.key, pcie.key, sent.key});
    }
    part(&parts, "read", kCpu, cores_.value * core.value, "cores x what one reads",
         Keys{cores_.key, core.key});
    return parts;
  }

  Result<Parts<BytesPerSecond>> write_parts() {
    ATOLL_TRY(const auto ssd, from_.of_shape<BytesPerSecond>("ssd_write"));
    ATOLL_TRY(const auto core, from_.data<BytesPerSecond>("atoll.write_per_core"));
    ATOLL_TRY(const auto rewrite, from_.data<double>("atoll.rewrite"));
    const Known<double>& n = c_.nodes;
    const auto shards =
        sheet().put("speed.shards_for_a_byte_written", c_.overhead.value * away_.value,
                    "overhead x bytes from elsewhere: received by the nodes that store its shards",
                    Keys{c_.overhead.key, away_.key});
    const auto disk = sheet().put(
        "speed.written_for_a_byte_written", c_.overhead.value * (1 + rewrite.value),
        "overhead x (1 + bytes that reclaim moves)", Keys{c_.overhead.key, rewrite.key});
    Parts<BytesPerSecond> parts;
    network_parts(&parts, "write", 1, shards, 1, {});
    part(&parts, "write", kSsd, n.value * ssd.value / disk.value,
         "nodes x SSD write of one / bytes written for a byte written",
         Keys{n.key, ssd.key, disk.key});
    if (from_.shape_has("pcie")) {
      ATOLL_TRY(const auto pcie, from_.of_shape<BytesPerSecond>("pcie"));
      const double in = 1 + shards.value + c_.overhead.value * rewrite.value;
      const double out = shards.value + disk.value;
      part(&parts, "write", kPcie, n.value * pcie.value / std::max(in, out),
           "nodes x PCIe of one / the more of: received and read back for reclaim, or sent and "
           "written to SSD",
           Keys{n.key, pcie.key, shards.key, disk.key, rewrite.key});
    }
    part(&parts, "write", kCpu, cores_.value * core.value, "cores x what one writes",
         Keys{cores_.key, core.key});
    return parts;
  }

  // With the domains lost that the scheme survives, the largest ones: large reads take k shards as
  // before, from fewer nodes. To compute what is missing costs a core little beside serving it
  // (docs/bench.md: 30 to 60 GiB/s of decoding against 2 of reading).
  Parts<BytesPerSecond> degraded(const Parts<BytesPerSecond>& read) {
    const double n = c_.nodes.value;
    const auto left = sheet().put("speed.nodes_left",
                                  n - nodes_in_largest(n, c_.domains.value, c_.survives.value),
                                  "nodes - those of the largest domains, as many as are survived",
                                  Keys{c_.nodes.key, c_.survives.key, c_.domains.key});
    Parts<BytesPerSecond> parts;
    for (const auto& [what, limit] : read)
      parts.emplace_back(
          what, sheet().put("speed.degraded_" + limit.key.substr(std::string_view("speed.").size()),
                            limit.value * (left.value / n),
                            fmt::format("read by {} x nodes left / nodes", what),
                            Keys{limit.key, left.key, c_.nodes.key}));
    return parts;
  }

  // A directory's metadata is one owner's, on one core, whatever the number of nodes.
  Status small_read() {
    ATOLL_TRY(const auto size, from_.data<Bytes>("atoll.small_size"));
    ATOLL_TRY(const auto cpu, from_.data<SecondsPerOperation>("atoll.small_read_cpu"));
    ATOLL_TRY(const auto ops, from_.of_shape<OperationsPerSecond>("ssd_read_ops"));
    Parts<OperationsPerSecond> parts;
    part(&parts, "small_read", kMetadata, partitions_.value / cpu.value,
         "partitions x one core / CPU of a small read", Keys{partitions_.key, cpu.key});
    part(&parts, "small_read", kSsd, c_.nodes.value * ops.value,
         "nodes x SSD read operations of one", Keys{c_.nodes.key, ops.key});
    network_parts(&parts, "small_read", 1, away_, size.value.value, Keys{size.key});
    part(&parts, "small_read", kCpu, cores_.value / cpu.value, "cores / CPU of a small read",
         Keys{cores_.key, cpu.key});
    return add("small_read", "workload.small_read", std::move(parts));
  }

  // Travels in a journal entry, to every replica; later it is packed into a stripe.
  Status small_write() {
    ATOLL_TRY(const auto size, from_.data<Bytes>("atoll.small_size"));
    ATOLL_TRY(const auto cpu, from_.data<SecondsPerOperation>("atoll.small_write_cpu"));
    ATOLL_TRY(const auto ops, from_.of_shape<OperationsPerSecond>("ssd_write_ops"));
    ATOLL_TRY(const auto replicas, from_.data<double>("atoll.journal_replicas"));
    const auto copies = sheet().put(
        "speed.copies_for_a_small_byte", (replicas.value + c_.overhead.value) * away_.value,
        "(journal replicas + overhead) x bytes from elsewhere: its journal entry, then "
        "its part of a stripe",
        Keys{replicas.key, c_.overhead.key, away_.key});
    Parts<OperationsPerSecond> parts;
    part(&parts, "small_write", kMetadata, partitions_.value / cpu.value,
         "partitions x one core / CPU of a small write", Keys{partitions_.key, cpu.key});
    part(&parts, "small_write", kSsd, c_.nodes.value * ops.value / replicas.value,
         "nodes x SSD write operations of one / journal replicas",
         Keys{c_.nodes.key, ops.key, replicas.key});
    network_parts(&parts, "small_write", 1, copies, size.value.value, Keys{size.key});
    part(&parts, "small_write", kCpu, cores_.value / cpu.value, "cores / CPU of a small write",
         Keys{cores_.key, cpu.key});
    return add("small_write", "workload.small_write", std::move(parts));
  }

  const Sources& from_;
  const ClusterFigures& c_;
  const NodeNetworks& networks_;
  std::vector<Speed> out_;
  Known<BytesPerSecond> network_, rdma_;
  Known<double> cores_, away_, partitions_;
};

// The least of the machine's cap and its interfaces together, where the shape says those.
Result<Known<BytesPerSecond>> with_interfaces(const Sources& from, const Known<BytesPerSecond>& cap,
                                              std::string_view count, std::string_view each) {
  if (!from.shape_has(each)) return cap;
  ATOLL_TRY(const auto nics, from.of_shape<double>(count));
  ATOLL_TRY(const auto nic, from.of_shape<BytesPerSecond>(each));
  return from.sheet().put("speed.network_of_a_node", std::min(cap.value, nics.value * nic.value),
                          "the lesser of the machine's cap and interfaces x what one carries",
                          Keys{cap.key, nics.key, nic.key});
}

}  // namespace

const Known<BytesPerSecond>& NodeNetworks::fabric(const Inputs& in) const {
  return in.fabric_by_rdma ? *rdma : tcp;
}

Result<NodeNetworks> node_networks(const Sources& from) {
  NodeNetworks out;
  ATOLL_TRY(const auto cap, from.of_shape<BytesPerSecond>(from.inputs().network));
  ATOLL_TRY(out.tcp, with_interfaces(from, cap, "nics", "nic"));
  if (from.inputs().fabric_by_rdma || from.inputs().clients_by_rdma) {
    ATOLL_TRY(const auto nics, from.of_shape<double>("rdma_nics"));
    ATOLL_TRY(const auto nic, from.of_shape<BytesPerSecond>("rdma_nic"));
    out.rdma = from.sheet().put("speed.rdma_of_a_node", nics.value * nic.value,
                                "RDMA interfaces x what one carries", Keys{nics.key, nic.key});
    if (from.shape_has("network_and_rdma")) {
      ATOLL_TRY(out.both, from.of_shape<BytesPerSecond>("network_and_rdma"));
    }
  }
  return out;
}

Result<std::vector<Speed>> cluster_speeds(const Sources& from, const ClusterFigures& cluster,
                                          const NodeNetworks& networks) {
  return Speeds(from, cluster, networks).make();
}

}  // namespace atl::plan
