// Runs a program of the system (`ip`, `nft`, `tc`) and waits for it.
//
// An argument vector, never a shell's text; a bounded time; an error that shows the command and
// what it wrote to its standard error.
//
// Threads: any; the caller's thread blocks. Errors: kTimeout (it was killed), kIo (it failed, or
// could not be started).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace atl::lab {

// Configuring a network of fifty namespaces takes under a second; a loaded machine has ten times
// that.
inline constexpr Nanos kCommandLimit = 20s;
// Of each of the two outputs. The rest is read and thrown away.
inline constexpr size_t kCommandOutputMax = 1_MiB;

// Returns the standard output. `input` is the standard input. `namespace_fd` is the network
// namespace to run in; -1 is the caller's.
Result<std::string> run_command(const std::vector<std::string>& argv, std::string_view input = {},
                                int namespace_fd = -1, Nanos limit = kCommandLimit);

}  // namespace atl::lab
