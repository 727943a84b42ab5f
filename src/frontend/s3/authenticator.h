// Who sent this request, and is it as they signed it? Header signatures and presigned URLs.
//
// Accepts: AWS4-HMAC-SHA256 in the Authorization header or in the query. Refuses, each with S3's
// own code: anonymous requests, Signature V2 and V4A, temporary credentials, browser forms, unknown
// keys, wrong regions, clocks more than 15 minutes apart, expired URLs, unsigned x-amz- headers,
// wrong signatures. Signatures are compared in constant time.
//
// Owned by the Server; on the reactor only. Nothing is stored but derived keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/s3/amz_date.h"
#include "frontend/s3/http.h"
#include "frontend/s3/signing_key_cache.h"
#include "frontend/s3/sigv4.h"

namespace atl::s3 {

inline constexpr UnixSeconds kClockSkewSecondsMax = 15 * 60;      // S3's
inline constexpr UnixSeconds kPresignSecondsMax = 7 * 24 * 3600;  // S3's: a week

struct Identity {
  std::string access_key;
  PayloadKind payload = PayloadKind::kUnsigned;
  std::string_view content_sha256;  // what x-amz-content-sha256 says, or "UNSIGNED-PAYLOAD"
  bool presigned = false;           // signed in the query
  std::optional<ChunkSignatures> chunk_signatures;  // for the signed streaming kinds
};

class Authenticator {
 public:
  // `regions` are those accepted in a signature's scope; the first is told to who uses another.
  Authenticator(CredentialStore& credentials, std::vector<std::string> regions);

  std::expected<Identity, S3Error> authenticate(const Request& request, UnixSeconds now);

 private:
  struct Claim;  // a parsed, unverified signature

  std::expected<Claim, S3Error> claim_from_header(const Request& request, UnixSeconds now) const;
  std::expected<Claim, S3Error> claim_from_query(const Request& request, UnixSeconds now) const;
  std::optional<S3Error> check_scope(const Claim& claim) const;
  std::expected<Identity, S3Error> verify(const Request& request, const Claim& claim);

  CredentialStore& credentials_;
  std::vector<std::string> regions_;
  SigningKeyCache keys_;
};

}  // namespace atl::s3
