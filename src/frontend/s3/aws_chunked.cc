#include "frontend/s3/aws_chunked.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/probe.h"

namespace atl::s3 {
namespace {

constexpr std::string_view kChunkSignature = "chunk-signature=";
constexpr std::string_view kTrailerSignature = "x-amz-trailer-signature";

}  // namespace

AwsChunkedDecoder::AwsChunkedDecoder(AwsChunkedParams params)
    : params_(std::move(params)),
      is_signed_(params_.kind != PayloadKind::kStreamingUnsignedTrailer),
      has_trailer_signature_(params_.kind == PayloadKind::kStreamingSignedTrailer) {
  ATOLL_CHECK(is_aws_chunked(params_.kind));
  if (is_signed_) hash_.emplace(HashAlgorithm::kSha256);
}

void AwsChunkedDecoder::data(ByteSpan bytes) {
  if (hash_) hash_->update(bytes);
  framing_.take_data(bytes.size());
}

ChunkSink::Verdict AwsChunkedDecoder::on_chunk(uint64_t size, std::string_view extension) {
  if (is_signed_) {
    if (!extension.starts_with(kChunkSignature) ||
        !is_signature(extension.substr(kChunkSignature.size())))
      return S3Error(err::kInvalidRequest, "A chunk of the aws-chunked body has no signature.");
    claimed_signature_ = extension.substr(kChunkSignature.size());
    if (size != 0 && short_chunk_seen_)
      return S3Error(err::kInvalidChunkSize,
                     "Only the last chunk is allowed to have a size less than 8192 bytes.");
    short_chunk_seen_ |= size < kSignedChunkBytesMin;
  } else if (!extension.empty()) {
    return S3Error(err::kInvalidRequest, "A chunk of an unsigned aws-chunked body has extensions.");
  }
  if (size > params_.decoded_length - decoded_) {
    return S3Error(err::kIncompleteBody,
                   "The chunks hold more bytes than x-amz-decoded-content-length says.");
  }
  decoded_ += size;
  if (size == 0 && decoded_ != params_.decoded_length) {
    return S3Error(err::kIncompleteBody,
                   fmt::format("The chunks hold {} bytes; x-amz-decoded-content-length says {}.",
                               decoded_, params_.decoded_length));
  }
  return std::nullopt;
}

ChunkSink::Verdict AwsChunkedDecoder::on_chunk_end() {
  if (!is_signed_) return std::nullopt;
  const Digest digest = hash_->finish();
  const std::string& expected = params_.signatures.next_chunk(digest.span());
  if (equal_in_constant_time(expected, claimed_signature_)) return std::nullopt;
  ATOLL_PROBE("s3_chunk_signature_refused");
  return S3Error(err::kSignatureDoesNotMatch);
}

ChunkSink::Verdict AwsChunkedDecoder::on_trailer(std::string_view name, std::string_view value) {
  const std::string lower = to_lower_ascii(name);
  if (!trailer_signature_.empty())
    return S3Error(err::kMalformedTrailer, "The trailer goes on after its signature.");
  if (has_trailer_signature_ && lower == kTrailerSignature) {
    if (!is_signature(value))
      return S3Error(err::kMalformedTrailer, "The trailer's signature is not one.");
    trailer_signature_ = value;
    return std::nullopt;
  }
  if (empty_line_seen_)
    return S3Error(err::kMalformedTrailer, "The trailer goes on after an empty line.");
  if (params_.kind == PayloadKind::kStreamingSigned ||
      std::ranges::find(params_.trailer_names, lower) == params_.trailer_names.end())
    return S3Error(err::kMalformedTrailer,
                   fmt::format("The trailer {} was not declared in x-amz-trailer.", lower));
  if (trailers_.has(lower))
    return S3Error(err::kMalformedTrailer, fmt::format("The trailer {} comes twice.", lower));
  trailers_.add(lower, std::string(value));
  return std::nullopt;
}

bool AwsChunkedDecoder::on_empty_line() {
  // minio-go: an empty line stands between the trailing fields and their signature.
  if (!has_trailer_signature_ || !trailer_signature_.empty() || empty_line_seen_) return true;
  empty_line_seen_ = true;
  return false;
}

ChunkSink::Verdict AwsChunkedDecoder::on_end() {
  ATOLL_CHECK(decoded_ == params_.decoded_length);
  if (params_.kind == PayloadKind::kStreamingSigned) return std::nullopt;
  for (const std::string& name : params_.trailer_names)
    if (!trailers_.has(name))
      return S3Error(err::kMalformedTrailer,
                     fmt::format("The declared trailer {} is missing.", name));
  return has_trailer_signature_ ? check_trailer_signature() : std::nullopt;
}

ChunkSink::Verdict AwsChunkedDecoder::check_trailer_signature() {
  std::vector<Headers::Field> fields = trailers_.fields();
  std::ranges::sort(fields, {}, &Headers::Field::name);
  std::string canonical;
  for (const Headers::Field& field : fields)
    canonical.append(field.name).append(":").append(field.value).append("\n");
  const std::string& expected = params_.signatures.trailer(canonical);
  if (equal_in_constant_time(expected, trailer_signature_)) return std::nullopt;
  ATOLL_PROBE("s3_trailer_signature_refused");
  return S3Error(err::kSignatureDoesNotMatch);
}

}  // namespace atl::s3
