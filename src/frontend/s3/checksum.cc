#include "frontend/s3/checksum.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace atl::s3 {
namespace {

struct AlgorithmInfo {
  ChecksumAlgorithm algorithm;
  HashAlgorithm hash;
  std::string_view name;
  std::string_view header;
  std::string_view element;
};
constexpr std::array<AlgorithmInfo, 5> kAlgorithms = {{
    {ChecksumAlgorithm::kCrc32, HashAlgorithm::kCrc32, "CRC32", "x-amz-checksum-crc32",
     "ChecksumCRC32"},
    {ChecksumAlgorithm::kCrc32c, HashAlgorithm::kCrc32c, "CRC32C", "x-amz-checksum-crc32c",
     "ChecksumCRC32C"},
    {ChecksumAlgorithm::kCrc64Nvme, HashAlgorithm::kCrc64Nvme, "CRC64NVME",
     "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME"},
    {ChecksumAlgorithm::kSha1, HashAlgorithm::kSha1, "SHA1", "x-amz-checksum-sha1", "ChecksumSHA1"},
    {ChecksumAlgorithm::kSha256, HashAlgorithm::kSha256, "SHA256", "x-amz-checksum-sha256",
     "ChecksumSHA256"},
}};

constexpr std::array<ChecksumAlgorithm, 5> kAll = {
    ChecksumAlgorithm::kCrc32, ChecksumAlgorithm::kCrc32c, ChecksumAlgorithm::kCrc64Nvme,
    ChecksumAlgorithm::kSha1, ChecksumAlgorithm::kSha256};

constexpr size_t kMd5Bytes = 16;
constexpr std::string_view kHeaderPrefix = "x-amz-checksum-";

const AlgorithmInfo& info_of(ChecksumAlgorithm algorithm) {
  for (const AlgorithmInfo& info : kAlgorithms)
    if (info.algorithm == algorithm) return info;
  ATOLL_CHECK(false, "kNone has no name");
  return kAlgorithms[0];
}

std::string digest_bytes(const Digest& digest) {
  return std::string(as_string_view(digest.span()));
}

// x-amz-checksum-algorithm and its like start alike but are no checksums.
const AlgorithmInfo* info_of_header(std::string_view name) {
  if (name.size() <= kHeaderPrefix.size()) return nullptr;
  for (const AlgorithmInfo& info : kAlgorithms)
    if (equals_ignore_case(name, info.header)) return &info;
  return nullptr;
}

S3Error invalid_value(std::string_view header) {
  return {err::kInvalidRequest, fmt::format("Value for {} header is invalid.", header)};
}

S3Error mismatch(ChecksumAlgorithm algorithm) {
  return {err::kBadDigest,
          fmt::format("The {} you specified did not match the calculated checksum.",
                      checksum_name(algorithm))};
}

}  // namespace

std::string_view checksum_name(ChecksumAlgorithm a) {
  return info_of(a).name;
}
std::string_view checksum_header(ChecksumAlgorithm a) {
  return info_of(a).header;
}
std::string_view checksum_element(ChecksumAlgorithm a) {
  return info_of(a).element;
}
size_t checksum_bytes(ChecksumAlgorithm a) {
  return digest_size(info_of(a).hash);
}
std::span<const ChecksumAlgorithm> all_checksum_algorithms() {
  return kAll;
}

bool is_crc(ChecksumAlgorithm a) {
  return a == ChecksumAlgorithm::kCrc32 || a == ChecksumAlgorithm::kCrc32c ||
         a == ChecksumAlgorithm::kCrc64Nvme;
}

std::optional<ChecksumAlgorithm> parse_checksum_algorithm(std::string_view name) {
  for (const AlgorithmInfo& info : kAlgorithms)
    if (equals_ignore_case(name, info.name)) return info.algorithm;
  return std::nullopt;
}

std::optional<std::string> decode_checksum(ChecksumAlgorithm algorithm, std::string_view base64) {
  auto raw = from_base64(base64);
  if (!raw || raw->size() != checksum_bytes(algorithm)) return std::nullopt;
  return raw;
}

std::string_view checksum_type(const ns::Checksum& checksum) {
  return checksum.composite ? "COMPOSITE" : "FULL_OBJECT";
}

std::string format_checksum(const ns::Checksum& checksum, size_t parts) {
  std::string out = to_base64(as_bytes(checksum.value));
  if (checksum.composite) out.append("-").append(std::to_string(parts));
  return out;
}

void add_checksum_headers(Response* response, const ns::Checksum& checksum, size_t parts) {
  if (checksum.algorithm == ChecksumAlgorithm::kNone) return;
  response->set(std::string(checksum_header(checksum.algorithm)), format_checksum(checksum, parts));
  response->set("x-amz-checksum-type", std::string(checksum_type(checksum)));
}

void write_checksum(XmlWriter* xml, const ns::Checksum& checksum, size_t parts) {
  if (checksum.algorithm == ChecksumAlgorithm::kNone) return;
  xml->text(checksum_element(checksum.algorithm), format_checksum(checksum, parts));
}

BodyDigest::BodyDigest(ChecksumAlgorithm algorithm, bool with_md5) {
  if (with_md5) md5_.emplace(HashAlgorithm::kMd5);
  if (algorithm != ChecksumAlgorithm::kNone) other_.emplace(info_of(algorithm).hash);
  checksum_.algorithm = algorithm;
}

void BodyDigest::update(ByteSpan bytes) {
  if (md5_) md5_->update(bytes);
  if (other_) other_->update(bytes);
}

void BodyDigest::finish() {
  if (md5_) md5_result_ = md5_->finish();
  if (other_) checksum_.value = digest_bytes(other_->finish());
}

namespace {

S3Status claim_md5(const Headers& headers, BodyClaims* out) {
  const auto value = headers.find("content-md5");
  if (!value) return {};
  auto raw = from_base64(*value);
  if (!raw || raw->size() != kMd5Bytes) return refuse(err::kInvalidDigest);
  out->md5 = std::move(*raw);
  return {};
}

S3Status claim_header_checksum(const Headers& headers, BodyClaims* out) {
  for (const Headers::Field& field : headers) {
    const AlgorithmInfo* info = info_of_header(field.name);
    if (info == nullptr) continue;
    if (out->algorithm != ChecksumAlgorithm::kNone)
      return refuse(
          err::kInvalidRequest,
          "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
    out->algorithm = info->algorithm;
    out->checksum = decode_checksum(info->algorithm, field.value);
    if (!out->checksum) return refuse(invalid_value(info->header));
  }
  return {};
}

S3Status claim_trailer_checksum(const Request& request, BodyClaims* out) {
  for (const std::string& name : request.trailer_names) {
    const AlgorithmInfo* info = info_of_header(name);
    if (info == nullptr)
      return refuse(err::kInvalidRequest,
                    "The value specified in the x-amz-trailer header is not supported");
    if (out->algorithm != ChecksumAlgorithm::kNone)
      return refuse(
          err::kInvalidRequest,
          "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
    out->algorithm = info->algorithm;
    out->in_trailer = true;
  }
  return {};
}

// x-amz-sdk-checksum-algorithm announces a checksum: it must be there, and be that one.
S3Status check_announced(const Headers& headers, const BodyClaims& claims) {
  const auto announced = headers.find("x-amz-sdk-checksum-algorithm");
  if (!announced) return {};
  if (claims.algorithm == ChecksumAlgorithm::kNone)
    return refuse(
        err::kInvalidRequest,
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
        "x-amz-trailer headers were found.");
  if (parse_checksum_algorithm(*announced) != claims.algorithm)
    return refuse(err::kInvalidRequest,
                  "Value for x-amz-sdk-checksum-algorithm header is invalid.");
  return {};
}

}  // namespace

std::expected<BodyClaims, S3Error> parse_unread_body_claims(const Request& request) {
  BodyClaims out;
  if (auto ok = claim_md5(request.headers, &out); !ok) return refuse(std::move(ok).error());
  if (auto ok = claim_header_checksum(request.headers, &out); !ok)
    return refuse(std::move(ok).error());
  if (auto ok = claim_trailer_checksum(request, &out); !ok) return refuse(std::move(ok).error());
  return out;
}

std::expected<BodyClaims, S3Error> parse_body_claims(const Request& request) {
  auto out = parse_unread_body_claims(request);
  if (!out) return out;
  if (auto ok = check_announced(request.headers, *out); !ok) return refuse(std::move(ok).error());
  return out;
}

std::expected<BodyClaims, S3Error> parse_md5_claim(const Request& request) {
  BodyClaims out;
  if (auto ok = claim_md5(request.headers, &out); !ok) return refuse(std::move(ok).error());
  return out;
}

std::expected<void, S3Error> check_claims(const BodyClaims& claims, const BodyDigest& digest,
                                          const Headers& trailers) {
  if (claims.md5 && *claims.md5 != as_string_view(digest.md5().span()))
    return std::unexpected(S3Error(err::kBadDigest));
  if (claims.algorithm == ChecksumAlgorithm::kNone) return {};
  ATOLL_CHECK(digest.checksum().algorithm == claims.algorithm);
  std::optional<std::string> claimed = claims.checksum;
  if (claims.in_trailer) {
    const std::string_view header = checksum_header(claims.algorithm);
    const auto value = trailers.find(header);
    if (!value) return refuse(err::kMalformedTrailer);
    claimed = decode_checksum(claims.algorithm, *value);
    if (!claimed) return std::unexpected(invalid_value(header));
  }
  if (claimed != digest.checksum().value) return std::unexpected(mismatch(claims.algorithm));
  return {};
}

ns::Checksum composite_checksum(ChecksumAlgorithm algorithm,
                                const std::vector<ns::ObjectPart>& parts) {
  Hasher hasher(info_of(algorithm).hash);
  for (const ns::ObjectPart& part : parts) {
    ATOLL_CHECK(part.checksum.algorithm == algorithm && !part.checksum.composite);
    hasher.update(part.checksum.value);
  }
  return {algorithm, true, digest_bytes(hasher.finish())};
}

ns::Checksum full_object_checksum(ChecksumAlgorithm algorithm,
                                  const std::vector<ns::ObjectPart>& parts) {
  ATOLL_CHECK(is_crc(algorithm), "only CRCs can be joined");
  const HashAlgorithm hash = info_of(algorithm).hash;
  uint64_t joined = 0;  // of no bytes
  for (const ns::ObjectPart& part : parts) {
    ATOLL_CHECK(part.checksum.algorithm == algorithm &&
                part.checksum.value.size() == checksum_bytes(algorithm));
    Digest digest;
    digest.size = part.checksum.value.size();
    std::ranges::copy(as_bytes(part.checksum.value), digest.bytes.begin());
    joined = crc_combine(hash, joined, crc_value(digest), part.size);
  }
  return {algorithm, false, digest_bytes(crc_digest(hash, joined))};
}

std::string multipart_etag(const std::vector<std::string>& part_etags) {
  Hasher hasher(HashAlgorithm::kMd5);
  for (const std::string& etag : part_etags) {
    std::array<uint8_t, kMd5Bytes> raw;
    if (!from_hex(etag, raw)) return {};
    hasher.update(ByteSpan(raw));
  }
  return fmt::format("{}-{}", hasher.finish().hex(), part_etags.size());
}

}  // namespace atl::s3
