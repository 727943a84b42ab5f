#include "frontend/s3/service.h"

#include <vector>

#include "base/metrics.h"
#include "frontend/s3/refusals.h"
#include "frontend/s3/routes.h"

namespace atl::s3 {
namespace {

// One counter for each operation, looked up once.
std::vector<Counter*> make_request_counters() {
  std::vector<Counter*> out;
  for (const Route& route : all_routes())
    out.push_back(&metric_counter("atoll_s3_operations_total", "S3 requests by operation",
                                  fmt::format("operation=\"{}\"", route.name)));
  return out;
}

Counter& request_counter(const Route* route) {
  static const std::vector<Counter*> counters = make_request_counters();
  return *counters[route_index(route)];
}

Response render_error(const S3Error& error, const Request& request) {
  metric_counter("atoll_s3_errors_total", "S3 requests answered with an error, by code",
                 fmt::format("code=\"{}\"", error.code))
      .add();
  return error_response(error, request);
}

}  // namespace

Service::Service(env::Env& env, client::Client& client, ServiceOptions options)
    : state_{env, client, std::move(options)} {}
Service::~Service() = default;

Task<Response> Service::handle(Request& request, RequestBody& body) {
  // 1. Which operation.
  const S3Result<const Route*> route = find_route(request);
  if (!route) co_return render_error(route.error(), request);
  request_counter(*route).add();

  // 2. What is not offered.
  if (const S3Status offered = refuse_what_is_not_offered(request); !offered)
    co_return render_error(offered.error(), request);
  if (!request.key.empty()) {
    if (const S3Status key = check_key(request.key); !key)
      co_return render_error(key.error(), request);
  }

  // 3. Run it.
  Op op{state_, request, body};
  OpResult result = co_await (*route)->run(op);

  // 4. The answer.
  if (!result) co_return render_error(result.error(), request);
  co_return std::move(*result);
}

}  // namespace atl::s3
