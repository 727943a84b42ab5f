#include "frontend/s3/service.h"

#include <vector>

#include "base/metrics.h"
#include "frontend/s3/header_rules.h"
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

S3Status check_request(Request* request, const Route& route) {
  if (auto ok = settle_repeated_headers(&request->headers); !ok) return ok;
  if (auto ok = refuse_what_is_not_offered(*request); !ok) return ok;
  if (auto ok = refuse_misplaced(*request, route); !ok) return ok;
  if (auto ok = refuse_unread_framing(*request); !ok) return ok;
  if (request->bucket.empty()) return {};
  if (auto ok = check_bucket_name(request->bucket); !ok) return ok;
  return request->key.empty() ? S3Status() : check_key(request->key);
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

  // 2. What is not offered, and what cannot be meant.
  if (const S3Status checked = check_request(&request, **route); !checked)
    co_return render_error(checked.error(), request);
  Op op{state_, request, body};
  if ((*route)->body == Body::kUnread) {
    if (const S3Status unread = co_await check_unread_body(op); !unread)
      co_return render_error(unread.error(), request);
  }

  // 3. Run it.
  OpResult result = co_await (*route)->run(op);

  // 4. The answer.
  if (!result) co_return render_error(result.error(), request);
  co_return std::move(*result);
}

}  // namespace atl::s3
