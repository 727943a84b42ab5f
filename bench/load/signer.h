// Signature V4 in an Authorization header, with the payload unsigned. On its own on purpose: a load
// generator that used Atoll's code would agree with Atoll's mistakes.
//
// Source: AWS, "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API Reference.
#pragma once

#include <string>
#include <string_view>

#include "load/options.h"

namespace atl::load {

class Signer {
 public:
  // With no access key, heads come out unsigned.
  explicit Signer(const Options& options);

  // The head of a request: "METHOD target HTTP/1.1" to the empty line. `path` and `query` are
  // percent-encoded already, the query in canonical order. `body_bytes` < 0: no Content-Length.
  // Signed with the time of construction; good for S3's 15 minutes.
  std::string head(std::string_view method, std::string_view path, std::string_view query,
                   int64_t body_bytes) const;

 private:
  std::string authorization(std::string_view method, std::string_view path,
                            std::string_view query) const;
  std::string host_;
  std::string access_key_;
  std::string scope_;
  std::string amz_date_;
  std::string key_;  // the derived signing key
};

}  // namespace atl::load
