#include "lab/requests.h"

#include <fmt/format.h>

#include "frontend/s3/request_signer.h"

namespace atl::lab {

Requests::Requests(ServiceKind kind, uint64_t transfer_bytes) : transfer_bytes_(transfer_bytes) {
  if (kind == ServiceKind::kS3)
    signer_ =
        std::make_unique<s3::RequestSigner>(std::string(kS3AccessKey), std::string(kS3SecretKey));
}

Requests::~Requests() = default;
Requests::Requests(Requests&&) noexcept = default;

std::string Requests::probe(const std::string& host, int64_t now) {
  if (signer_) return signed_get(host, kS3WhoKey, now);
  return fmt::format("GET /who HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", host);
}

std::string Requests::transfer(const std::string& host, int64_t now) {
  if (signer_) return signed_get(host, kS3LongKey, now);
  return fmt::format("GET /bytes/{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                     transfer_bytes_, host);
}

std::string_view Requests::node_header() const {
  return signer_ ? "x-amz-id-2" : "x-atoll-node";
}

std::string Requests::signed_get(const std::string& host, std::string_view key, int64_t now) {
  s3::ClientRequest request;
  request.path = fmt::format("/{}/{}", kS3Bucket, key);
  request.host = host;
  request.headers.emplace_back("Connection", "close");
  return signer_->head(request, now);
}

}  // namespace atl::lab
