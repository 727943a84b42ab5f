// Removes the laboratory's namespaces when the runner is gone, however it went.
//
// A process of its own, which waits for the end of a pipe that only the runner holds. In an orderly
// end it is the one that removes them, too, so that this way is walked every time.
//
// Ownership: the destructor closes the pipe and waits for the removal. Threads: one at a time.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "lab/namespace.h"

namespace atl::lab {

class Reaper {
 public:
  // The names in /run/netns that it will remove; they need not exist yet.
  static Result<std::unique_ptr<Reaper>> start(const std::vector<std::string>& names);
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

 private:
  Reaper(pid_t pid, FileHandle pipe) : pid_(pid), pipe_(std::move(pipe)) {}
  pid_t pid_;
  FileHandle pipe_;
};

// Removes the namespaces whose names begin with "atl<pid>-" of a process that is not there.
Status remove_leftovers();

}  // namespace atl::lab
