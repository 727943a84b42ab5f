#include "frontend/s3/request_signer.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/check.h"
#include "frontend/s3/http_parser.h"
#include "frontend/s3/url.h"

namespace atl::s3 {
namespace {

std::string target_of(const ClientRequest& request) {
  std::string target;
  append_percent_encoded(request.path, true, &target);
  char separator = '?';
  for (const auto& [key, value] : request.query) {
    target.push_back(separator);
    separator = '&';
    append_percent_encoded(key, false, &target);
    target.push_back('=');
    append_percent_encoded(value, false, &target);
  }
  return target;
}

void parse(const std::string& head, Request* request) {
  const auto error = parse_head(head, request);
  ATOLL_CHECK(!error, "a request that cannot be sent");
}

}  // namespace

std::string RequestSigner::scope(std::string_view amz_date) const {
  return fmt::format("{}/{}/s3/aws4_request", amz_date.substr(0, 8), region_);
}

std::string RequestSigner::sign(const Request& request, std::string_view signed_headers,
                                std::string_view amz_date, std::string_view content_sha256) {
  SignatureFields fields;
  auto names = parse_signed_headers(signed_headers);
  ATOLL_CHECK(names.has_value());
  fields.signed_headers = std::move(*names);
  fields.signed_headers_text = signed_headers;
  const std::string credential_scope = scope(amz_date);
  const SigningKey key = derive_signing_key(secret_, amz_date.substr(0, 8), region_);
  const std::string canonical = canonical_request(request, fields, content_sha256);
  std::string signature = hmac_hex(key, string_to_sign(amz_date, credential_scope, canonical));
  chain_ = ChunkSignatures(key, amz_date, credential_scope, signature);
  return signature;
}

std::string RequestSigner::head(const ClientRequest& client, UnixSeconds now,
                                std::string_view content_sha256) {
  const std::string amz_date = format_amz_date(now);
  std::vector<std::pair<std::string, std::string>> headers = client.headers;
  headers.emplace_back("Host", client.host);
  headers.emplace_back("x-amz-content-sha256", content_sha256);
  headers.emplace_back("x-amz-date", amz_date);

  std::string head = fmt::format("{} {} HTTP/1.1\r\n", client.method, target_of(client));
  std::vector<std::string> names;
  for (const auto& [name, value] : headers) {
    head.append(name).append(": ").append(value).append("\r\n");
    names.push_back(to_lower_ascii(name));
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string signed_headers;
  for (const std::string& name : names)
    signed_headers.append(signed_headers.empty() ? "" : ";").append(name);

  const std::string unsigned_head = head + "\r\n";
  Request request;
  parse(unsigned_head, &request);
  const std::string signature = sign(request, signed_headers, amz_date, content_sha256);
  head += fmt::format("Authorization: {} Credential={}/{}, SignedHeaders={}, Signature={}\r\n\r\n",
                      kSigV4Algorithm, access_key_, scope(amz_date), signed_headers, signature);
  return head;
}

std::string RequestSigner::presigned_target(const ClientRequest& client, UnixSeconds now,
                                            int64_t expires_s) {
  const std::string amz_date = format_amz_date(now);
  ClientRequest signed_client = client;
  signed_client.query.insert(signed_client.query.end(),
                             {{"X-Amz-Algorithm", std::string(kSigV4Algorithm)},
                              {"X-Amz-Credential", access_key_ + "/" + scope(amz_date)},
                              {"X-Amz-Date", amz_date},
                              {"X-Amz-Expires", std::to_string(expires_s)},
                              {"X-Amz-SignedHeaders", "host"}});
  const std::string target = target_of(signed_client);
  const std::string head =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n\r\n", client.method, target, client.host);
  Request request;
  parse(head, &request);
  return target + "&X-Amz-Signature=" + sign(request, "host", amz_date, "UNSIGNED-PAYLOAD");
}

std::string RequestSigner::aws_chunked_body(
    PayloadKind kind, std::string_view payload, size_t chunk_bytes,
    const std::vector<std::pair<std::string, std::string>>& trailers) {
  ATOLL_CHECK(is_aws_chunked(kind));
  ATOLL_CHECK(chunk_bytes != 0);
  const bool is_signed = kind != PayloadKind::kStreamingUnsignedTrailer;
  std::string body;
  bool last = false;
  while (!last) {
    const std::string_view chunk = payload.substr(0, chunk_bytes);
    payload.remove_prefix(chunk.size());
    last = chunk.empty();
    body += fmt::format("{:x}", chunk.size());
    if (is_signed) body.append(";chunk-signature=").append(chain_.next_chunk(sha256(chunk)));
    body.append("\r\n").append(chunk).append(last ? "" : "\r\n");
  }
  std::map<std::string, std::string> sorted(trailers.begin(), trailers.end());
  std::string canonical;
  for (const auto& [name, value] : sorted) {
    canonical += name + ":" + value + "\n";
    body += name + ":" + value + "\r\n";
  }
  if (kind == PayloadKind::kStreamingSignedTrailer)
    body += "x-amz-trailer-signature:" + chain_.trailer(canonical) + "\r\n";
  return body + "\r\n";
}

}  // namespace atl::s3
