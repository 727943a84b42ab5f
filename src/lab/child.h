// Starts a program in a network namespace. For command.cc and processes.cc.
//
// The child dies when the thread that started it dies (PR_SET_PDEATHSIG), leads a process group of
// its own, and inherits no file but its standard three. Returns once the program runs. Errors: kIo.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace atl::lab {

struct ChildSetup {
  std::vector<std::string> argv;
  int namespace_fd = -1;  // -1: the caller's
  int input = -1;         // each of the three: -1 is /dev/null
  int output = -1;
  int errors = -1;
};

Result<pid_t> start_child(const ChildSetup& setup);
// The exit code, or 128 + the signal, of what waitpid() said.
int exit_code_of(int wait_status);
Error system_error(std::string what);  // kIo, with errno's text

}  // namespace atl::lab
