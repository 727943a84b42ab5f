// Follows the file that a client writes, while it is written.
//
// Ownership: the world's. Threads: the reactor's; reads a file in the page cache.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lab/client.h"

namespace atl::lab {

class ClientTail {
 public:
  explicit ClientTail(std::string path) : path_(std::move(path)) {}

  // Reads what is new. kCorrupt: not what a client writes; kIo.
  Status read();

  const ClientLog& log() const { return log_; }
  // Every probe of that target that ended in the last `span` was answered well, by `node`, and
  // there were such.
  std::string node_of(uint32_t target) const;  // who answered last; "" nobody
  bool steady(uint32_t target, const std::string& node, Nanos span, int64_t now_ns) const;

 private:
  struct Recent {
    int64_t last_bad_ns = 0;    // start of the last failed probe
    int64_t last_other_ns = 0;  // end of the last one that another node answered
    int64_t last_good_ns = 0;
    std::string node;  // that answered it
  };

  std::string path_;
  uint64_t offset_ = 0;
  std::string rest_;  // of a line
  ClientLog log_;
  size_t seen_ = 0;  // probes in recent_
  std::vector<Recent> recent_;
};

}  // namespace atl::lab
