// The client's side of Signature V4: makes signed request heads, presigned targets, aws-chunked
// bodies.
//
// For tests, the load generator and the command line's quick look. It shares the canonical form
// with the server's side; that the form itself is right is shown by AWS's published examples
// (sigv4_test.cc).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "frontend/s3/amz_date.h"
#include "frontend/s3/sigv4.h"

namespace atl::s3 {

struct ClientRequest {
  std::string method = "GET";
  std::string path = "/";                                    // decoded
  std::vector<std::pair<std::string, std::string>> query;    // decoded
  std::string host = "127.0.0.1";                            // with the port if it is not the usual
  std::vector<std::pair<std::string, std::string>> headers;  // all of them are signed
};

class RequestSigner {
 public:
  RequestSigner(std::string access_key, std::string secret, std::string region = "us-east-1")
      : access_key_(std::move(access_key)),
        secret_(std::move(secret)),
        region_(std::move(region)) {}

  // The whole head, from the request line to the empty line. Adds Host, x-amz-date,
  // x-amz-content-sha256 and Authorization.
  std::string head(const ClientRequest& request, UnixSeconds now,
                   std::string_view content_sha256 = "UNSIGNED-PAYLOAD");

  // "/path?...&X-Amz-Signature=..."; only Host is signed beside the query.
  std::string presigned_target(const ClientRequest& request, UnixSeconds now, int64_t expires_s);

  // `payload` as an aws-chunked body that follows the head made last, which must have been signed
  // with the same kind. `trailers` are declared by the caller in x-amz-trailer.
  std::string aws_chunked_body(
      PayloadKind kind, std::string_view payload, size_t chunk_bytes,
      const std::vector<std::pair<std::string, std::string>>& trailers = {});

 private:
  std::string scope(std::string_view amz_date) const;
  std::string sign(const Request& request, std::string_view signed_headers,
                   std::string_view amz_date, std::string_view content_sha256);

  std::string access_key_;
  std::string secret_;
  std::string region_;
  ChunkSignatures chain_;  // seeded by the head made last
};

}  // namespace atl::s3
