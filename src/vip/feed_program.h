// Runs a program with a text as its standard input and waits for its end.
//
// Threads: any; blocks. Errors: kNotFound (no such program), kTimeout (it was killed), kIo with
// what it wrote to standard error when it ended with anything but 0.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace atl::vip {

// Of what it writes to standard error; the rest is thrown away.
inline constexpr size_t kProgramErrorMax = 4096;

// argv[0] is looked for in PATH. `input` is at most what a pipe holds at once and more: the program
// must read all of it before it writes much.
Status feed_program(const std::vector<std::string>& argv, const std::string& input, Nanos limit);

}  // namespace atl::vip
