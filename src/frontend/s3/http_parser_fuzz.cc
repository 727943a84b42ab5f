// Any bytes as a connection would see them: scanned in two splits, parsed, framed, resolved,
// checked.
#include <cstdlib>
#include <string>

#include "base/check.h"
#include "frontend/s3/http_parser.h"
#include "frontend/s3/url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace atl::s3;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  HeadScanner whole;
  const HeadScanner::Outcome outcome = whole.scan(bytes);

  // Byte by byte it comes to the same, except that a fault may be noticed earlier.
  HeadScanner pieces;
  HeadScanner::Outcome piecewise = HeadScanner::Outcome::kNeedMore;
  size_t seen = 0;
  while (seen < size && piecewise == HeadScanner::Outcome::kNeedMore)
    piecewise = pieces.scan(std::string_view(bytes).substr(0, ++seen));
  if (size != 0) ATOLL_CHECK(piecewise == outcome);
  if (outcome != HeadScanner::Outcome::kComplete) return 0;
  ATOLL_CHECK(whole.head_size() == pieces.head_size());
  ATOLL_CHECK(whole.head_size() <= kHeadBytesMax);

  const std::string head = bytes.substr(0, whole.head_size());
  Request request;
  if (parse_head(head, &request)) return 0;
  ATOLL_CHECK(request.path.starts_with('/'));
  ATOLL_CHECK(request.headers.size() <= kHeaderFieldsMax);
  ATOLL_CHECK(request.headers.count("host") <= 1);
  for (const Headers::Field& field : request.headers) {
    ATOLL_CHECK(is_token(field.name));
    ATOLL_CHECK(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  }
  (void)wants_keep_alive(request);
  const auto framing = body_framing(request);
  if (framing && framing->kind != BodyFraming::Kind::kNone)
    ATOLL_CHECK((framing->kind == BodyFraming::Kind::kLength) == (framing->length != 0));
  if (resolve_bucket_and_key({"s3.example.com"}, &request)) return 0;
  ATOLL_CHECK(request.key.empty() || !request.bucket.empty());
  return 0;
}
