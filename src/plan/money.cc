#include "plan/money.h"

namespace atl::plan {
namespace {

class Maker {
 public:
  Maker(const Sources& from, const MoneyInputs& in) : from_(from), in_(in) {}

  Result<Bill> make() {
    ATOLL_TRY(const auto hibernation, add_hibernation(from_, in_));
    Known<double> use;
    if (hibernation) {
      use = hibernation->use;
      if (!hibernation->note.empty()) out_.notes.push_back(hibernation->note);
    } else {
      ATOLL_TRY(use, from_.asked<double>("money.use", 1));
    }
    ATOLL_TRY_STATUS(machines(use));
    ATOLL_TRY_STATUS(traffic(use));
    ATOLL_TRY_STATUS(rules());
    ATOLL_TRY_STATUS(tier());
    if (hibernation) {
      for (const Known<Dollars>& line : hibernation->lines) add(line);
      saved(use, *hibernation);
    }
    out_.month = from_.sheet().put("money.month", total_, "the sum of the lines", lines_);
    const auto& month = out_.month;
    from_.sheet().put("money.usable", month.value / in_.usable.value / kMonth, "month / usable",
                      Keys{month.key, in_.usable.key});
    from_.sheet().put("unit_cost.read", month.value / in_.read.value,
                      "month / read: of a month's bandwidth to read",
                      Keys{month.key, in_.read.key});
    from_.sheet().put("unit_cost.write", month.value / in_.write.value,
                      "month / write: of a month's bandwidth to write",
                      Keys{month.key, in_.write.key});
    return std::move(out_);
  }

 private:
  void add(const Known<Dollars>& line) {
    total_ += line.value;
    lines_.push_back(line.key);
  }

  Status machines(const Known<double>& use) {
    ATOLL_TRY(const auto price, from_.of_shape<DollarsPerSecond>("price"));
    Keys keys{in_.nodes.key, price.key, use.key};
    double discount = 1;
    const std::string& commitment = from_.inputs().commitment;
    if (commitment != "on_demand") {
      ATOLL_TRY(const auto of_price, from_.data<double>("price." + commitment));
      discount = of_price.value;
      keys.push_back(of_price.key);
    }
    const auto instances = from_.sheet().put(
        "money.instances", in_.nodes.value * price.value * kMonth * use.value * discount,
        discount == 1 ? "nodes x price x 730 h x use" : "nodes x price x 730 h x use x commitment",
        keys);
    add(instances);
    Dollars whole = in_.nodes.value * price.value * kMonth * discount;
    Keys machine_lines{instances.key};
    if (from_.inputs().network == "network_tier1") {
      ATOLL_TRY(const auto each, from_.data<DollarsPerSecond>("price.network_tier1"));
      add(from_.sheet().put(
          "money.network_tier1", in_.nodes.value * each.value * kMonth * use.value,
          "nodes x price of tier1 x 730 h x use", Keys{in_.nodes.key, each.key, use.key}));
      machine_lines.push_back(lines_.back());
      whole += in_.nodes.value * each.value * kMonth;
      keys.push_back(each.key);
    }
    full_ = from_.sheet().put("machines.whole_month", whole,
                              "what instances and their network cost when they are never off",
                              std::move(keys));
    out_.machines = from_.sheet().put("machines.month", total_, "instances and their network",
                                      std::move(machine_lines));
    return {};
  }

  Status traffic(const Known<double>& use) {
    for (const std::string_view name :
         {"load_balancer", "inter_zone", "inter_region", "internet", "private_connection"}) {
      const std::string key = fmt::format("money.{}", name);
      if (from_.scenario().find(key) == nullptr) continue;
      ATOLL_TRY(const auto rate, from_.asked<BytesPerSecond>(key, {}));
      ATOLL_TRY(const auto each, from_.data<DollarsPerByte>(fmt::format("price.{}", name)));
      add(from_.sheet().put(key, rate.value * each.value * kMonth * use.value,
                            "bandwidth on average x price x 730 h x use",
                            Keys{rate.key, each.key, use.key}));
    }
    return {};
  }

  // Where the cloud's load balancer takes addresses over, each is a forwarding rule, that stays
  // when machines are off.
  Status rules() {
    constexpr double kTogether = 5;  // how many the first price is for
    const Datum* mover = from_.scenario().find("failover.mover");
    const auto* word = mover == nullptr ? nullptr : std::get_if<std::string>(&mover->value);
    if (word == nullptr || (*word != "gcp-lb" && *word != "gcp-garp")) return {};
    ATOLL_TRY(const auto addresses, from_.asked<double>("failover.addresses", in_.nodes.value));
    ATOLL_TRY(const auto first, from_.data<DollarsPerSecond>("price.forwarding_rules_first_five"));
    ATOLL_TRY(const auto more, from_.data<DollarsPerSecond>("price.forwarding_rule_more"));
    add(from_.sheet().put(
        "money.forwarding_rules",
        (first.value + std::max(0.0, addresses.value - kTogether) * more.value) * kMonth,
        "(the first five together + each address beyond x its price) x 730 h",
        Keys{addresses.key, first.key, more.key}));
    return {};
  }

  Status tier() {
    if (!from_.scenario().has_table("tier")) return {};
    const std::string& of = from_.inputs().tier_class;
    ATOLL_TRY(const auto stored, from_.asked<Bytes>("tier.stored", {}));
    ATOLL_TRY(const auto each, from_.data<DollarsPerByteSecond>("price.tier." + of));
    ATOLL_TRY(const auto reads, from_.asked<OperationsPerSecond>("tier.reads", {}));
    ATOLL_TRY(const auto writes, from_.asked<OperationsPerSecond>("tier.writes", {}));
    ATOLL_TRY(const auto class_a, from_.data<DollarsPerOperation>("price.tier.class_a"));
    ATOLL_TRY(const auto class_b, from_.data<DollarsPerOperation>("price.tier.class_b"));
    add(from_.sheet().put("money.tier_storage", stored.value * each.value * kMonth,
                          fmt::format("stored x price of {}", of), Keys{stored.key, each.key}));
    add(from_.sheet().put("money.tier_operations",
                          (writes.value * class_a.value + reads.value * class_b.value) * kMonth,
                          "writes x class A + reads x class B, x 730 h",
                          Keys{writes.key, class_a.key, reads.key, class_b.key}));
    ATOLL_TRY(const auto fee, from_.data<DollarsPerByte>("price.retrieval." + of));
    if (from_.scenario().find("tier.retrieved") == nullptr) {
      if (reads.value > OperationsPerSecond{} && fee.value > DollarsPerByte{})
        out_.notes.push_back(
            fmt::format("Reads from {} are billed by the byte, too ({}): say how much with "
                        "tier.retrieved; the bill has none of it.",
                        of, format_quantity(any(fee.value))));
      return {};
    }
    ATOLL_TRY(const auto rate, from_.asked<BytesPerSecond>("tier.retrieved", {}));
    add(from_.sheet().put("money.tier_retrieval", rate.value * fee.value * kMonth,
                          fmt::format("bandwidth on average x retrieval from {} x 730 h", of),
                          Keys{rate.key, fee.key}));
    return {};
  }

  void saved(const Known<double>& use, const Hibernation& hibernation) {
    Dollars cost;
    Keys keys{full_.key, out_.machines.key, use.key};
    for (const Known<Dollars>& line : hibernation.lines) {
      cost += line.value;
      keys.push_back(line.key);
    }
    from_.sheet().put("hibernate.saved", full_.value - out_.machines.value - cost,
                      "machines of a whole month - as they run - what hibernation costs",
                      std::move(keys));
  }

  const Sources& from_;
  const MoneyInputs& in_;
  Bill out_;
  Known<Dollars> full_;
  Dollars total_;
  Keys lines_;
};

}  // namespace

Result<Bill> add_bill(const Sources& from, const MoneyInputs& in) {
  return Maker(from, in).make();
}

}  // namespace atl::plan
