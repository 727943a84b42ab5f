// What every datum must be, whatever a scenario does with it: of its unit, not negative, of a size
// that makes sense, above zero where something is divided by it, a share where it is one.
//
// Threads: pure functions. Errors: kInvalidArgument with file, line and what would be right.
#pragma once

#include "plan/book.h"

namespace atl::plan {

// In base units: bytes, seconds, dollars. Products of a few of these are still numbers.
inline constexpr double kValueMost = 1e30;
// Below it a number that must not be zero is as bad as zero.
inline constexpr double kValueLeast = 1e-30;

// `known` has what the unit of a catalogue's datum is; a key that it does not know is passed over.
Status check_data(const Book& book, const Book& known);

}  // namespace atl::plan
