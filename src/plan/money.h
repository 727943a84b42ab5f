// Money a month, and what one gets for it: the lines of the bill, what hibernation saves, and what
// the same room would cost on the cloud's block storage.
//
// Threads: pure functions. Errors: kInvalidArgument with file, line and what would be right.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/sources.h"

namespace atl::plan {

// What the bill is made for. The speeds are those of cluster_speeds.
struct MoneyInputs {
  Known<double> nodes;
  Known<Bytes> usable, kept;
  Known<BytesPerSecond> read, write;
};

// --- hibernate.cc ---

// Nights between working days, and a weekend: what a week has.
inline constexpr double kNightsAWeek = 4;
inline constexpr Seconds kWeek = 7 * 24 * kHour;

struct Hibernation {
  Known<double> use;                  // share of the month in which machines run
  std::vector<Known<Dollars>> lines;  // of the bill
  std::string note;                   // in words, when an absence is too short; else empty
};
// Nothing when the scenario has no [hibernate]. Puts hibernate.* and its lines into the sheet.
Result<std::optional<Hibernation>> add_hibernation(const Sources& from, const MoneyInputs& in);

// --- money.cc ---

struct Bill {
  Known<Dollars> month;
  Known<Dollars> machines;  // with their network: what Atoll's room itself costs
  std::vector<std::string> notes;
};
Result<Bill> add_bill(const Sources& from, const MoneyInputs& in);

// --- block.cc ---

// Puts block.<kind>.month and the like into the sheet, for each kind of the catalogue.
Status add_block(const Sources& from, const MoneyInputs& in);

// --- locality.cc ---

// Data in one region, accelerators in another: read across, kept in a cache there, or copied.
// Nothing when the scenario has no [locality]; else a sentence that names the cheapest.
Result<std::optional<std::string>> add_locality(const Sources& from, const MoneyInputs& in,
                                                const Known<Dollars>& machines);

}  // namespace atl::plan
