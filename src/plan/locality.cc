// Data in one region, accelerators in another. Over a month, with D bytes of data of which a share
// w is worked on, each byte of that read R times, and a share c of all bytes written anew:
//
//   across   each read crosses               D w R e
//   cache    Atoll beside the accelerators   D w (c + 1) e + D w C
//   copy     all is copied, and again what   D (c + 1) e + D S
//            changes
//
// e: egress for a byte; C, S: a month of a byte in the cache, and in the bucket over there. Equal
// at
//
//   across = cache   R = (c + 1) + C / e
//   across = copy    R = ((c + 1) + S / e) / w
//   cache = copy     w = ((c + 1) e + S) / ((c + 1) e + C), whatever R is
#include <algorithm>
#include <array>

#include "plan/money.h"

namespace atl::plan {
namespace {

struct Facts {
  Known<Bytes> data;
  Known<double> working, reads, changed;
  Known<DollarsPerByte> egress;
  Known<DollarsPerByteSecond> cache, copy;
};

Status check_positive(const Sources& from, std::string_view key, double value, double most) {
  if (value > 0 && value <= most) return {};
  const Datum& datum = *from.scenario().find(key);
  if (most == 1) return wrong(datum, key, fmt::format("{} is not above 0 and at most 1", value));
  return wrong(datum, key, "is above 0");
}

Result<std::string> link_of(const Sources& from) {
  constexpr std::string_view kKey = "locality.link";
  constexpr std::array kLinks = {"inter_region", "internet", "private_connection"};
  if (from.scenario().find(kKey) == nullptr) return std::string(kLinks.front());
  ATOLL_TRY(std::string word, from.scenario().word(kKey));
  if (std::ranges::find(kLinks, word) != kLinks.end()) return word;
  return wrong(*from.scenario().find(kKey), kKey,
               fmt::format("{} is none of {}", quoted(word), fmt::join(kLinks, ", ")));
}

Result<Facts> read_facts(const Sources& from, const MoneyInputs& in,
                         const Known<Dollars>& machines) {
  Facts f;
  if (from.scenario().find("locality.data") == nullptr)
    return wrong(from.scenario().data().lower_bound("locality.")->second, "locality",
                 "wants data = \"200 TiB\": what lies in the other region");
  ATOLL_TRY(f.data, from.asked<Bytes>("locality.data", {}));
  ATOLL_TRY_STATUS(check_positive(from, "locality.data", f.data.value.value, 1e300));
  ATOLL_TRY(f.working, from.asked<double>("locality.working_set", 1));
  ATOLL_TRY_STATUS(check_positive(from, "locality.working_set", f.working.value, 1));
  ATOLL_TRY(f.reads, from.asked<double>("locality.reads", 1));
  ATOLL_TRY_STATUS(check_positive(from, "locality.reads", f.reads.value, 1e300));
  ATOLL_TRY(f.changed, from.asked<double>("locality.changed", 0));
  ATOLL_TRY(const std::string link, link_of(from));
  ATOLL_TRY(f.egress, from.data<DollarsPerByte>("price." + link));
  ATOLL_TRY(f.copy, from.data<DollarsPerByteSecond>("price.tier.standard"));
  if (from.scenario().find("locality.cache_price") != nullptr) {
    ATOLL_TRY(f.cache, from.asked<DollarsPerByteSecond>("locality.cache_price", {}));
  } else {
    f.cache = from.sheet().put("locality.cache_price", machines.value / in.usable.value / kMonth,
                               "machines of this plan / usable: room of the same kind over there",
                               Keys{machines.key, in.usable.key});
  }
  return f;
}

struct Option {
  std::string_view name;  // in words
  Known<Dollars> cost;
};

}  // namespace

Result<std::optional<std::string>> add_locality(const Sources& from, const MoneyInputs& in,
                                                const Known<Dollars>& machines) {
  if (!from.scenario().has_table("locality")) return std::optional<std::string>();
  ATOLL_TRY(const Facts f, read_facts(from, in, machines));
  Sheet& sheet = from.sheet();
  const auto worked = sheet.put("locality.worked_on", f.data.value * f.working.value,
                                "data x working set", Keys{f.data.key, f.working.key});
  const DollarsPerByte e = f.egress.value;
  const DollarsPerByte cache = f.cache.value * kMonth;
  const DollarsPerByte copy = f.copy.value * kMonth;
  const double sent = 1 + f.changed.value;
  const std::array options = {
      Option{"reading across the border each time",
             sheet.put("locality.across", worked.value * e * f.reads.value,
                       "worked on x reads x egress", Keys{worked.key, f.reads.key, f.egress.key})},
      Option{"a cache beside the accelerators",
             sheet.put("locality.cache", worked.value * (e * sent + cache),
                       "worked on x ((1 + changed) x egress + a month in the cache)",
                       Keys{worked.key, f.changed.key, f.egress.key, f.cache.key})},
      Option{"copying all of it",
             sheet.put("locality.copy", f.data.value * (e * sent + copy),
                       "data x ((1 + changed) x egress + a month in the bucket over there)",
                       Keys{f.data.key, f.changed.key, f.egress.key, f.copy.key})},
  };
  const auto best =
      std::ranges::min_element(options, {}, [](const Option& o) { return o.cost.value; });
  std::string words = fmt::format(
      "Of three ways to bring the data to the accelerators {} is the "
      "cheapest: {} a month.",
      best->name, format_quantity(any(best->cost.value)));
  if (e <= DollarsPerByte{}) return std::optional<std::string>(words + " The link costs nothing.");
  const auto even = sheet.put(
      "locality.cache_pays_from_reads", sent + cache / e,
      "(1 + changed) + a month in the cache / egress: with more reads the cache is cheaper than "
      "reading across",
      Keys{f.changed.key, f.cache.key, f.egress.key});
  sheet.put("locality.copy_pays_from_reads", (sent + copy / e) / f.working.value,
            "((1 + changed) + a month in the bucket / egress) / working set: with more reads the "
            "copy is cheaper than reading across",
            Keys{f.changed.key, f.copy.key, f.egress.key, f.working.key});
  sheet.put("locality.copy_pays_from_working_set", (e * sent + copy) / (e * sent + cache),
            "((1 + changed) x egress + a month in the bucket) / ((1 + changed) x egress + a month "
            "in the cache): of a larger working set the copy is cheaper than the cache",
            Keys{f.changed.key, f.egress.key, f.copy.key, f.cache.key});
  words += fmt::format(" A cache pays from {:.3g} reads of each byte a month.", even.value);
  return std::optional<std::string>(std::move(words));
}

}  // namespace atl::plan
