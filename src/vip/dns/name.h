// Domain names as keys: wire form in lower case, "\4door\7storage\7example\0" for
// door.storage.example, so that equal names are equal strings and labels need no escapes.
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace atl::vip::dns {

using Name = std::string;

// From text, with or without a dot at the end. kInvalidArgument: an empty label, a label of more
// than 63 bytes, a name of more than 255, or other characters than letters, digits, '-' and '_'.
Result<Name> make_name(std::string_view text);
// From wire form that was checked to be one whole name without pointers.
Name lower(std::string_view wire);
std::string to_text(const Name& name);  // "door.storage.example."

bool is_root(const Name& name);
Name parent_of(const Name& name);  // not of the root
// True for `apex` itself too.
bool is_within(const Name& name, const Name& apex);

}  // namespace atl::vip::dns
