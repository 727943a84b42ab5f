// Checksums of bodies: Content-MD5 and the x-amz-checksum family, as a header or a trailer, per
// part and for the whole object.
//
// What the client claims is in `BodyClaims`; what was computed while the body came in is in
// `BodyDigest`; `check_claims` compares them. A multipart object's checksum is either composite
// (the hash of the parts' checksums, shown with "-N") or of the full object (CRCs only: combined
// from the parts' by their lengths, no byte is read again).
//
// Source: Amazon S3 User Guide, "Checking object integrity for data uploads".
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "frontend/s3/errors.h"
#include "frontend/s3/http.h"
#include "frontend/s3/xml.h"
#include "namespace/types.h"

namespace atl::s3 {

using ns::ChecksumAlgorithm;

std::string_view checksum_name(ChecksumAlgorithm algorithm);     // "CRC32"
std::string_view checksum_header(ChecksumAlgorithm algorithm);   // "x-amz-checksum-crc32"
std::string_view checksum_element(ChecksumAlgorithm algorithm);  // "ChecksumCRC32"
size_t checksum_bytes(ChecksumAlgorithm algorithm);              // 4
// By name, in any case; nullopt for what S3 does not know.
std::optional<ChecksumAlgorithm> parse_checksum_algorithm(std::string_view name);
// All but kNone.
std::span<const ChecksumAlgorithm> all_checksum_algorithms();
bool is_crc(ChecksumAlgorithm algorithm);

std::string_view checksum_type(const ns::Checksum& checksum);  // "COMPOSITE" or "FULL_OBJECT"
// Base64, with "-<parts>" when composite.
std::string format_checksum(const ns::Checksum& checksum, size_t parts);
void add_checksum_headers(Response* response, const ns::Checksum& checksum, size_t parts);
void write_checksum(XmlWriter* xml, const ns::Checksum& checksum,
                    size_t parts);  // without the type

// MD5, and one more algorithm beside it. Belongs to one thread at a time.
class BodyDigest {
 public:
  explicit BodyDigest(ChecksumAlgorithm algorithm, bool with_md5 = true);
  void update(ByteSpan bytes);
  void finish();                                     // once, before the two below
  const Digest& md5() const { return md5_result_; }  // empty without MD5
  // Algorithm kNone when none was asked for.
  const ns::Checksum& checksum() const { return checksum_; }

 private:
  std::optional<Hasher> md5_;
  std::optional<Hasher> other_;
  Digest md5_result_;
  ns::Checksum checksum_;
};

// What a request says about its body.
struct BodyClaims {
  std::optional<std::string> md5;  // 16 bytes of Content-MD5
  ChecksumAlgorithm algorithm = ChecksumAlgorithm::kNone;
  std::optional<std::string> checksum;  // raw bytes, when in a header
  bool in_trailer = false;              // the value comes after the body
};

// InvalidDigest, InvalidRequest (several checksums, unknown algorithm, malformed value).
std::expected<BodyClaims, S3Error> parse_body_claims(const Request& request);
// Of a body that the operation does not read: without what SDKs announce of bodies they do send.
std::expected<BodyClaims, S3Error> parse_unread_body_claims(const Request& request);
// Of Content-MD5 alone.
std::expected<BodyClaims, S3Error> parse_md5_claim(const Request& request);
// BadDigest, InvalidRequest. `trailers` are complete.
std::expected<void, S3Error> check_claims(const BodyClaims& claims, const BodyDigest& digest,
                                          const Headers& trailers);
// Raw bytes of a base64 checksum of that algorithm.
std::optional<std::string> decode_checksum(ChecksumAlgorithm algorithm, std::string_view base64);

// For multipart objects. Every part has a checksum of `algorithm`.
ns::Checksum composite_checksum(ChecksumAlgorithm algorithm,
                                const std::vector<ns::ObjectPart>& parts);
ns::Checksum full_object_checksum(ChecksumAlgorithm algorithm,
                                  const std::vector<ns::ObjectPart>& parts);
// MD5 of the parts' MD5s, with "-N".
std::string multipart_etag(const std::vector<std::string>& part_etags);

}  // namespace atl::s3
