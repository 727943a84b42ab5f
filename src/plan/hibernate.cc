// Nights and weekends away: what is kept lies in the bucket meanwhile, and the machines are gone.
#include <algorithm>

#include "plan/money.h"

namespace atl::plan {
namespace {

// From Thursday's last hour to Tuesday's first: no weekend is longer.
constexpr Seconds kWeekendMost = 96 * kHour;

std::unexpected<Error> refuse(const Sources& from, std::string_view key, std::string_view what) {
  return wrong(*from.scenario().find(key), key, what);
}

Status check(const Sources& from) {
  if (from.scenario().find("money.use") != nullptr)
    return refuse(from, "money.use",
                  "contradicts [hibernate], which says what share of the month the machines run: "
                  "leave one of the two out");
  if (from.inputs().commitment != "on_demand")
    return refuse(from, "money.commitment",
                  "contradicts [hibernate]: a commitment is paid for the hours that the machines "
                  "are off, too; write commitment = \"on_demand\" or leave [hibernate] out");
  return {};
}

Result<Known<Seconds>> hours(const Sources& from, const std::string& key, Seconds most) {
  ATOLL_TRY(const auto out, from.asked<Seconds>(key, Seconds{}));
  if (out.value <= most) return out;
  return refuse(from, key,
                fmt::format("{} is more than {}", format_quantity(any(out.value)),
                            format_quantity(any(most))));
}

// A share of what is kept: of the catalogue or the scenario. An assumption that is doubled to see
// what it is worth may come out above 1, and is all of it then.
Result<Known<double>> share(const Sources& from, std::string_view key) {
  ATOLL_TRY(auto out, from.data<double>(key));
  const Datum& datum = *from.catalogue().find(key);
  if (out.value > 1 && !datum.assumed)
    return wrong(datum, key, fmt::format("{} is a share of what is kept: at most 1", out.value));
  out.value = std::min(1.0, out.value);
  return out;
}

// What the bucket's prices make of the bytes that lie there and go out and in.
Result<std::vector<Known<Dollars>>> lines(const Sources& from, const MoneyInputs& in,
                                          const Known<double>& cycles, const Known<Bytes>& out,
                                          const Known<Bytes>& back) {
  ATOLL_TRY(const auto object, from.data<Bytes>("hibernate.object"));
  if (object.value <= Bytes{})
    return wrong(*from.catalogue().find("hibernate.object"), "hibernate.object", "is above 0");
  const std::string& of = from.inputs().tier_class;
  ATOLL_TRY(const auto each, from.data<DollarsPerByteSecond>("price.tier." + of));
  ATOLL_TRY(const auto fee, from.data<DollarsPerByte>("price.retrieval." + of));
  ATOLL_TRY(const auto class_a, from.data<DollarsPerOperation>("price.tier.class_a"));
  ATOLL_TRY(const auto class_b, from.data<DollarsPerOperation>("price.tier.class_b"));
  const Operations writes{out.value / object.value};
  const Operations reads{back.value / object.value};
  std::vector<Known<Dollars>> made;
  made.push_back(from.sheet().put("money.asleep_storage", in.kept.value * each.value * kMonth,
                                  fmt::format("kept x price of {}, all month", of),
                                  Keys{in.kept.key, each.key}));
  made.push_back(from.sheet().put(
      "money.asleep_operations",
      cycles.value * (writes * class_a.value + reads * class_b.value + back.value * fee.value),
      "hibernations x (objects out x class A + objects back x class B + bytes back x retrieval)",
      Keys{cycles.key, out.key, back.key, object.key, class_a.key, class_b.key, fee.key}));
  return made;
}

}  // namespace

Result<std::optional<Hibernation>> add_hibernation(const Sources& from, const MoneyInputs& in) {
  if (!from.scenario().has_table("hibernate")) return std::optional<Hibernation>();
  ATOLL_TRY_STATUS(check(from));
  ATOLL_TRY(const auto nights, hours(from, "hibernate.nights", 24 * kHour));
  ATOLL_TRY(const auto weekends, hours(from, "hibernate.weekends", kWeekendMost));
  if (kNightsAWeek * nights.value + weekends.value > kWeek)
    return refuse(
        from, "hibernate.weekends",
        fmt::format("4 nights of {} and a weekend of {} are {:.0f} h, more than the 168 h "
                    "of a week",
                    format_quantity(any(nights.value)), format_quantity(any(weekends.value)),
                    (kNightsAWeek * nights.value + weekends.value) / kHour));
  if (nights.value + weekends.value <= Seconds{})
    return wrong(from.scenario().data().lower_bound("hibernate.")->second, "hibernate",
                 "wants nights = \"12 h\" (each of the four between working days), weekends = \"60 "
                 "h\" (from Friday evening to Monday morning), or both");
  ATOLL_TRY(const auto changed, share(from, "hibernate.changed"));
  ATOLL_TRY(const auto wanted, share(from, "hibernate.back"));
  Sheet& sheet = from.sheet();
  const double nights_a_week = nights.value > Seconds{} ? kNightsAWeek : 0;
  const double weekends_a_week = weekends.value > Seconds{} ? 1 : 0;
  const auto cycles =
      sheet.put("hibernate.times_a_month", (nights_a_week + weekends_a_week) * (kMonth / kWeek),
                "4 nights and a weekend a week, those that are asked for, x 730 h / 168 h",
                Keys{nights.key, weekends.key});
  const auto out_bytes =
      sheet.put("hibernate.goes_out", in.kept.value * changed.value,
                "kept x share that the bucket does not have yet", Keys{in.kept.key, changed.key});
  const auto back_bytes =
      sheet.put("hibernate.comes_back", in.kept.value * wanted.value,
                "kept x share that is brought back", Keys{in.kept.key, wanted.key});
  const auto offload = sheet.put("hibernate.offload", out_bytes.value / in.read.value,
                                 "bytes out / read", Keys{out_bytes.key, in.read.key});
  const auto rehydrate =
      sheet.put("hibernate.rehydrate", back_bytes.value / in.write.value,
                "bytes back / write: until all is there again", Keys{back_bytes.key, in.write.key});
  const Seconds busy = offload.value + rehydrate.value;
  auto off = [busy](Seconds away) { return std::max(Seconds{}, away - busy); };
  const auto week_off =
      sheet.put("hibernate.off_a_week",
                nights_a_week * off(nights.value) + weekends_a_week * off(weekends.value),
                "each absence less offload and rehydration, during which the machines run",
                Keys{nights.key, weekends.key, offload.key, rehydrate.key});
  Hibernation made;
  made.use =
      sheet.put("hibernate.use", 1 - week_off.value / kWeek, "1 - off / 168 h", Keys{week_off.key});
  ATOLL_TRY(made.lines, lines(from, in, cycles, out_bytes, back_bytes));
  for (const Known<Seconds>& away : {nights, weekends})
    if (away.value > Seconds{} && away.value <= busy)
      made.note = fmt::format("Hibernating for {} saves nothing: going and coming back takes {}.",
                              format_quantity(any(away.value)), format_quantity(any(busy)));
  return std::optional<Hibernation>(std::move(made));
}

}  // namespace atl::plan
