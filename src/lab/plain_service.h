// The responder alone, without lease, fence or holder: the service behind keepalived and HAProxy.
//
// A process: `atoll lab responder --config FILE`; FILE is {"node": "node1", "addresses": [...]}.
// Threads: its reactor. The exit status: 0, 1 it could not listen, 2 a bad file.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "vip/types.h"

namespace atl::lab {

struct PlainConfig {
  vip::NodeName node;
  std::vector<vip::Vip> addresses;  // to listen at, on kServicePort, whether they are here or not

  std::string encode() const;
  static Result<PlainConfig> decode(std::string_view json);  // kInvalidArgument
};

int run_plain_service(const std::string& config_path);

}  // namespace atl::lab
