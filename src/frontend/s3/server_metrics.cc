#include "frontend/s3/server_metrics.h"

#include <chrono>

namespace atl::s3 {
namespace {

// Methods that nobody offers count together: a client must not be able to make up label values.
constexpr std::array<std::string_view, 7> kMethodNames = {"GET",  "PUT",     "HEAD", "DELETE",
                                                          "POST", "OPTIONS", "other"};

}  // namespace

ServerMetrics::ServerMetrics(LogLevel access_log)
    : connections(metric_gauge("atoll_s3_connections", "Open client connections")),
      accepted(metric_counter("atoll_s3_connections_accepted_total", "Connections accepted")),
      refused(metric_counter("atoll_s3_connections_refused_total",
                             "Connections refused at the connection limit")),
      accept_errors(metric_counter("atoll_s3_accept_errors_total", "Failed accepts")),
      idle_timeouts(metric_counter("atoll_s3_timeouts_total", "Connections closed by a deadline",
                                   "phase=\"idle\"")),
      slow_timeouts(metric_counter("atoll_s3_timeouts_total", "Connections closed by a deadline",
                                   "phase=\"request\"")),
      malformed(metric_counter("atoll_s3_malformed_requests_total",
                               "Requests refused because they could not be parsed")),
      unauthenticated(metric_counter("atoll_s3_unauthenticated_requests_total",
                                     "Requests refused for their signature")),
      aborted(metric_counter("atoll_s3_aborted_responses_total",
                             "Answers broken off after their head was sent")),
      access_log_(access_log),
      received_bytes_(metric_counter("atoll_s3_received_bytes_total", "Bytes from clients")),
      sent_bytes_(metric_counter("atoll_s3_sent_bytes_total", "Bytes to clients")) {
  static_assert(kMethodNames.size() == kMethods);
  for (size_t i = 0; i < kMethods; ++i)
    seconds_[i] = &metric_histogram("atoll_s3_request_seconds",
                                    "From the end of a request's head to the end of its answer",
                                    fmt::format("method=\"{}\"", kMethodNames[i]));
}

size_t ServerMetrics::method_index(std::string_view method) {
  for (size_t i = 0; i + 1 < kMethods; ++i)
    if (method == kMethodNames[i]) return i;
  return kMethods - 1;
}

Counter& ServerMetrics::requests(size_t method, int status) {
  Counter*& counter =
      requests_[static_cast<uint32_t>(method) << 16 | static_cast<uint16_t>(status)];
  if (counter == nullptr)
    counter =
        &metric_counter("atoll_s3_requests_total", "Requests answered",
                        fmt::format("method=\"{}\",status=\"{}\"", kMethodNames[method], status));
  return *counter;
}

void ServerMetrics::count(const Request& request, const Exchange& exchange) {
  const size_t method = method_index(request.method);
  requests(method, exchange.status).add();
  seconds_[method]->observe_seconds(std::chrono::duration<double>(exchange.duration).count());
  received_bytes_.add(exchange.bytes_in);
  sent_bytes_.add(exchange.bytes_out);
  if (!exchange.complete) aborted.add();
  if (log_enabled(access_log_)) log_access(request, exchange);
}

void ServerMetrics::log_access(const Request& request, const Exchange& exchange) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(exchange.duration);
  log(access_log_, "s3", "request",
      {{"id", request.request_id},
       {"remote", request.remote_address},
       {"tls", request.is_tls},
       {"access_key", request.access_key},
       {"method", request.method},
       {"path", request.raw_path},  // without the query: it can hold a signature
       {"status", exchange.status},
       {"bytes_in", exchange.bytes_in},
       {"bytes_out", exchange.bytes_out},
       {"micros", micros.count()},
       {"complete", exchange.complete}});
}

}  // namespace atl::s3
