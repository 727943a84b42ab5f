// From a parsed admin request to an answer: what docs/admin-api.md lists.
#pragma once

#include <string>
#include <string_view>

#include "admin/control.h"

namespace atl::admin {

struct ApiRequest {
  std::string method;
  std::string path;  // without query
  std::string body;
};

struct ApiResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

Task<ApiResponse> route(Control& control, ApiRequest request);
ApiResponse error_response(const Error& error);
int http_status_of(Errc code);

}  // namespace atl::admin
