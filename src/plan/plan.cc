#include "plan/plan.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/check.h"
#include "plan/durability.h"
#include "plan/inputs.h"

namespace atl::plan {

std::string_view built_in_catalogue_text();  // made by the build from catalogues/gcp.toml

namespace {

// A key with how often it counts, for formulas in words.
using Keys = std::vector<std::string>;

class Maker {
 public:
  Maker(const Book& scenario, const Book& catalogue, Inputs inputs)
      : scenario_(scenario), catalogue_(catalogue), in_(std::move(inputs)) {}

  Result<Plan> make() {
    plan_.name = in_.name;
    ATOLL_TRY(const std::string title, catalogue_.word("title"));
    ATOLL_TRY(const std::string date, catalogue_.word("date"));
    plan_.catalogue = fmt::format("{}, {}", title, date);
    ATOLL_TRY_STATUS(cluster());
    ATOLL_TRY_STATUS(capacity());
    ATOLL_TRY_STATUS(speed());
    ATOLL_TRY_STATUS(rebuild());
    ATOLL_TRY_STATUS(durability());
    ATOLL_TRY_STATUS(money());
    widths();
    notes();
    return std::move(plan_);
  }

 private:
  // --- Where numbers come from ---

  template <typename Q>
  Result<Known<Q>> data(std::string_view key) {
    return sheet().datum<Q>(catalogue_, key, fmt::format("data.{}", key));
  }
  template <typename Q>
  Result<Known<Q>> of_shape(std::string_view name) {
    return data<Q>(fmt::format("shape.{}.{}", in_.shape, name));
  }
  // What the scenario says, or what Atoll takes otherwise.
  template <typename Q>
  Result<Known<Q>> asked(std::string_view key, Q otherwise) {
    const std::string as = fmt::format("asked.{}", key);
    if (sheet().find(as) != nullptr) return Known<Q>{value_of<Q>(as), as};
    if (scenario_.find(key) != nullptr) return sheet().datum<Q>(scenario_, key, as);
    return sheet().own(as, otherwise, "not in the scenario: Atoll's default");
  }
  template <typename Q>
  Q value_of(std::string_view key) {
    const Figure* figure = sheet().find(key);
    ATOLL_CHECK(figure != nullptr && figure->value.dimensions == dimensions_of<Q>(), key);
    if constexpr (std::is_same_v<Q, double>) {
      return figure->value.value;
    } else {
      return Q{figure->value.value};
    }
  }
  Sheet& sheet() { return plan_.sheet; }

  Status cluster() {
    ATOLL_TRY(nodes_, asked<double>("cluster.nodes", in_.nodes));
    ATOLL_TRY(domains_, asked<double>("cluster.domains", in_.domains));
    k_ = sheet().own("asked.cluster.data_shards", double(in_.k), "cluster.protection");
    m_ = sheet().own("asked.cluster.parity_shards", double(in_.m), "cluster.protection");
    width_ = sheet().put("cluster.stripe_width", double(in_.k + in_.m), "data + parity shards",
                         Keys{k_.key, m_.key});
    const uint32_t in_domain = (in_.k + in_.m + in_.domains - 1) / in_.domains;
    survives_ =
        sheet().put("cluster.domains_survived", double(in_.m / in_domain),
                    "parity shards / the most shards of a stripe in one domain, rounded down",
                    Keys{m_.key, width_.key, domains_.key});
    return {};
  }

  // --- 1. Capacity ---

  Status capacity() {
    ATOLL_TRY(const auto ssd, of_shape<Bytes>("ssd"));
    ATOLL_TRY(const auto reserve, data<double>("atoll.reserve"));
    ATOLL_TRY(const auto journal, data<Bytes>("atoll.journal_most"));
    ATOLL_TRY(const auto replicas, data<double>("atoll.journal_replicas"));
    ATOLL_TRY(const auto spare, asked<double>("cluster.spare_domains", in_.domains > 1 ? 1 : 0));
    ATOLL_TRY(fill_, asked<double>("cluster.fill", 0.8));
    raw_ = sheet().put("capacity.raw", nodes_.value * ssd.value, "nodes x local SSD of one",
                       Keys{nodes_.key, ssd.key});
    const auto set_aside = sheet().put("capacity.set_aside",
                                       raw_.value * reserve.value + replicas.value * journal.value,
                                       "raw x reserve + journal x its replicas",
                                       Keys{raw_.key, reserve.key, journal.key, replicas.key});
    const auto spared = sheet().put(
        "capacity.spare", (raw_.value - set_aside.value) * (spare.value / domains_.value),
        "(raw - set aside) x spare domains / domains: room to rebuild a lost domain into",
        Keys{raw_.key, set_aside.key, spare.key, domains_.key});
    overhead_ = sheet().put("capacity.overhead", width_.value / k_.value,
                            "(data + parity) / data: bytes stored for each byte kept",
                            Keys{width_.key, k_.key});
    usable_ = sheet().put("capacity.usable",
                          (raw_.value - set_aside.value - spared.value) / overhead_.value,
                          "(raw - set aside - spare) / overhead",
                          Keys{raw_.key, set_aside.key, spared.key, overhead_.key});
    kept_ = sheet().put("capacity.kept", usable_.value * fill_.value, "usable x fill",
                        Keys{usable_.key, fill_.key});
    return {};
  }

  // --- 2. Speed ---

  // The least of what each part allows, and whether that is what the workload asks for.
  template <typename Q>
  Status add_speed(const std::string& name, const std::string& asked_key,
                   std::vector<std::pair<std::string, Known<Q>>> parts) {
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
    if (!asked_key.empty() && scenario_.find(asked_key) != nullptr) {
      ATOLL_TRY(const auto wanted, asked<Q>(asked_key, Q{}));
      speed.asked = wanted.key;
      speed.holds = wanted.value <= least.value;
    }
    plan_.speeds.push_back(std::move(speed));
    return {};
  }

  Status speed() {
    ATOLL_TRY(const auto network, of_shape<BytesPerSecond>(in_.network));
    ATOLL_TRY(const auto ssd_read, of_shape<BytesPerSecond>("ssd_read"));
    ATOLL_TRY(const auto ssd_write, of_shape<BytesPerSecond>("ssd_write"));
    ATOLL_TRY(const auto ssd_read_ops, of_shape<OperationsPerSecond>("ssd_read_ops"));
    ATOLL_TRY(const auto ssd_write_ops, of_shape<OperationsPerSecond>("ssd_write_ops"));
    ATOLL_TRY(const auto vcpus, of_shape<double>("vcpus"));
    ATOLL_TRY(const auto per_core, data<double>("atoll.vcpus_per_core"));
    ATOLL_TRY(const auto read_core, data<BytesPerSecond>("atoll.read_per_core"));
    ATOLL_TRY(const auto write_core, data<BytesPerSecond>("atoll.write_per_core"));
    ATOLL_TRY(const auto read_cpu, data<SecondsPerOperation>("atoll.small_read_cpu"));
    ATOLL_TRY(const auto write_cpu, data<SecondsPerOperation>("atoll.small_write_cpu"));
    ATOLL_TRY(const auto rewrite, data<double>("atoll.rewrite"));
    ATOLL_TRY(const auto replicas, data<double>("atoll.journal_replicas"));
    const double n = nodes_.value;

    network_ = sheet().put("speed.network", n * network.value, "nodes x network cap of one",
                           Keys{nodes_.key, network.key});
    const auto cores =
        sheet().put("speed.cores", n * vcpus.value / per_core.value,
                    "nodes x vCPUs / vCPUs of a core", Keys{nodes_.key, vcpus.key, per_core.key});
    const auto away = sheet().put("speed.bytes_from_elsewhere", (n - 1) / n,
                                  "(nodes - 1) / nodes: of what a node serves, held by another",
                                  Keys{nodes_.key});
    const auto sent_read =
        sheet().put("speed.sent_for_a_byte_read", 1 + away.value,
                    "to the client once, and between nodes for what is elsewhere", Keys{away.key});
    const auto got_write =
        sheet().put("speed.received_for_a_byte_written", 1 + overhead_.value * away.value,
                    "from the client once, and its shards by the nodes that store them",
                    Keys{overhead_.key, away.key});
    const auto disk_write =
        sheet().put("speed.written_for_a_byte_written", overhead_.value * (1 + rewrite.value),
                    "overhead x (1 + bytes that reclaim moves)", Keys{overhead_.key, rewrite.key});

    const auto by_net_r =
        sheet().put("speed.read_by_network", network_.value / sent_read.value,
                    "network / bytes sent for a byte read", Keys{network_.key, sent_read.key});
    const auto by_ssd_r = sheet().put("speed.read_by_ssd", n * ssd_read.value,
                                      "nodes x SSD read of one", Keys{nodes_.key, ssd_read.key});
    const auto by_cpu_r = sheet().put("speed.read_by_cpu", cores.value * read_core.value,
                                      "cores x what one reads", Keys{cores.key, read_core.key});
    ATOLL_TRY_STATUS(add_speed<BytesPerSecond>(
        "read", "workload.read",
        {{"network", by_net_r}, {"local SSD", by_ssd_r}, {"CPU", by_cpu_r}}));

    const auto by_net_w = sheet().put("speed.write_by_network", network_.value / got_write.value,
                                      "network / bytes received for a byte written",
                                      Keys{network_.key, got_write.key});
    const auto by_ssd_w = sheet().put("speed.write_by_ssd", n * ssd_write.value / disk_write.value,
                                      "nodes x SSD write of one / bytes written for a byte written",
                                      Keys{nodes_.key, ssd_write.key, disk_write.key});
    const auto by_cpu_w = sheet().put("speed.write_by_cpu", cores.value * write_core.value,
                                      "cores x what one writes", Keys{cores.key, write_core.key});
    ATOLL_TRY_STATUS(add_speed<BytesPerSecond>(
        "write", "workload.write",
        {{"network", by_net_w}, {"local SSD", by_ssd_w}, {"CPU", by_cpu_w}}));

    // With the domains lost that the scheme survives: large reads take k shards as before, from
    // fewer nodes.
    const double left = 1 - survives_.value / domains_.value;
    const auto share =
        sheet().put("speed.nodes_left", n * left, "nodes x (1 - domains survived / domains)",
                    Keys{nodes_.key, survives_.key, domains_.key});
    const auto deg_net = sheet().put("speed.degraded_read_by_network", by_net_r.value * left,
                                     "read by network x nodes left / nodes",
                                     Keys{by_net_r.key, share.key, nodes_.key});
    const auto deg_ssd =
        sheet().put("speed.degraded_read_by_ssd", by_ssd_r.value * left,
                    "read by SSD x nodes left / nodes", Keys{by_ssd_r.key, share.key, nodes_.key});
    const auto deg_cpu =
        sheet().put("speed.degraded_read_by_cpu", by_cpu_r.value * left,
                    "read by CPU x nodes left / nodes", Keys{by_cpu_r.key, share.key, nodes_.key});
    ATOLL_TRY_STATUS(add_speed<BytesPerSecond>(
        "degraded_read", "", {{"network", deg_net}, {"local SSD", deg_ssd}, {"CPU", deg_cpu}}));

    // A directory's metadata is one owner's, on one core, whatever the number of nodes.
    ATOLL_TRY(const auto partitions, asked<double>("cluster.partitions", n));
    const auto owner_r = sheet().put(
        "speed.small_read_by_metadata", partitions.value / read_cpu.value,
        "partitions x one core / CPU of a small read", Keys{partitions.key, read_cpu.key});
    const auto owner_w = sheet().put(
        "speed.small_write_by_metadata", partitions.value / write_cpu.value,
        "partitions x one core / CPU of a small write", Keys{partitions.key, write_cpu.key});
    const auto small_ssd_r =
        sheet().put("speed.small_read_by_ssd", n * ssd_read_ops.value,
                    "nodes x SSD read operations of one", Keys{nodes_.key, ssd_read_ops.key});
    const auto small_cpu_r =
        sheet().put("speed.small_read_by_cpu", cores.value / read_cpu.value,
                    "cores / CPU of a small read", Keys{cores.key, read_cpu.key});
    ATOLL_TRY_STATUS(add_speed<OperationsPerSecond>(
        "small_read", "workload.small_read",
        {{"metadata owners", owner_r}, {"local SSD", small_ssd_r}, {"CPU", small_cpu_r}}));
    const auto small_ssd_w =
        sheet().put("speed.small_write_by_ssd", n * ssd_write_ops.value / replicas.value,
                    "nodes x SSD write operations of one / journal replicas",
                    Keys{nodes_.key, ssd_write_ops.key, replicas.key});
    const auto small_cpu_w =
        sheet().put("speed.small_write_by_cpu", cores.value / write_cpu.value,
                    "cores / CPU of a small write", Keys{cores.key, write_cpu.key});
    return add_speed<OperationsPerSecond>(
        "small_write", "workload.small_write",
        {{"metadata owners", owner_w}, {"local SSD", small_ssd_w}, {"CPU", small_cpu_w}});
  }

  // --- 4. Rebuild ---

  // Every byte lost needs k bytes sent to whoever computes it and one sent to where it will lie, by
  // the nodes that are left, with the share of their network that rebuilds may take.
  Result<Known<Seconds>> rebuild_of(const std::string& what, Known<Bytes> lost, double nodes_lost) {
    ATOLL_TRY(const auto network, of_shape<BytesPerSecond>(in_.network));
    ATOLL_TRY(const auto ssd_write, of_shape<BytesPerSecond>("ssd_write"));
    ATOLL_TRY(const auto share, data<double>("atoll.rebuild_share"));
    ATOLL_TRY(const auto detection, data<Seconds>("failure.detection"));
    const double left = std::max(1.0, nodes_.value - nodes_lost);
    const BytesPerSecond by_network = left * network.value * share.value / (k_.value + 1);
    const BytesPerSecond by_ssd = left * ssd_write.value * share.value;
    const auto rate =
        sheet().put("rebuild." + what + "_rate", std::min(by_network, by_ssd),
                    fmt::format("{:.0f} nodes left x the lesser of network / (data shards + 1) "
                                "and SSD write, x rebuild share",
                                left),
                    Keys{nodes_.key, network.key, ssd_write.key, k_.key, share.key});
    return sheet().put("rebuild." + what, detection.value + lost.value / rate.value,
                       "detection + bytes lost / rebuild rate",
                       Keys{detection.key, lost.key, rate.key});
  }

  Status rebuild() {
    ATOLL_TRY(const auto disks, of_shape<double>("ssd_count"));
    ATOLL_TRY(const auto share, data<double>("atoll.rebuild_share"));
    stored_ = sheet().put("rebuild.stored", kept_.value * overhead_.value, "kept x overhead",
                          Keys{kept_.key, overhead_.key});
    const auto device =
        sheet().put("rebuild.device_bytes", stored_.value / (nodes_.value * disks.value),
                    "stored / (nodes x SSDs of one)", Keys{stored_.key, nodes_.key, disks.key});
    const auto node = sheet().put("rebuild.node_bytes", stored_.value / nodes_.value,
                                  "stored / nodes", Keys{stored_.key, nodes_.key});
    const auto domain = sheet().put("rebuild.domain_bytes", stored_.value / domains_.value,
                                    "stored / domains", Keys{stored_.key, domains_.key});
    ATOLL_TRY(device_rebuild_, rebuild_of("device", device, 0));
    ATOLL_TRY(node_rebuild_, rebuild_of("node", node, 1));
    ATOLL_TRY(domain_rebuild_, rebuild_of("domain", domain, nodes_.value / domains_.value));
    // One domain after the other is drained for maintenance and comes back.
    sheet().put("rebuild.maintenance_wave", domains_.value * domain_rebuild_.value,
                "domains x rebuild of one: a drain moves what a rebuild does",
                Keys{domains_.key, domain_rebuild_.key});
    const Speed* read = nullptr;
    for (const Speed& speed : plan_.speeds)
      if (speed.name == "read") read = &speed;
    ATOLL_CHECK(read != nullptr);
    sheet().put("rebuild.read_meanwhile",
                value_of<BytesPerSecond>(read->figure) * (1 - share.value),
                "read x (1 - rebuild share)", Keys{read->figure, share.key});
    return {};
  }

  // --- 3. Durability and availability ---

  Status durability() {
    ATOLL_TRY(const auto ssd_loss, data<PerSecond>("failure.ssd_loss"));
    ATOLL_TRY(const auto node_blank, data<PerSecond>("failure.node_blank"));
    ATOLL_TRY(const auto domain_loss, data<PerSecond>("failure.domain_loss"));
    ATOLL_TRY(const auto outage, data<PerSecond>("failure.node_outage"));
    ATOLL_TRY(const auto outage_length, data<Seconds>("failure.node_outage_length"));
    ATOLL_TRY(const auto away, data<PerSecond>("failure.domain_outage"));
    ATOLL_TRY(const auto away_length, data<Seconds>("failure.domain_outage_length"));

    const auto slot_loss = sheet().put("durability.slot_loss", ssd_loss.value + node_blank.value,
                                       "its SSD is lost, or its node comes back blank",
                                       Keys{ssd_loss.key, node_blank.key});
    // Blank nodes are the slower and the more frequent of the two.
    const GroupLayout layout = spread_group(in_.k, in_.m, in_.domains);
    const LossRates rates{slot_loss.value, domain_loss.value, node_rebuild_.value,
                          domain_rebuild_.value};
    ATOLL_TRY(const GroupLoss loss, group_loss(layout, rates));
    const Keys from{slot_loss.key,       domain_loss.key, node_rebuild_.key,
                    domain_rebuild_.key, width_.key,      domains_.key};
    sheet().put("durability.mean_time_to_loss", loss.mean_time_to_loss,
                "Markov chain of one placement group: more than the parity shards missing at once",
                from);
    sheet().put("durability.annual_loss", loss.annual_probability,
                "1 - exp(-1 year / mean time to loss): of any one object", from);
    const auto slot_away =
        sheet().put("availability.node_away", std::min(1.0, outage.value * outage_length.value),
                    "outages of a node x their length", Keys{outage.key, outage_length.key});
    const auto domain_away =
        sheet().put("availability.domain_away", std::min(1.0, away.value * away_length.value),
                    "outages of a domain x their length", Keys{away.key, away_length.key});
    const auto unavailable =
        sheet().put("availability.unavailable",
                    group_unavailability(layout, slot_away.value, domain_away.value),
                    "share of time in which more than the parity shards of a group are away",
                    Keys{slot_away.key, domain_away.key, width_.key, domains_.key});
    sheet().put("availability.unavailable_in_a_year", kYear * unavailable.value,
                "of an object, x 1 year", Keys{unavailable.key});
    return {};
  }

  // --- 6. Money a month ---

  Status money() {
    ATOLL_TRY(const auto price, of_shape<DollarsPerSecond>("price"));
    ATOLL_TRY(const auto use, asked<double>("money.use", 1));
    Keys keys{nodes_.key, price.key, use.key};
    double discount = 1;
    if (in_.commitment != "on_demand") {
      ATOLL_TRY(const auto commitment, data<double>("price." + in_.commitment));
      discount = commitment.value;
      keys.push_back(commitment.key);
    }
    total_ = Dollars{};
    add_cost(sheet().put(
        "money.instances", nodes_.value * price.value * kMonth * use.value * discount,
        discount == 1 ? "nodes x price x 730 h x use" : "nodes x price x 730 h x use x commitment",
        keys));
    struct Traffic {
      std::string_view key, price;
    };
    for (const Traffic& t :
         {Traffic{"load_balancer", "price.load_balancer"},
          Traffic{"inter_zone", "price.inter_zone"}, Traffic{"inter_region", "price.inter_region"},
          Traffic{"internet", "price.internet"},
          Traffic{"private_connection", "price.private_connection"}}) {
      const std::string key = fmt::format("money.{}", t.key);
      if (scenario_.find(key) == nullptr) continue;
      ATOLL_TRY(const auto rate, asked<BytesPerSecond>(key, {}));
      ATOLL_TRY(const auto each, data<DollarsPerByte>(t.price));
      add_cost(sheet().put(key, rate.value * each.value * kMonth * use.value,
                           "bandwidth on average x price x 730 h x use",
                           Keys{rate.key, each.key, use.key}));
    }
    ATOLL_TRY_STATUS(tier_money());
    const auto month = sheet().put("money.month", total_, "the sum of the lines", cost_keys_);
    sheet().put("money.usable", month.value / usable_.value / kMonth, "month / usable",
                Keys{month.key, usable_.key});
    return {};
  }

  Status tier_money() {
    if (!scenario_.has_table("tier")) return {};
    ATOLL_TRY(const auto stored, asked<Bytes>("tier.stored", {}));
    ATOLL_TRY(const auto each, data<DollarsPerByteSecond>("price.tier." + in_.tier_class));
    ATOLL_TRY(const auto reads, asked<OperationsPerSecond>("tier.reads", {}));
    ATOLL_TRY(const auto writes, asked<OperationsPerSecond>("tier.writes", {}));
    ATOLL_TRY(const auto class_a, data<DollarsPerOperation>("price.tier.class_a"));
    ATOLL_TRY(const auto class_b, data<DollarsPerOperation>("price.tier.class_b"));
    add_cost(sheet().put("money.tier_storage", stored.value * each.value * kMonth,
                         fmt::format("stored x price of {}", in_.tier_class),
                         Keys{stored.key, each.key}));
    add_cost(sheet().put("money.tier_operations",
                         (writes.value * class_a.value + reads.value * class_b.value) * kMonth,
                         "writes x class A + reads x class B, x 730 h",
                         Keys{writes.key, class_a.key, reads.key, class_b.key}));
    return {};
  }

  void add_cost(const Known<Dollars>& line) {
    total_ += line.value;
    cost_keys_.push_back(line.key);
  }

  // --- What the number of domains allows ---

  void widths() {
    for (const uint32_t domains : {3u, 4u, 8u, 16u, 32u})
      for (const uint32_t lost : {1u, 2u, 3u})
        if (lost < domains)
          plan_.widths.push_back(
              {domains, lost, domains - lost, double(domains) / (domains - lost)});
  }

  // --- In words ---

  void notes() {
    std::vector<std::string>& notes = plan_.notes;
    if (survives_.value == 0)
      notes.push_back(
          "No domain may be lost: one holds more shards of a stripe than there is parity.");
    for (const Speed& speed : plan_.speeds) {
      if (speed.holds) continue;
      notes.push_back(fmt::format("{} does not hold: {} is asked, {} is what {} allows.",
                                  speed.name, format_quantity(sheet().find(speed.asked)->value),
                                  format_quantity(sheet().find(speed.figure)->value),
                                  speed.limits.front().what));
    }
    if (in_.domains > in_.k + in_.m)
      notes.push_back(
          fmt::format("A stripe uses {} of {} domains; {}+{} would cost less space for the same "
                      "losses.",
                      in_.k + in_.m, in_.domains, in_.domains - in_.m, in_.m));
    size_t assumed = 0;
    for (const Figure& figure : sheet().figures())
      if (figure.assumed && figure.inputs.empty()) ++assumed;
    if (assumed > 0)
      notes.push_back(
          fmt::format("{} of the data are assumed, and with them every figure marked *.", assumed));
    notes.push_back(
        "This version of Atoll is one process with one partition: figures for many nodes are of "
        "its design, "
        "with what one node was measured to do.");
  }

  const Book& scenario_;
  const Book& catalogue_;
  const Inputs in_;
  Plan plan_;

  Known<double> nodes_, domains_, k_, m_, width_, survives_, overhead_, fill_;
  Known<Bytes> raw_, usable_, kept_, stored_;
  Known<BytesPerSecond> network_;
  Known<Seconds> device_rebuild_, node_rebuild_, domain_rebuild_;
  Dollars total_;
  Keys cost_keys_;
};

}  // namespace

const Book& built_in_catalogue() {
  static const Book* book = [] {
    Result<Book> parsed = Book::parse(built_in_catalogue_text(), "gcp.toml");
    ATOLL_CHECK(parsed.has_value(), parsed ? "" : parsed.error().message);
    return new Book(std::move(*parsed));
  }();
  return *book;
}

Result<Plan> make_plan(const Book& scenario, const Book& catalogue) {
  Book data = catalogue;
  data.lay_over(scenario);
  ATOLL_TRY(Inputs inputs, read_inputs(scenario, data, catalogue));
  return Maker(scenario, data, std::move(inputs)).make();
}

}  // namespace atl::plan
