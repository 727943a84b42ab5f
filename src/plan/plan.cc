#include "plan/plan.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/check.h"
#include "plan/delay_file.h"
#include "plan/durability.h"
#include "plan/inputs.h"
#include "plan/money.h"
#include "plan/rebuild.h"
#include "plan/sources.h"
#include "plan/speed.h"

namespace atl::plan {

std::string_view built_in_catalogue_text();  // made by the build from catalogues/gcp.toml

namespace {

class Maker {
 public:
  Maker(const Book& scenario, const Book& catalogue, Inputs inputs, Parts parts)
      : catalogue_(catalogue),
        in_(inputs),
        parts_(parts),
        from_(scenario, catalogue, std::move(inputs), &plan_.sheet) {}

  Result<Plan> make() {
    plan_.name = in_.name;
    ATOLL_TRY(const std::string title, catalogue_.word("title"));
    ATOLL_TRY(const std::string date, catalogue_.word("date"));
    plan_.catalogue = fmt::format("{}, {}", title, date);
    ATOLL_TRY_STATUS(cluster());
    ATOLL_TRY_STATUS(capacity());
    ATOLL_TRY_STATUS(speed());
    ATOLL_TRY_STATUS(durability());
    ATOLL_TRY_STATUS(money());
    ATOLL_TRY_STATUS(all_finite());
    widths();
    notes();
    choices();
    return std::move(plan_);
  }

 private:
  // Each datum is of a size that makes sense; a product of many may still not be.
  Status all_finite() {
    for (const Figure& figure : sheet().figures()) {
      if (std::isfinite(figure.value.value)) continue;
      std::string inputs;
      for (const std::string& key : figure.inputs) {
        const Figure* in = sheet().find(key);
        inputs +=
            fmt::format("{}{} = {}{}", inputs.empty() ? "" : ", ", key, format_quantity(in->value),
                        in->origin.empty() ? "" : fmt::format(" ({})", in->origin));
      }
      return fail(Errc::kInvalidArgument,
                  fmt::format("{}: {} cannot be computed: {}; {}", from_.scenario().name(),
                              figure.key, figure.how, inputs));
    }
    return {};
  }

  // --- Where numbers come from ---

  template <typename Q>
  Result<Known<Q>> data(std::string_view key) {
    return from_.data<Q>(key);
  }
  template <typename Q>
  Result<Known<Q>> of_shape(std::string_view name) {
    return from_.of_shape<Q>(name);
  }
  template <typename Q>
  Result<Known<Q>> asked(std::string_view key, Q otherwise) {
    return from_.asked<Q>(key, otherwise);
  }
  Sheet& sheet() { return plan_.sheet; }

  Status cluster() {
    ATOLL_TRY(nodes_, asked<double>("cluster.nodes", in_.nodes));
    ATOLL_TRY(domains_, asked<double>("cluster.domains", in_.domains));
    largest_ = sheet().put("cluster.largest_domain", std::ceil(nodes_.value / domains_.value),
                           "nodes / domains, rounded up: nodes of the largest domain",
                           Keys{nodes_.key, domains_.key});
    const Datum& protection = *from_.scenario().find("cluster.protection");
    k_ = sheet().given(protection, "asked.cluster.data_shards", double(in_.k));
    m_ = sheet().given(protection, "asked.cluster.parity_shards", double(in_.m));
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

  // The share of the nodes' room that stripes can fill when domains differ by a node: a stripe puts
  // at most width/domains shards, rounded up, into one, so the smaller domains may be full first.
  double reachable() const {
    const double n = nodes_.value, d = domains_.value, w = width_.value;
    const double slots = std::ceil(w / d);
    const double small = std::floor(n / d);  // nodes of the smaller domains
    const double larger = n - small * d;     // how many domains have one more
    if (larger == 0 || w <= larger * slots) return 1;
    const double per_node = (d - larger) * small / (w - larger * slots);
    return per_node * slots >= small + 1 ? 1 : std::min(1.0, w * per_node / n);
  }

  Status capacity() {
    ATOLL_TRY(const auto ssd, of_shape<Bytes>("ssd"));
    ATOLL_TRY(const auto reserve, data<double>("atoll.reserve"));
    ATOLL_TRY(const auto journal, data<Bytes>("atoll.journal_most"));
    ATOLL_TRY(const auto replicas, data<double>("atoll.journal_replicas"));
    ATOLL_TRY(const auto partitions, asked<double>("cluster.partitions", in_.nodes));
    ATOLL_TRY(const auto spare, asked<double>("cluster.spare_domains", in_.domains > 1 ? 1 : 0));
    ATOLL_TRY(fill_, asked<double>("cluster.fill", 0.8));
    raw_ = sheet().put("capacity.raw", nodes_.value * ssd.value, "nodes x local SSD of one",
                       Keys{nodes_.key, ssd.key});
    const auto set_aside =
        sheet().put("capacity.set_aside",
                    raw_.value * reserve.value + partitions.value * replicas.value * journal.value,
                    "raw x reserve + partitions x journal x its replicas",
                    Keys{raw_.key, reserve.key, partitions.key, journal.key, replicas.key});
    const Bytes room = raw_.value - set_aside.value;
    if (room.value <= 0) {
      std::string_view key = "cluster.shape";
      for (const char* line :
           {"cluster.partitions", "atoll.journal_most", "atoll.journal_replicas", "atoll.reserve"})
        if (from_.scenario().find(line) != nullptr) key = line;
      return wrong(
          *from_.scenario().find(key), key,
          fmt::format("nothing is left of {} raw: {} are set aside (raw x atoll.reserve + "
                      "partitions x journal x replicas); use larger shapes, fewer "
                      "cluster.partitions or a smaller atoll.reserve",
                      format_quantity(any(raw_.value)), format_quantity(any(set_aside.value))));
    }
    const auto spared = sheet().put(
        "capacity.spare",
        room * (nodes_in_largest(nodes_.value, domains_.value, spare.value) / nodes_.value),
        "(raw - set aside) x nodes of the spare domains, the largest ones / nodes: room to rebuild "
        "a lost domain into",
        Keys{raw_.key, set_aside.key, spare.key, domains_.key, nodes_.key});
    const auto uneven = sheet().put(
        "capacity.uneven", std::max(Bytes{}, room * (1 - reachable()) - spared.value),
        "room beyond the spare that no stripe reaches, because some domains have a node more",
        Keys{raw_.key, set_aside.key, spared.key, nodes_.key, domains_.key, width_.key});
    overhead_ = sheet().put("capacity.overhead", width_.value / k_.value,
                            "(data + parity) / data: bytes stored for each byte kept",
                            Keys{width_.key, k_.key});
    usable_ = sheet().put("capacity.usable", (room - spared.value - uneven.value) / overhead_.value,
                          "(raw - set aside - spare - uneven) / overhead",
                          Keys{raw_.key, set_aside.key, spared.key, uneven.key, overhead_.key});
    kept_ = sheet().put("capacity.kept", usable_.value * fill_.value, "usable x fill",
                        Keys{usable_.key, fill_.key});
    return {};
  }

  // --- 2. Speed, and 4. rebuild ---

  Status speed() {
    const ClusterFigures cluster{nodes_, domains_, k_, m_, width_, survives_, overhead_, largest_};
    ATOLL_TRY(const NodeNetworks networks, node_networks(from_));
    ATOLL_TRY(plan_.speeds, cluster_speeds(from_, cluster, networks));
    ATOLL_TRY(rebuilds_, rebuild_times(from_, cluster, networks, kept_, plan_.speeds.front()));
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
    const GroupLayout layout = plan_.layout = spread_group(in_.k, in_.m, in_.domains);
    const LossRates rates = plan_.rates = {slot_loss.value, domain_loss.value, rebuilds_.node.value,
                                           rebuilds_.domain.value};
    const Result<GroupLoss> solved = group_loss(layout, rates);
    if (!solved)
      return wrong(*from_.scenario().find("cluster.protection"), "cluster.protection",
                   solved.error().message +
                       "; fewer parity shards, or a domain for each shard, make it smaller");
    const GroupLoss& loss = *solved;
    const Keys from{slot_loss.key,        domain_loss.key, rebuilds_.node.key,
                    rebuilds_.domain.key, width_.key,      domains_.key};
    sheet().put("durability.mean_time_to_loss", loss.mean_time_to_loss,
                "Markov chain of one placement group: more than the parity shards missing at once",
                from);
    const auto one = sheet().put("durability.annual_loss", loss.annual_probability,
                                 "1 - exp(-1 year / mean time to loss): of any one object", from);
    // One group for each device, 16 at least and 256 at most (cluster/placement.h).
    ATOLL_TRY(const auto disks, of_shape<double>("ssd_count"));
    const double devices = nodes_.value * disks.value;
    ATOLL_TRY(const auto groups,
              asked<double>("cluster.groups", std::min(256.0, std::ceil(16 / devices) * devices)));
    const auto lost = sheet().put("durability.groups_lost_in_a_year", groups.value * one.value,
                                  "placement groups x annual loss of one: what is to be expected, "
                                  "however their losses hang together",
                                  Keys{groups.key, one.key});
    sheet().put("durability.any_loss_at_most", std::min(1.0, lost.value),
                "at most what is to be expected: of any object at all", Keys{lost.key});
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

  // --- 5. Failover, and 6. money a month ---

  Status money() {
    if (parts_ == Parts::kAll) {
      ATOLL_TRY(plan_.failover, add_failover(from_));
    }
    const MoneyInputs in{nodes_, usable_, kept_, speed_of("speed.read"), speed_of("speed.write")};
    ATOLL_TRY(Bill bill, add_bill(from_, in));
    plan_.notes = std::move(bill.notes);
    if (parts_ == Parts::kForSearch) return {};
    ATOLL_TRY_STATUS(add_block(from_, in));
    ATOLL_TRY(const auto cheapest, add_locality(from_, in, bill.machines));
    if (cheapest) plan_.notes.push_back(*cheapest);
    return {};
  }
  Known<BytesPerSecond> speed_of(const std::string& figure) const {
    return {from_.value_of<BytesPerSecond>(figure), figure};
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
          "No domain may be lost: one holds more shards of a stripe than there is parity. What had "
          "shards in a lost one is gone.");
    traffic_notes();
    if (plan_.failover)
      for (const Failover::Row& row : plan_.failover->movers)
        if (row.chosen && !row.refused.empty())
          notes.push_back(fmt::format("{} cannot be: {}.", row.mover, row.refused));
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

  // Bandwidth that is billed and that the cluster does not give.
  void traffic_notes() {
    const BytesPerSecond read = speed_of("speed.read").value, write = speed_of("speed.write").value;
    for (const char* name : {"load_balancer", "inter_region", "internet", "private_connection"}) {
      const Figure* asked = sheet().find(fmt::format("asked.money.{}", name));
      if (asked == nullptr) continue;
      const bool both = std::string_view(name) == "load_balancer";  // it bills each direction
      const double most = both ? (read + write).value : read.value;
      if (asked->value.value > most)
        plan_.notes.push_back(fmt::format(
            "money.{}: {} on average are billed, more than the {} that the cluster {}.", name,
            format_quantity(asked->value), format_quantity(any(BytesPerSecond{most})),
            both ? "reads and writes" : "reads"));
    }
  }

  void choices() {
    auto& out = plan_.choices;
    out = {{"cluster.shape", in_.shape},
           {"cluster.protection", fmt::format("{}+{}", in_.k, in_.m)},
           {"cluster.network", in_.network == "network" ? "default" : "tier1"},
           {"cluster.clients", in_.clients_by_rdma ? "rdma" : "tcp"},
           {"cluster.fabric", in_.fabric_by_rdma ? "rdma" : "tcp"},
           {"money.commitment", in_.commitment},
           {"tier.class", from_.scenario().has_table("tier") ? in_.tier_class : "-"}};
    for (const char* key : {"failover.mover", "locality.link"}) {
      const Datum* datum = from_.scenario().find(key);
      const auto* word = datum == nullptr ? nullptr : std::get_if<std::string>(&datum->value);
      out.emplace_back(key, word == nullptr ? "-" : *word);
    }
  }

  const Book& catalogue_;
  const Inputs in_;
  const Parts parts_;
  Plan plan_;
  const Sources from_;

  Known<double> nodes_, domains_, largest_, k_, m_, width_, survives_, overhead_, fill_;
  Known<Bytes> raw_, usable_, kept_;
  Rebuilds rebuilds_;
};

}  // namespace

const Book& built_in_catalogue() {
  static const Book* book = [] {
    Result<Book> parsed = Book::parse(built_in_catalogue_text(), "gcp.toml");
    ATOLL_CHECK(parsed.has_value(), parsed ? "" : parsed.error().message);
    const Status laid = lay_delays_over(&*parsed, built_in_delays());
    ATOLL_CHECK(laid.has_value(), laid ? "" : laid.error().message);
    return new Book(std::move(*parsed));
  }();
  return *book;
}

Result<Plan> make_plan(const Book& scenario, const Book& catalogue, Parts parts) {
  Book data = catalogue;
  data.lay_over(scenario);
  return make_plan_over(scenario, data, catalogue, parts);
}

Result<Plan> make_plan_over(const Book& scenario, const Book& data, const Book& catalogue,
                            Parts parts) {
  ATOLL_TRY(Inputs inputs, read_inputs(scenario, data, catalogue));
  return Maker(scenario, data, std::move(inputs), parts).make();
}

}  // namespace atl::plan
