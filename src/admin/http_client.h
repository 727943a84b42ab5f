// One HTTP call, blocking, on loopback or to a node: what the CLI needs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace atl::admin {

struct HttpReply {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string header(std::string_view name) const;  // case-insensitive; empty when absent
};

// The longest that connecting, or one read or write, may take.
inline constexpr Nanos kHttpCallTimeout = 60s;
// The largest reply body that is taken into memory.
inline constexpr uint64_t kHttpReplyMax = 1ull << 30;

// `address`: HOST:PORT. kUnavailable when nobody listens there.
Result<HttpReply> http_call(const std::string& address, const std::string& method,
                            const std::string& target,
                            const std::vector<std::pair<std::string, std::string>>& headers,
                            const std::string& body);

}  // namespace atl::admin
