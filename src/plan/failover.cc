#include "plan/failover.h"

#include <algorithm>
#include <cmath>

#include "plan/inputs.h"

namespace atl::plan {
namespace {

class Maker {
 public:
  explicit Maker(const Sources& from) : from_(from) {}

  Result<Failover> make() {
    ATOLL_TRY_STATUS(read_facts());
    ATOLL_TRY_STATUS(read_rates());
    for (const std::string_view mover : kMovers) {
      Failover::Row row;
      row.mover = mover;
      row.chosen = mover == out_.chosen;
      row.refused = refusal(mover, out_.facts);
      if (row.refused.empty()) {
        ATOLL_TRY_STATUS(add(&row));
      }
      out_.movers.push_back(std::move(row));
    }
    headline();
    return std::move(out_);
  }

 private:
  template <typename Q>
  Result<Known<Q>> datum(std::string_view key) {
    return from_.data<Q>(key);
  }
  Status plain(std::string_view key, double* into) {
    ATOLL_TRY(const auto known, datum<double>(key));
    *into = known.value;
    return {};
  }

  Status read_facts() {
    MoverFacts& f = out_.facts;
    f.nodes = from_.inputs().nodes;
    f.domains = from_.inputs().domains;
    ATOLL_TRY(out_.chosen, chosen());
    ATOLL_TRY(addresses_, from_.asked<double>("failover.addresses", f.nodes));
    f.addresses = addresses_.value;
    if (f.addresses < 1 || f.addresses > kNodesMax || f.addresses != std::floor(f.addresses))
      return wrong(
          *from_.scenario().find("failover.addresses"), "failover.addresses",
          fmt::format("{} is not a whole number from 1 to {:.0f}", f.addresses, kNodesMax));
    ATOLL_TRY(const auto lease, datum<Seconds>("failover.lease"));
    f.lease = lease.value.value;
    ATOLL_TRY_STATUS(plain("failover.renewal", &f.renewal));
    ATOLL_TRY_STATUS(plain("failover.look", &f.look));
    ATOLL_TRY(const auto retry, datum<Seconds>("failover.retry"));
    f.retry = retry.value.value;
    ATOLL_TRY(const auto silence, datum<Seconds>("failover.silence"));
    f.silence = silence.value.value;
    ATOLL_TRY_STATUS(plain("failover.alias_ranges", &f.alias_ranges));
    ATOLL_TRY_STATUS(plain("failover.garp_services", &f.garp_services));
    ATOLL_TRY_STATUS(plain("failover.garp_endpoints", &f.garp_endpoints));
    ATOLL_TRY_STATUS(plain("failover.pool_addresses", &f.pool_addresses));
    ATOLL_TRY_STATUS(plain("failover.pool_nodes", &f.pool_nodes));
    ATOLL_TRY_STATUS(read_delays());
    return {};
  }

  Result<std::string> chosen() const {
    constexpr std::string_view kKey = "failover.mover";
    if (from_.scenario().find(kKey) == nullptr) return std::string();
    ATOLL_TRY(std::string word, from_.scenario().word(kKey));
    if (word == "all") return std::string();
    if (std::ranges::find(kMovers, word) != std::end(kMovers)) return word;
    return wrong(*from_.scenario().find(kKey), kKey,
                 fmt::format("{} is none of {}, all", quoted(word), fmt::join(kMovers, ", ")));
  }

  Status read_delays() {
    for (const std::string_view mover : kMovers) {
      for (const std::string& name : delays_of(mover, Fault::kNode)) {
        if (out_.facts.delays.contains(name)) continue;
        const std::string key = fmt::format("delay.{}", name);
        ATOLL_TRY(const auto median, datum<Seconds>(key + ".median"));
        Keys& keys = delay_keys_[name];
        keys.push_back(median.key);
        double times = 1;
        if (from_.catalogue().find(key + ".p99_over_median") != nullptr) {
          ATOLL_TRY(const auto spread, datum<double>(key + ".p99_over_median"));
          times = spread.value;
          keys.push_back(spread.key);
        }
        out_.facts.delays[name] = {median.value.value, median.value.value * times};
      }
    }
    for (const char* count :
         {"lb_healthy_threshold", "lb_unhealthy_threshold", "writes_per_minute", "reads_per_minute",
          "operation_reads_per_minute", "static_routes_per_network"}) {
      const std::string key = fmt::format("delay.{}.count", count);
      ATOLL_TRY_STATUS(plain(key, &out_.facts.counts[count]));
    }
    return {};
  }

  Status read_rates() {
    ATOLL_TRY(patience_, datum<Seconds>("failover.patience"));
    out_.patience = patience_.value.value;
    ATOLL_TRY(drains_, datum<PerSecond>("failover.drains"));
    ATOLL_TRY(outages_, datum<PerSecond>("failure.node_outage"));
    ATOLL_TRY(const auto away, datum<PerSecond>("failure.domain_outage"));
    ATOLL_TRY(const auto lost, datum<PerSecond>("failure.domain_loss"));
    domains_ = from_.sheet().put("failover.domain_faults", away.value + lost.value,
                                 "outages + losses of a domain", Keys{away.key, lost.key});
    if (from_.scenario().find("failover.requests") == nullptr) return {};
    ATOLL_TRY(requests_, from_.asked<OperationsPerSecond>("failover.requests", {}));
    return {};
  }

  struct Mean {
    Known<Seconds> gap;
    Known<Seconds> failing;
  };

  Keys keys_of(const std::string& mover, Fault fault) {
    Keys keys{"asked.cluster.nodes", "asked.cluster.domains", addresses_.key};
    for (const std::string& name : delays_of(mover, fault))
      keys.insert(keys.end(), delay_keys_[name].begin(), delay_keys_[name].end());
    for (const std::string& key : data_of(mover, fault)) keys.push_back("data." + key);
    return keys;
  }

  // The figures of one fault; what a year is made of.
  Mean add_gaps(const std::string& mover, const char* what, Fault fault, const Gap& gap) {
    const Keys keys = keys_of(mover, fault);
    const std::string base = fmt::format("failover.{}.{}", mover, what);
    const std::string steps(steps_of(mover, fault));
    auto put = [&](const char* name, double value, std::string how) {
      return from_.sheet().put(base + name, Seconds{value}, std::move(how), keys);
    };
    put("_gap", gap.median, fmt::format("at the median: {}", steps));
    put("_gap_p99", gap.p99, fmt::format("99th percentile: {}", steps));
    if (fault != Fault::kDrain) {
      put("_last", gap.last,
          fmt::format("at the median, until the last of {:.4g} addresses is back; {}", gap.away,
                      quota_words(gap)));
    }
    const auto mean = put("_gap_mean", gap.mean, fmt::format("on average: {}", steps));
    Keys failing_keys = keys;
    failing_keys.push_back(patience_.key);
    const auto failing = from_.sheet().put(
        base + "_failing", Seconds{gap.failing},
        "on average, of a gap what is longer than a client tries again", std::move(failing_keys));
    return {mean, failing};
  }

  Status add(Failover::Row* row) {
    const MoverFacts& f = out_.facts;
    row->node = gap_of(row->mover, Fault::kNode, f, out_.patience);
    row->domain = gap_of(row->mover, Fault::kDomain, f, out_.patience);
    row->drain = gap_of(row->mover, Fault::kDrain, f, out_.patience);
    const Mean node = add_gaps(row->mover, "node", Fault::kNode, row->node);
    const Mean domain = add_gaps(row->mover, "domain", Fault::kDomain, row->domain);
    const Mean drain = add_gaps(row->mover, "drain", Fault::kDrain, row->drain);

    const std::string base = fmt::format("failover.{}.", row->mover);
    const auto year = from_.sheet().put(
        base + "gap_in_a_year",
        Seconds{std::min(kYear.value,
                         (outages_.value * node.gap.value + domains_.value * domain.gap.value +
                          drains_.value * drain.gap.value) *
                             kYear.value)},
        "of an address: (outages of a node x its mean gap + faults of a domain x theirs + drains x "
        "theirs) x 1 year",
        Keys{outages_.key, node.gap.key, domains_.key, domain.gap.key, drains_.key, drain.gap.key});
    from_.sheet().put(base + "availability", 1 - year.value / kYear, "1 - gaps in a year / 1 year",
                      Keys{year.key});
    if (requests_.key.empty()) return {};
    const double share = outages_.value * node.failing.value +
                         domains_.value * domain.failing.value +
                         drains_.value * drain.failing.value;
    from_.sheet().put(base + "failed_in_a_year", requests_.value * kYear * std::min(1.0, share),
                      "requests x 1 year x (outages of a node x what fails of a gap + faults of a "
                      "domain x theirs + drains x theirs)",
                      Keys{requests_.key, outages_.key, node.failing.key, domains_.key,
                           domain.failing.key, drains_.key, drain.failing.key});
    return {};
  }

  // What comparisons show: of the chosen mover, or of the one whose addresses are away the least.
  void headline() {
    const Figure* least = nullptr;
    std::string best;
    for (const Failover::Row& row : out_.movers) {
      const Figure* year = from_.sheet().find(fmt::format("failover.{}.gap_in_a_year", row.mover));
      if (year == nullptr || (!out_.chosen.empty() && !row.chosen)) continue;
      if (least != nullptr && year->value.value >= least->value.value) continue;
      least = year;
      best = row.mover;
    }
    if (least == nullptr) return;
    const std::string how =
        fmt::format("of {}, {}", best,
                    out_.chosen.empty() ? "whose addresses are away the least" : "as chosen");
    for (const std::string name : {"node_gap", "gap_in_a_year"}) {
      const std::string key = fmt::format("failover.{}.{}", best, name);
      from_.sheet().put("failover." + name, from_.value_of<Seconds>(key), how, Keys{key});
    }
    if (requests_.key.empty()) return;
    const std::string key = fmt::format("failover.{}.failed_in_a_year", best);
    from_.sheet().put("failover.failed_in_a_year", from_.value_of<Operations>(key), how, Keys{key});
  }

  const Sources& from_;
  Failover out_;
  Known<double> addresses_;
  Known<Seconds> patience_;
  Known<PerSecond> drains_, outages_, domains_;
  Known<OperationsPerSecond> requests_;
  std::map<std::string, Keys> delay_keys_;
};

}  // namespace

Result<std::optional<Failover>> add_failover(const Sources& from) {
  if (!from.scenario().has_table("failover")) return std::optional<Failover>();
  ATOLL_TRY(Failover made, Maker(from).make());
  return std::optional<Failover>(std::move(made));
}

std::vector<AtScale> failover_at_scale(const Failover& failover) {
  std::vector<AtScale> out;
  for (const std::string_view mover : kMovers) {
    for (const double nodes : kScaleNodes) {
      MoverFacts facts = failover.facts;
      const double each = facts.addresses / facts.nodes;
      facts.nodes = nodes;
      facts.addresses = std::max(1.0, std::round(each * nodes));
      facts.domains = std::min(facts.domains, nodes);
      AtScale row;
      row.mover = mover;
      row.nodes = nodes;
      row.addresses = facts.addresses;
      row.refused = refusal(mover, facts);
      if (row.refused.empty()) {
        row.node = gap_of(mover, Fault::kNode, facts, failover.patience);
        row.domain = gap_of(mover, Fault::kDomain, facts, failover.patience);
      }
      out.push_back(std::move(row));
    }
  }
  return out;
}

}  // namespace atl::plan
