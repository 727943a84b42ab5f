// Quantities as people write and read them: "36000 GiB", "0.008 USD/GiB", "1.5 /year".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "plan/quantity.h"

namespace atl::plan {

// A number and a unit: units joined by "/" (each after the first "/" divides), such as
// USD/GiB/month. Units: B KiB MiB GiB TiB PiB kB MB GB TB PB, b kb Mb Gb Tb (bits), s ms us min h
// day month year, USD, op kop Mop. A month is 730 hours and a year 8,760, as clouds bill.
// kInvalidArgument says what is wrong and what would be right.
Result<AnyQuantity> parse_quantity(std::string_view text);

// For people: "35.2 TiB", "12.5 GiB/s", "$1,234.50", "3.2 h", "1.2e-12".
std::string format_quantity(AnyQuantity quantity);

// "a size in bytes", "a price for each byte and second": for messages.
std::string describe(Dimensions dimensions);

// The end of a figure's key in JSON: "_bytes", "_bytes_per_second", "" for plain numbers.
std::string key_suffix(Dimensions dimensions);

}  // namespace atl::plan
