// Which operation a request names.
//
// S3 chooses by method, by whether the path has a bucket and a key, and by a sub-resource: a query
// parameter such as ?uploads or ?tagging. Parameters that are no sub-resources (prefix, partNumber,
// X-Amz-Signature, ...) only qualify an operation.
#pragma once

#include <expected>
#include <string_view>

#include "frontend/s3/operation.h"

namespace atl::s3 {

enum class Scope : uint8_t { kService, kBucket, kObject };

struct Route {
  std::string_view name;  // the S3 operation: "PutObject"; for metrics and messages
  std::string_view method;
  Scope scope;
  std::string_view subresource;  // "" for none
  Task<OpResult> (*run)(Op&);
};

// MethodNotAllowed, NotImplemented (with the name of what is not offered), InvalidArgument (two
// sub-resources at once).
S3Result<const Route*> find_route(const Request& request);

// Every operation that is offered, for metrics and docs.
std::span<const Route> all_routes();
size_t route_index(const Route* route);

}  // namespace atl::s3
