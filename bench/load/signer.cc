#include "load/signer.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <ctime>

namespace atl::load {
namespace {

std::string sha256(std::string_view data) {
  unsigned char out[32];
  unsigned int length = sizeof out;
  EVP_Digest(data.data(), data.size(), out, &length, EVP_sha256(), nullptr);
  return {reinterpret_cast<char*>(out), length};
}

std::string hmac(std::string_view key, std::string_view data) {
  unsigned char out[32];
  unsigned int length = sizeof out;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(data.data()), data.size(), out, &length);
  return {reinterpret_cast<char*>(out), length};
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const unsigned char byte : bytes) {
    out.push_back("0123456789abcdef"[byte >> 4]);
    out.push_back("0123456789abcdef"[byte & 15]);
  }
  return out;
}

}  // namespace

Signer::Signer(const Options& options)
    : host_(options.host + ":" + std::to_string(options.port)), access_key_(options.access_key) {
  char text[32];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
  amz_date_ = text;
  const std::string date = amz_date_.substr(0, 8);
  scope_ = date + "/" + options.region + "/s3/aws4_request";
  key_ = hmac(hmac(hmac(hmac("AWS4" + options.secret_key, date), options.region), "s3"),
              "aws4_request");
}

std::string Signer::authorization(std::string_view method, std::string_view path,
                                  std::string_view query) const {
  std::string canonical;
  canonical.append(method).append("\n").append(path).append("\n").append(query);
  canonical.append("\nhost:").append(host_);
  canonical.append("\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:").append(amz_date_);
  canonical.append("\n\nhost;x-amz-content-sha256;x-amz-date\nUNSIGNED-PAYLOAD");
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + amz_date_ + "\n" + scope_ + "\n" + hex(sha256(canonical));
  return "AWS4-HMAC-SHA256 Credential=" + access_key_ + "/" + scope_ +
         ",SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=" +
         hex(hmac(key_, to_sign));
}

std::string Signer::head(std::string_view method, std::string_view path, std::string_view query,
                         int64_t body_bytes) const {
  std::string out;
  out.append(method).append(" ").append(path);
  if (!query.empty()) out.append("?").append(query);
  out.append(" HTTP/1.1\r\nHost: ").append(host_).append("\r\n");
  if (body_bytes >= 0)
    out.append("Content-Length: ").append(std::to_string(body_bytes)).append("\r\n");
  if (!access_key_.empty()) {
    out.append("x-amz-date: ").append(amz_date_);
    out.append("\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\nAuthorization: ");
    out.append(authorization(method, path, query)).append("\r\n");
  }
  return out.append("\r\n");
}

}  // namespace atl::load
