#include "frontend/s3/response_head.h"

#include <fmt/format.h>

#include "base/metrics.h"
#include "frontend/s3/http_parser.h"
#include "frontend/s3/text.h"

namespace atl::s3 {
namespace {

void append_field(std::string_view name, std::string_view value, std::string* out) {
  if (!is_token(name) || !is_header_safe(value)) {
    static Counter& dropped =
        metric_counter("atoll_s3_unsafe_headers_total", "Answer headers left out: not valid HTTP");
    dropped.add();
    return;
  }
  out->append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

bool has_body(const Response& response, const Request& request) {
  return !request.is_head() && response.status != 204 && response.status != 304;
}

uint64_t body_length(const Response& response) {
  if (response.content_length) return *response.content_length;
  return response.stream ? response.stream_length : response.body.size();
}

void append_response_head(const Response& response, const Request& request,
                          const ResponseHead& common, std::string* out) {
  fmt::format_to(std::back_inserter(*out), "HTTP/1.1 {} {}\r\n", response.status,
                 reason_phrase(response.status));
  out->append("Date: ").append(common.date).append("\r\nServer: Atoll\r\nx-amz-request-id: ");
  out->append(request.request_id).append("\r\nx-amz-id-2: ").append(common.host_id).append("\r\n");
  for (const auto& [name, value] : response.headers) append_field(name, value, out);
  if (response.status != 204 && response.status != 304)
    fmt::format_to(std::back_inserter(*out), "Content-Length: {}\r\n", body_length(response));
  if (!common.keep_alive) {
    out->append("Connection: close\r\n");
  } else if (request.version_minor == 0) {
    out->append("Connection: keep-alive\r\n");
  }
  out->append("\r\n");
}

}  // namespace atl::s3
