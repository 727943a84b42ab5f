// The head of an HTTP answer: status line, the fields that every answer has, the handler's own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "frontend/s3/http.h"

namespace atl::s3 {

std::string_view reason_phrase(int status);

// Whether this answer can have a body at all (RFC 9110 6.4.1), and how long it is.
bool has_body(const Response& response, const Request& request);
uint64_t body_length(const Response& response);

struct ResponseHead {
  std::string_view date;     // HTTP date
  std::string_view host_id;  // x-amz-id-2
  bool keep_alive = true;
};

// Appends "HTTP/1.1 200 OK\r\n...\r\n\r\n". Header values that hold control characters are not
// sent: a stored value can never start a line of its own (response splitting); there is a counter.
void append_response_head(const Response& response, const Request& request,
                          const ResponseHead& common, std::string* out);

}  // namespace atl::s3
