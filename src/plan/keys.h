// The keys that a scenario and a shape may have, and what each is: a quantity of some dimension or
// a word. A datum of the catalogue is what it is in the catalogue that Atoll knows.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/book.h"

namespace atl::plan {

struct Kind {
  bool word = false;  // else a quantity
  Dimensions dimensions;
};

const std::vector<std::string>& scenario_keys();
const std::vector<std::string>& shape_keys();
// Those that a shape may do without.
bool optional_of_shape(std::string_view name);

// Nothing when there is no such key in a scenario, a shape or `known`.
std::optional<Kind> kind_of(std::string_view key, const Book& known);

// "a, b, c"
std::string list_of_words(const std::vector<std::string>& words);

}  // namespace atl::plan
