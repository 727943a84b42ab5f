// UploadPartCopy: bytes of another object become a part. They are read and written anew, because a
// part's ETag is the MD5 of just those bytes.
#include "frontend/s3/conditionals.h"
#include "frontend/s3/copy_source.h"
#include "frontend/s3/http_date.h"
#include "frontend/s3/multipart.h"

namespace atl::s3 {

Task<OpResult> upload_part_copy(Op& op) {
  S3_CO_TRY(const uint32_t number, parse_part_number(op.query()));
  S3_CO_TRY(CopySource source, parse_copy_source(op.headers().get("x-amz-copy-source")));
  S3_CO_TRY(const ns::UploadInfo upload, co_await find_upload(op));
  S3_CO_TRY(ns::ObjectInfo object, co_await find_copy_source(op, std::move(source), true));
  ByteRange range{0, object.size};
  if (const auto header = op.headers().find("x-amz-copy-source-range")) {
    S3_CO_TRY(range, parse_copy_range(*header, object.size));
  }
  if (range.length > kSinglePutBytesMax)
    co_return refuse(err::kInvalidRequest,
                     fmt::format("The specified copy source is larger than the maximum allowable "
                                 "size for a copy source: {}",
                                 kSinglePutBytesMax));

  S3_CO_TRY(StoredBody stored,
            co_await copy_bytes(op, std::move(object), range, upload.checksum_algorithm));
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
  XmlWriter xml;
  xml.open_root("CopyPartResult")
      .text("LastModified", iso8601_date(put->mtime))
      .text("ETag", quote_etag(stored.etag));
  write_checksum(&xml, stored.checksum, 0);
  co_return xml_response(xml.close("CopyPartResult").take());
}

}  // namespace atl::s3
