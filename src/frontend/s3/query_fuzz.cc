// Targets, queries, hosts: decoding never reads outside, and canonical encoding is stable.
#include <string>

#include "base/check.h"
#include "frontend/s3/url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace atl::s3;
  const std::string text(reinterpret_cast<const char*>(data), size);

  std::string encoded, decoded;
  append_percent_encoded(text, false, &encoded);
  ATOLL_CHECK(append_percent_decoded(encoded, false, &decoded));
  ATOLL_CHECK(decoded == text);

  Query query;
  if (!parse_query(text, &query)) {
    ATOLL_CHECK(query.size() <= kQueryParamsMax);
    for (const Query::Param& param : query) {
      ATOLL_CHECK(param.key.size() <= param.raw_key.size());
      ATOLL_CHECK(query.has(param.key));
    }
  }
  if (const auto host = parse_host(text)) {
    ATOLL_CHECK(!host->empty());
    ATOLL_CHECK(parse_host(*host) == host);
  }
  const std::string target = "/" + text;
  Request request;
  request.target = target;
  if (parse_target(&request)) return 0;
  ATOLL_CHECK(request.path.find('\0') == std::string::npos);
  if (resolve_bucket_and_key({}, &request)) return 0;
  // What it resolves to does not depend on how the client encoded it.
  std::string canonical;
  append_percent_encoded(request.path, true, &canonical);
  Request again;
  again.target = canonical;
  ATOLL_CHECK(!parse_target(&again));
  ATOLL_CHECK(!resolve_bucket_and_key({}, &again));
  ATOLL_CHECK(again.bucket == request.bucket && again.key == request.key);
  return 0;
}
