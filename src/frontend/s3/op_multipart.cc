// CreateMultipartUpload, UploadPart, AbortMultipartUpload, and what all multipart operations share.
#include "base/check.h"
#include "frontend/s3/body_store.h"
#include "frontend/s3/conditionals.h"
#include "frontend/s3/metadata.h"
#include "frontend/s3/multipart.h"

namespace atl::s3 {

S3Result<UploadChecksum> parse_upload_checksum(const Headers& headers) {
  UploadChecksum out;
  const auto type = headers.find("x-amz-checksum-type");
  if (const auto name = headers.find("x-amz-checksum-algorithm")) {
    const auto algorithm = parse_checksum_algorithm(*name);
    if (!algorithm)
      return refuse(err::kInvalidRequest,
                    "Checksum algorithm provided is unsupported. Please try again with any of the "
                    "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
    out.algorithm = *algorithm;
  } else if (type) {
    return refuse(err::kInvalidRequest,
                  "The x-amz-checksum-type header can only be used with the "
                  "x-amz-checksum-algorithm header.");
  } else {
    return out;
  }
  // CRC64NVME exists for full objects only; SHA1 and SHA256 cannot be joined from parts.
  out.composite = out.algorithm != ChecksumAlgorithm::kCrc64Nvme;
  if (!type) return out;
  const bool composite = *type == "COMPOSITE";
  if (!composite && *type != "FULL_OBJECT")
    return refuse(err::kInvalidRequest, "Value for x-amz-checksum-type header is invalid.");
  const bool possible =
      composite ? out.algorithm != ChecksumAlgorithm::kCrc64Nvme : is_crc(out.algorithm);
  if (!possible)
    return refuse(err::kInvalidRequest,
                  fmt::format("The {} checksum type cannot be used with the {} checksum algorithm.",
                              *type, checksum_name(out.algorithm)));
  out.composite = composite;
  return out;
}

S3Result<uint32_t> parse_part_number(const Query& query) {
  const auto number = parse_decimal(query.get("partNumber"), ns::kMaxParts);
  if (number && *number != 0) return static_cast<uint32_t>(*number);
  S3Error error(err::kInvalidArgument,
                fmt::format("Part number must be an integer between 1 and {}, "
                            "inclusive",
                            ns::kMaxParts));
  error.details = {{"ArgumentName", "partNumber"},
                   {"ArgumentValue", std::string(query.get("partNumber"))}};
  return refuse(std::move(error));
}

Task<S3Result<ns::UploadInfo>> find_upload(Op& op) {
  if (op.headers().has("x-amz-expected-bucket-owner")) S3_CO_CHECK(co_await find_bucket(op));
  std::string upload_id(op.query().get("uploadId"));
  Result<ns::UploadInfo> upload =
      co_await op.partition().get_upload(op.bucket(), op.key(), std::move(upload_id));
  if (!upload)
    co_return refuse(
        co_await partition_error(op, upload.error(), err::kNoSuchUpload, "get upload"));
  co_return std::move(*upload);
}

Task<S3Result<std::vector<ns::PartInfo>>> all_parts(Op& op, std::string upload_id) {
  std::vector<ns::PartInfo> out;
  while (true) {
    const uint32_t after = out.empty() ? 0 : out.back().number;
    std::string id = upload_id;
    Result<std::vector<ns::PartInfo>> page = co_await op.partition().list_parts(
        op.bucket(), op.key(), std::move(id), after, kPartsPageMax);
    if (!page)
      co_return refuse(
          co_await partition_error(op, page.error(), err::kNoSuchUpload, "list parts"));
    const bool last = page->size() < kPartsPageMax;
    std::move(page->begin(), page->end(), std::back_inserter(out));
    if (last) co_return out;
    ATOLL_CHECK(out.size() <= ns::kMaxParts, "more parts than part numbers");
  }
}

Task<OpResult> create_multipart_upload(Op& op) {
  S3_CO_TRY(ns::ObjectMeta meta, parse_object_meta(op.headers()));
  S3_CO_TRY(const UploadChecksum checksum, parse_upload_checksum(op.headers()));
  S3_CO_CHECK(co_await find_bucket(op));
  ns::UploadInfo upload;
  upload.bucket = op.bucket();
  upload.key = op.key();
  upload.initiator = op.request.access_key;
  upload.meta = std::move(meta);
  upload.checksum_algorithm = checksum.algorithm;
  upload.checksum_composite = checksum.composite;
  const Result<ns::UploadInfo> created =
      co_await op.partition().create_upload(op.bucket(), op.key(), std::move(upload));
  if (!created)
    co_return refuse(
        co_await partition_error(op, created.error(), err::kNoSuchBucket, "create upload"));
  XmlWriter xml;
  xml.open_root("InitiateMultipartUploadResult")
      .text("Bucket", op.bucket())
      .text("Key", op.key())
      .text("UploadId", created->upload_id);
  Response response = xml_response(xml.close("InitiateMultipartUploadResult").take());
  if (checksum.algorithm != ChecksumAlgorithm::kNone) {
    response.set("x-amz-checksum-algorithm", std::string(checksum_name(checksum.algorithm)));
    response.set("x-amz-checksum-type", checksum.composite ? "COMPOSITE" : "FULL_OBJECT");
  }
  co_return response;
}

Task<OpResult> upload_part(Op& op) {
  S3_CO_TRY(const uint32_t number, parse_part_number(op.query()));
  S3_CO_TRY(BodyClaims claims, parse_body_claims(op.request));
  S3_CO_CHECK(check_body_length(op.request));
  S3_CO_TRY(const ns::UploadInfo upload, co_await find_upload(op));
  // Parts of one upload speak one algorithm; what a part does not give is computed here.
  if (upload.checksum_algorithm != ChecksumAlgorithm::kNone &&
      claims.algorithm != ChecksumAlgorithm::kNone && claims.algorithm != upload.checksum_algorithm)
    co_return refuse(err::kInvalidRequest,
                     fmt::format("Checksum Type mismatch occurred, expected checksum Type: {}, "
                                 "actual checksum Type: {}",
                                 to_lower_ascii(checksum_name(upload.checksum_algorithm)),
                                 to_lower_ascii(checksum_name(claims.algorithm))));

  S3_CO_TRY(StoredBody stored,
            co_await store_body(op, std::move(claims), upload.checksum_algorithm));
  ns::PartInfo part;
  part.number = number;
  part.size = stored.data.size;
  part.etag = stored.etag;
  part.checksum = stored.checksum;
  std::string upload_id = upload.upload_id;
  const Result<ns::PartInfo> put = co_await op.partition().put_part(
      op.bucket(), op.key(), std::move(upload_id), std::move(part), std::move(stored.data));
  if (!put)
    co_return refuse(co_await partition_error(op, put.error(), err::kNoSuchUpload, "put part"));
  Response response;
  response.set("ETag", quote_etag(stored.etag));
  add_checksum_headers(&response, stored.checksum, 0);
  co_return response;
}

Task<OpResult> abort_multipart_upload(Op& op) {
  if (op.headers().has("x-amz-expected-bucket-owner")) S3_CO_CHECK(co_await find_bucket(op));
  std::string upload_id(op.query().get("uploadId"));
  const Status aborted =
      co_await op.partition().abort_upload(op.bucket(), op.key(), std::move(upload_id));
  if (!aborted)
    co_return refuse(
        co_await partition_error(op, aborted.error(), err::kNoSuchUpload, "abort upload"));
  co_return Response(204);
}

}  // namespace atl::s3
