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
    full_ =
        from_.sheet().put("machines.whole_month", in_.nodes.value * price.value * kMonth * discount,
                          "what the instances cost when they are never off", std::move(keys));
    Keys machine_lines{instances.key};
    if (from_.inputs().network == "network_tier1") {
      ATOLL_TRY(const auto each, from_.data<DollarsPerSecond>("price.network_tier1"));
      add(from_.sheet().put(
          "money.network_tier1", in_.nodes.value * each.value * kMonth * use.value,
          "nodes x price of tier1 x 730 h x use", Keys{in_.nodes.key, each.key, use.key}));
      machine_lines.push_back(lines_.back());
    }
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
    if (from_.scenario().find("tier.retrieved") == nullptr) return {};
    ATOLL_TRY(const auto rate, from_.asked<BytesPerSecond>("tier.retrieved", {}));
    ATOLL_TRY(const auto fee, from_.data<DollarsPerByte>("price.retrieval." + of));
    add(from_.sheet().put("money.tier_retrieval", rate.value * fee.value * kMonth,
                          fmt::format("bandwidth on average x retrieval from {} x 730 h", of),
                          Keys{rate.key, fee.key}));
    return {};
  }

  void saved(const Known<double>& use, const Hibernation& hibernation) {
    Dollars cost;
    Keys keys{full_.key, "money.instances", use.key};
    for (const Known<Dollars>& line : hibernation.lines) {
      cost += line.value;
      keys.push_back(line.key);
    }
    const Dollars instances = from_.value_of<Dollars>("money.instances");
    from_.sheet().put("hibernate.saved", full_.value - instances - cost,
                      "instances of a whole month - those that run - what hibernation costs",
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
