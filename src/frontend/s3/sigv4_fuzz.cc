// Any head against the authenticator: without the secret nothing gets in. And a signed request with
// the input's bytes in path, query and headers always does.
#include <string>

#include "base/check.h"
#include "frontend/s3/authenticator.h"
#include "frontend/s3/http_parser.h"
#include "frontend/s3/request_signer.h"
#include "frontend/s3/text.h"

namespace {

constexpr atl::s3::UnixSeconds kNow = 1767225600;

struct Users final : atl::s3::CredentialStore {
  std::optional<std::string> secret_for(std::string_view access_key) override {
    if (access_key != "alice") return std::nullopt;
    return "a secret that no input holds";
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace atl::s3;
  static Users users;
  static Authenticator authenticator(users, {"us-east-1"});
  const std::string text(reinterpret_cast<const char*>(data), size);

  (void)parse_credential(text);
  (void)parse_signed_headers(text);
  (void)parse_amz_date(text);
  (void)parse_payload_kind(text);
  (void)parse_authorization(std::string(kSigV4Algorithm) + " " + text);

  HeadScanner scanner;
  if (scanner.scan(text) == HeadScanner::Outcome::kComplete) {
    const std::string head = text.substr(0, scanner.head_size());
    Request request;
    if (!parse_head(head, &request)) ATOLL_CHECK(!authenticator.authenticate(request, kNow));
  }

  const std::string part = text.substr(0, 300);
  if (part.find('\0') != std::string::npos) return 0;
  ClientRequest client;
  client.path = "/b/" + part;
  client.query = {{"prefix", part}, {"a", part}};
  if (is_header_safe(part)) client.headers = {{"x-amz-meta-a", part}};
  RequestSigner signer("alice", "a secret that no input holds");
  const std::string head = signer.head(client, kNow);
  Request request;
  ATOLL_CHECK(!parse_head(head, &request));
  ATOLL_CHECK(authenticator.authenticate(request, kNow).has_value());
  ATOLL_CHECK(request.path == client.path);
  return 0;
}
