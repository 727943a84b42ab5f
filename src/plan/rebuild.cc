#include "plan/rebuild.h"

#include <algorithm>
#include <array>

namespace atl::plan {
namespace {

class Rebuilding {
 public:
  Rebuilding(const Sources& from, const ClusterFigures& cluster, const NodeNetworks& networks)
      : from_(from), c_(cluster), network_(networks.fabric(from.inputs())) {}

  Result<Rebuilds> make(const Known<Bytes>& kept, const Speed& read) {
    ATOLL_TRY(ssd_read_, from_.of_shape<BytesPerSecond>("ssd_read"));
    ATOLL_TRY(ssd_write_, from_.of_shape<BytesPerSecond>("ssd_write"));
    ATOLL_TRY(share_, from_.data<double>("atoll.rebuild_share"));
    ATOLL_TRY(detection_, from_.data<Seconds>("failure.detection"));
    ATOLL_TRY(const auto disks, from_.of_shape<double>("ssd_count"));
    const Known<double>& n = c_.nodes;
    const auto stored = sheet().put("rebuild.stored", kept.value * c_.overhead.value,
                                    "kept x overhead", Keys{kept.key, c_.overhead.key});
    const auto device =
        sheet().put("rebuild.on_a_device", stored.value / (n.value * disks.value),
                    "stored / (nodes x SSDs of one)", Keys{stored.key, n.key, disks.key});
    const auto node = sheet().put("rebuild.on_a_node", stored.value / n.value, "stored / nodes",
                                  Keys{stored.key, n.key});
    const auto domain =
        sheet().put("rebuild.on_a_domain", stored.value * (c_.largest_domain.value / n.value),
                    "stored x nodes of the largest domain / nodes",
                    Keys{stored.key, c_.largest_domain.key, n.key});
    Rebuilds out;
    out.device = time_of("device", device, 0);
    out.node = time_of("node", node, 1);
    out.domain = time_of("domain", domain, c_.largest_domain.value);
    drain("node", node, 1);
    drain("domain", domain, c_.largest_domain.value);
    ATOLL_TRY_STATUS(waves(out));
    meanwhile(read);
    return out;
  }

 private:
  Sheet& sheet() { return from_.sheet(); }

  // Every byte lost needs k bytes read and sent to whoever computes it and one sent to where it is
  // written, by the nodes that are left, with the share of them that rebuilds may take.
  Known<Seconds> time_of(const std::string& what, const Known<Bytes>& lost, double nodes_lost) {
    const double left = std::max(1.0, c_.nodes.value - nodes_lost);
    const double k = c_.k.value;
    struct Limit {
      std::string_view what;
      BytesPerSecond of_one;
    };
    const std::array limits = {Limit{"network", network_.value / (k + 1)},
                               Limit{"SSD read", ssd_read_.value / k},
                               Limit{"SSD write", ssd_write_.value}};
    const Limit& least = *std::ranges::min_element(limits, {}, &Limit::of_one);
    const auto rate = sheet().put(
        "rebuild." + what + "_rate", left * least.of_one * share_.value,
        fmt::format("{:.0f} nodes left x rebuild share x the least of network / (data shards + 1), "
                    "SSD read / data shards and SSD write: {}",
                    left, least.what),
        Keys{c_.nodes.key, network_.key, ssd_read_.key, ssd_write_.key, c_.k.key, share_.key});
    const bool gone = what == "domain" && c_.survives.value == 0;
    return sheet().put("rebuild." + what, detection_.value + lost.value / rate.value,
                       gone
                           ? "as long as detection + bytes / rebuild rate, were there something to "
                             "rebuild from: no domain may be lost"
                           : "detection + bytes lost / rebuild rate",
                       Keys{detection_.key, lost.key, rate.key});
  }

  // While it is still there, each byte is copied once: its nodes send, the others receive.
  void drain(const std::string& what, const Known<Bytes>& bytes, double nodes) {
    const double others = std::max(1.0, c_.nodes.value - nodes);
    const BytesPerSecond one = std::min(network_.value, ssd_read_.value);
    const BytesPerSecond rate =
        std::min(nodes * one, others * std::min(network_.value, ssd_write_.value)) * share_.value;
    sheet().put(
        "rebuild.drain_" + what, bytes.value / rate,
        "its bytes, each copied once by its own nodes / (network or SSD, the lesser, x "
        "rebuild share)",
        Keys{bytes.key, c_.nodes.key, network_.key, ssd_read_.key, ssd_write_.key, share_.key});
  }

  // One domain after the other.
  Status waves(const Rebuilds& times) {
    ATOLL_TRY(const auto length, from_.data<Seconds>("failure.node_outage_length"));
    sheet().put("rebuild.maintenance_in_place", c_.domains.value * length.value,
                "domains x length of an outage: each is away once and comes back with its data",
                Keys{c_.domains.key, length.key});
    sheet().put("rebuild.maintenance_wave", c_.domains.value * times.domain.value,
                "domains x rebuild of one: when each comes back with blank disks",
                Keys{c_.domains.key, times.domain.key});
    return {};
  }

  // With the largest domain lost. Rebuilds take their share of network and SSD, not of CPU.
  void meanwhile(const Speed& read) {
    const double left = std::max(1.0, c_.nodes.value - c_.largest_domain.value) / c_.nodes.value;
    BytesPerSecond least{};
    std::string_view binds;
    Keys keys{c_.nodes.key, c_.largest_domain.key, share_.key};
    for (const Limit& limit : read.limits) {
      BytesPerSecond now = from_.value_of<BytesPerSecond>(limit.figure) * left;
      if (limit.what != "CPU") now = now * (1 - share_.value);
      keys.push_back(limit.figure);
      if (!binds.empty() && now >= least) continue;
      least = now;
      binds = limit.what;
    }
    keys.push_back(c_.survives.key);
    const bool gone = c_.survives.value == 0;
    if (gone) least = {};
    const auto now = sheet().put(
        "rebuild.read_meanwhile", least,
        gone ? std::string("nothing: no domain may be lost")
             : fmt::format(
                   "the least limit of read, here {}, x nodes left without the largest domain / "
                   "nodes x (1 - rebuild share, but for CPU)",
                   binds),
        keys);
    const BytesPerSecond whole = from_.value_of<BytesPerSecond>(read.figure);
    sheet().put("rebuild.read_lost", whole - now.value, "read - read while a domain is rebuilt",
                Keys{read.figure, now.key});
  }

  const Sources& from_;
  const ClusterFigures& c_;
  const Known<BytesPerSecond>& network_;
  Known<BytesPerSecond> ssd_read_, ssd_write_;
  Known<double> share_;
  Known<Seconds> detection_;
};

}  // namespace

Result<Rebuilds> rebuild_times(const Sources& from, const ClusterFigures& cluster,
                               const NodeNetworks& networks, const Known<Bytes>& kept,
                               const Speed& read) {
  return Rebuilding(from, cluster, networks).make(kept, read);
}

}  // namespace atl::plan
