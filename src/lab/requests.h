// What a client of the laboratory asks of a service, as bytes: the small request that says who
// answers, and the long one.
//
// S3 requests are signed (Signature V4) each time anew: it costs some 20 us. Every connection has
// one request.
//
// Ownership: a client's. Threads: one. No errors.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lab/service_kind.h"

namespace atl::s3 {
class RequestSigner;
}

namespace atl::lab {

class Requests {
 public:
  // `transfer_bytes` is how much the long one asks for; over S3 the object has kLongTransferBytes.
  Requests(ServiceKind kind, uint64_t transfer_bytes);
  ~Requests();
  Requests(Requests&&) noexcept;

  // `now` is in seconds since 1970; a signature holds for a quarter of an hour.
  std::string probe(const std::string& host, int64_t now);
  std::string transfer(const std::string& host, int64_t now);
  // The header of an answer that names the node, in lower case.
  std::string_view node_header() const;

 private:
  std::string signed_get(const std::string& host, std::string_view key, int64_t now);

  uint64_t transfer_bytes_;
  std::unique_ptr<s3::RequestSigner> signer_;  // null: plain HTTP
};

}  // namespace atl::lab
