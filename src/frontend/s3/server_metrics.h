// What the S3 door counts about connections and requests. One a Server; on the reactor only.
#pragma once

#include <array>
#include <string_view>
#include <unordered_map>

#include "base/log.h"
#include "base/metrics.h"
#include "frontend/s3/http.h"

namespace atl::s3 {

class ServerMetrics {
 public:
  // `access_log`: the level at which each request is logged.
  explicit ServerMetrics(LogLevel access_log);

  struct Exchange {
    int status = 0;
    uint64_t bytes_in = 0;  // of this request, on the wire
    uint64_t bytes_out = 0;
    Nanos duration{};
    bool complete = true;  // the whole answer was handed to the network
  };
  void count(const Request& request, const Exchange& exchange);

  Gauge& connections;
  Counter& accepted;
  Counter& refused;  // at the connection limit
  Counter& accept_errors;
  Counter& idle_timeouts;
  Counter& slow_timeouts;    // heads and bodies that came or went too slowly
  Counter& malformed;        // requests that could not be parsed
  Counter& unauthenticated;  // refused for their signature
  Counter& aborted;          // answers broken off after their head was sent

 private:
  static constexpr size_t kMethods = 7;
  static size_t method_index(std::string_view method);
  Counter& requests(size_t method, int status);
  void log_access(const Request& request, const Exchange& exchange);

  LogLevel access_log_;
  Counter& received_bytes_;
  Counter& sent_bytes_;
  std::array<Histogram*, kMethods> seconds_{};
  std::unordered_map<uint32_t, Counter*> requests_;  // by method and status
};

}  // namespace atl::s3
