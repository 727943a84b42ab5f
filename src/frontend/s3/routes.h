// Which operation a request names.
//
// S3 chooses by method, by whether the path has a bucket and a key, and by a sub-resource: a query
// parameter such as ?uploads or ?tagging. Parameters that are no sub-resources (prefix, partNumber,
// X-Amz-Signature, ...) only qualify an operation. What is neither could be a sub-resource that
// came after this was written, and running the plain operation instead would overwrite or delete.
#pragma once

#include <expected>
#include <string_view>

#include "frontend/s3/operation.h"

namespace atl::s3 {

enum class Scope : uint8_t { kService, kBucket, kObject };
// Where there is x-amz-copy-source, PUT means another operation.
enum class Source : uint8_t { kRequest, kCopy };
// What an operation does not read is still checked before it runs (check_unread_body).
enum class Body : uint8_t { kUnread, kRead };

struct Route {
  std::string_view name;  // the S3 operation: "PutObject"; for metrics and messages
  std::string_view method;
  Scope scope;
  std::string_view subresource;  // "" for none
  Task<OpResult> (*run)(Op&);
  Body body = Body::kUnread;
  Source source = Source::kRequest;
};

// MethodNotAllowed, NotImplemented (with the name of what is not offered: an operation, or a query
// parameter that nobody here knows), InvalidArgument (two sub-resources at once).
S3Result<const Route*> find_route(const Request& request);

// Every operation that is offered, for metrics and docs.
std::span<const Route> all_routes();
size_t route_index(const Route* route);

// GET and HEAD change nothing.
inline bool changes_something(const Request& request) {
  return request.method != "GET" && request.method != "HEAD";
}

}  // namespace atl::s3
