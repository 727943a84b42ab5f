// The same room and bandwidth on the cloud's block storage: the disks alone, without machines that
// serve them.
#include <algorithm>
#include <cmath>

#include "plan/money.h"

namespace atl::plan {
namespace {

constexpr BytesPerSecond kMiBPerSecond{1048576.0};
constexpr OperationsPerSecond kOnePerSecond{1};

struct Asked {
  Known<Bytes> usable;
  Known<BytesPerSecond> throughput;
  std::optional<Known<OperationsPerSecond>> operations;
};

class Maker {
 public:
  Maker(const Sources& from, const Asked& asked, std::string kind)
      : from_(from), asked_(asked), kind_(std::move(kind)) {}

  Status make() {
    ATOLL_TRY_STATUS(size());
    ATOLL_TRY_STATUS(volumes());
    ATOLL_TRY(const auto storage, datum<DollarsPerByteSecond>("storage"));
    Dollars total = size_.value * storage.value * kMonth;
    Keys keys{size_.key, storage.key};
    std::string how = "size x price";
    if (has("throughput")) {
      ATOLL_TRY(const auto each, datum<DollarsPerSecond>("throughput"));
      const BytesPerSecond paid =
          std::max(BytesPerSecond{}, asked_.throughput.value - volumes_.value * free_.value);
      total += (paid / kMiBPerSecond) * each.value * kMonth;
      add_keys(&keys, {asked_.throughput.key, volumes_.key, free_.key, each.key});
      how += " + MiB/s beyond what is free x price";
    }
    if (has("operations") && asked_.operations) {
      ATOLL_TRY(const auto each, datum<DollarsPerSecond>("operations"));
      Known<OperationsPerSecond> free;
      if (has("free_operations")) {
        ATOLL_TRY(free, datum<OperationsPerSecond>("free_operations"));
      }
      const OperationsPerSecond paid =
          std::max(OperationsPerSecond{}, asked_.operations->value - volumes_.value * free.value);
      total += (paid / kOnePerSecond) * each.value * kMonth;
      add_keys(&keys, {asked_.operations->key, volumes_.key, free.key, each.key});
      how += " + op/s beyond what is free x price";
    }
    const auto month = from_.sheet().put(figure("month"), total, how, std::move(keys));
    if (!has("replicated")) return {};
    ATOLL_TRY(const auto times, datum<double>("replicated"));
    from_.sheet().put(figure("month_replicated"), month.value * times.value,
                      "month x what two zones cost", Keys{month.key, times.key});
    return {};
  }

 private:
  std::string key(std::string_view name) const { return fmt::format("block.{}.{}", kind_, name); }
  std::string figure(std::string_view name) const { return key(name); }
  bool has(std::string_view name) const { return from_.catalogue().find(key(name)) != nullptr; }
  template <typename Q>
  Result<Known<Q>> datum(std::string_view name) const {
    return from_.data<Q>(key(name));
  }
  template <typename Q>
  Result<Known<Q>> divisor(std::string_view name) const {
    ATOLL_TRY(const auto out, datum<Q>(name));
    if (out.value > Q{}) return out;
    return wrong(*from_.catalogue().find(key(name)), key(name), "is above 0");
  }

  static void add_keys(Keys* keys, const Keys& more) {
    for (const std::string& one : more)
      if (!one.empty()) keys->push_back(one);
  }

  // Where bandwidth comes with size, as much as the bandwidth needs.
  Status size() {
    size_ = asked_.usable;
    if (!has("throughput_of_tib")) return {};
    ATOLL_TRY(const auto of_tib, divisor<BytesPerSecond>("throughput_of_tib"));
    const Bytes needed = (asked_.throughput.value / of_tib.value) * kTiB;
    size_ = from_.sheet().put(figure("size"), std::max(asked_.usable.value, needed),
                              "the more of: usable, bandwidth / what a TiB brings",
                              Keys{asked_.usable.key, asked_.throughput.key, of_tib.key});
    return {};
  }

  Status volumes() {
    if (!has("volume_size") || !has("volume_throughput")) return {};
    ATOLL_TRY(const auto most, divisor<Bytes>("volume_size"));
    ATOLL_TRY(const auto fastest, divisor<BytesPerSecond>("volume_throughput"));
    if (has("free_throughput")) {
      ATOLL_TRY(free_, datum<BytesPerSecond>("free_throughput"));
    }
    volumes_ = from_.sheet().put(
        figure("volumes"),
        std::ceil(std::max(size_.value / most.value, asked_.throughput.value / fastest.value)),
        "the more of: size / the largest, bandwidth / that of one; rounded up",
        Keys{size_.key, most.key, asked_.throughput.key, fastest.key});
    return {};
  }

  const Sources& from_;
  const Asked& asked_;
  const std::string kind_;
  Known<Bytes> size_;
  Known<double> volumes_{0, {}};  // without a key: the kind has none
  Known<BytesPerSecond> free_;
};

// What the workload asks for; without one, what the cluster reads.
template <typename Q>
Result<std::optional<Known<Q>>> sum_asked(const Sources& from, std::string_view read,
                                          std::string_view write, const std::string& as) {
  Q total;
  Keys keys;
  for (const std::string_view key : {read, write}) {
    if (from.scenario().find(key) == nullptr) continue;
    ATOLL_TRY(const auto one, from.asked<Q>(key, Q{}));
    total += one.value;
    keys.push_back(one.key);
  }
  if (keys.empty()) return std::optional<Known<Q>>();
  return std::optional<Known<Q>>(
      from.sheet().put(as, total, "reads and writes that are asked for", std::move(keys)));
}

}  // namespace

Status add_block(const Sources& from, const MoneyInputs& in) {
  Asked asked{in.usable, in.read, std::nullopt};
  ATOLL_TRY(const auto bandwidth,
            sum_asked<BytesPerSecond>(from, "workload.read", "workload.write", "block.throughput"));
  if (bandwidth) asked.throughput = *bandwidth;
  ATOLL_TRY(asked.operations,
            sum_asked<OperationsPerSecond>(from, "workload.small_read", "workload.small_write",
                                           "block.operations"));
  for (const std::string& kind : from.catalogue().names_below("block"))
    ATOLL_TRY_STATUS(Maker(from, asked, kind).make());
  return {};
}

}  // namespace atl::plan
