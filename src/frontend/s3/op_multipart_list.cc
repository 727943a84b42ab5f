// ListParts and ListMultipartUploads.
#include "frontend/s3/conditionals.h"
#include "frontend/s3/http_date.h"
#include "frontend/s3/metadata.h"
#include "frontend/s3/multipart.h"
#include "frontend/s3/text.h"

namespace atl::s3 {
namespace {

// Sorts after every key that starts with a given prefix, and after every upload id: no UTF-8 has
// this byte.
constexpr char kAfterAll = '\xff';

void write_upload_checksum(XmlWriter* xml, const ns::UploadInfo& upload) {
  if (upload.checksum_algorithm == ChecksumAlgorithm::kNone) return;
  xml->text("ChecksumAlgorithm", checksum_name(upload.checksum_algorithm));
  xml->text("ChecksumType", upload.checksum_composite ? "COMPOSITE" : "FULL_OBJECT");
}

struct UploadsQuery {
  std::string prefix;
  std::string delimiter;
  std::string key_marker;
  std::string upload_id_marker;
  uint32_t max_uploads = kUploadsPageMax;
  bool url_encoded = false;
};

S3Result<UploadsQuery> parse_uploads_query(const Query& query) {
  UploadsQuery out;
  out.prefix = query.get("prefix");
  out.delimiter = query.get("delimiter");
  out.key_marker = query.get("key-marker");
  // Without a key-marker it means nothing (S3 API Reference).
  if (!out.key_marker.empty()) out.upload_id_marker = query.get("upload-id-marker");
  auto max_uploads = parse_count(query, "max-uploads", kUploadsPageMax, kUploadsPageMax);
  if (!max_uploads) return refuse(std::move(max_uploads).error());
  out.max_uploads = *max_uploads;
  auto url_encoded = parse_encoding_type(query);
  if (!url_encoded) return refuse(std::move(url_encoded).error());
  out.url_encoded = *url_encoded;
  for (const std::string_view name : {"prefix", "delimiter", "key-marker", "upload-id-marker"})
    if (auto ok = check_utf8(name, query.get(name)); !ok) return refuse(std::move(ok).error());
  return out;
}

// The key's part up to the first delimiter after the prefix; "" when it has none.
std::string_view common_prefix_of(std::string_view key, const UploadsQuery& query) {
  if (query.delimiter.empty()) return {};
  const size_t at = key.find(query.delimiter, query.prefix.size());
  return at == std::string_view::npos ? std::string_view()
                                      : key.substr(0, at + query.delimiter.size());
}

struct UploadsPage {
  std::vector<ns::UploadInfo> uploads;
  std::vector<std::string> common_prefixes;
  std::string next_key_marker;  // of the last entry
  std::string next_upload_id_marker;
  bool truncated = false;
  size_t entries() const { return uploads.size() + common_prefixes.size(); }
};

// Takes uploads in order until the page is full; common prefixes count as one entry each.
// False when the page is full and more follows.
bool take_upload(const UploadsQuery& query, ns::UploadInfo upload, UploadsPage* page) {
  const std::string_view rolled_up = common_prefix_of(upload.key, query);
  if (!rolled_up.empty()) {
    const bool seen = rolled_up == query.key_marker ||
                      (!page->common_prefixes.empty() && page->common_prefixes.back() == rolled_up);
    if (seen) return true;
  }
  if (page->entries() == query.max_uploads) {
    page->truncated = true;
    return false;
  }
  if (!rolled_up.empty()) {
    page->common_prefixes.emplace_back(rolled_up);
    page->next_key_marker = rolled_up;
    page->next_upload_id_marker.clear();
  } else {
    page->next_key_marker = upload.key;
    page->next_upload_id_marker = upload.upload_id;
    page->uploads.push_back(std::move(upload));
  }
  return true;
}

Task<S3Result<UploadsPage>> collect_uploads(Op& op, const UploadsQuery& query) {
  UploadsPage page;
  if (query.max_uploads == 0) co_return page;
  std::string key_after = query.key_marker;
  std::string id_after = query.upload_id_marker;
  if (!key_after.empty() && common_prefix_of(key_after, query) == key_after)
    key_after.push_back(kAfterAll);  // the marker was a common prefix: all of it has been listed
  else if (!key_after.empty() && id_after.empty())
    id_after.push_back(kAfterAll);  // only keys after the marker
  while (true) {
    std::string prefix = query.prefix;
    std::string key = key_after;
    std::string id = id_after;
    Result<std::vector<ns::UploadInfo>> batch = co_await op.partition().list_uploads(
        op.bucket(), std::move(prefix), std::move(key), std::move(id), kUploadsPageMax);
    if (!batch)
      co_return refuse(
          co_await partition_error(op, batch.error(), err::kNoSuchBucket, "list uploads"));
    const bool last_batch = batch->size() < kUploadsPageMax;
    for (ns::UploadInfo& upload : *batch) {
      key_after = upload.key;
      id_after = upload.upload_id;
      if (!take_upload(query, std::move(upload), &page)) co_return page;
    }
    if (last_batch) co_return page;
    // Past the rest of a common prefix in one step.
    const std::string rolled_up(common_prefix_of(key_after, query));
    if (!rolled_up.empty()) key_after = rolled_up + kAfterAll;
  }
}

}  // namespace

Task<OpResult> list_multipart_uploads(Op& op) {
  S3_CO_TRY(const UploadsQuery query, parse_uploads_query(op.query()));
  S3_CO_TRY(const ns::BucketInfo bucket, co_await find_bucket(op));
  S3_CO_TRY(const UploadsPage page, co_await collect_uploads(op, query));

  const auto name = [&](const std::string& text) {
    return query.url_encoded ? percent_encode(text, true) : text;
  };
  XmlWriter xml;
  xml.open_root("ListMultipartUploadsResult").text("Bucket", op.bucket());
  xml.text("KeyMarker", name(query.key_marker)).text("UploadIdMarker", query.upload_id_marker);
  if (page.truncated)
    xml.text("NextKeyMarker", name(page.next_key_marker))
        .text("NextUploadIdMarker", page.next_upload_id_marker);
  xml.text("Prefix", name(query.prefix));
  if (!query.delimiter.empty()) xml.text("Delimiter", name(query.delimiter));
  if (query.url_encoded) xml.text("EncodingType", "url");
  xml.number("MaxUploads", query.max_uploads).boolean("IsTruncated", page.truncated);
  for (const ns::UploadInfo& upload : page.uploads) {
    xml.open("Upload").text("Key", name(upload.key)).text("UploadId", upload.upload_id);
    write_owner(&xml, "Initiator", upload.initiator);
    write_owner(&xml, "Owner", bucket.owner);
    xml.text("StorageClass", storage_class_name(upload.meta.storage_class));
    xml.text("Initiated", iso8601_date(upload.initiated));
    write_upload_checksum(&xml, upload);
    xml.close("Upload");
  }
  for (const std::string& prefix : page.common_prefixes)
    xml.open("CommonPrefixes").text("Prefix", name(prefix)).close("CommonPrefixes");
  co_return xml_response(xml.close("ListMultipartUploadsResult").take());
}

Task<OpResult> list_parts(Op& op) {
  S3_CO_TRY(const uint32_t max_parts,
            parse_count(op.query(), "max-parts", kPartsPageMax, kPartsPageMax));
  S3_CO_TRY(const uint32_t marker, parse_count(op.query(), "part-number-marker", 0, INT32_MAX));
  S3_CO_TRY(const ns::UploadInfo upload, co_await find_upload(op));
  S3_CO_TRY(const ns::BucketInfo bucket, co_await find_bucket(op));
  std::string upload_id = upload.upload_id;
  Result<std::vector<ns::PartInfo>> listed = co_await op.partition().list_parts(
      op.bucket(), op.key(), std::move(upload_id), marker, max_parts + 1);
  if (!listed)
    co_return refuse(
        co_await partition_error(op, listed.error(), err::kNoSuchUpload, "list parts"));
  std::vector<ns::PartInfo>& parts = *listed;
  const bool truncated = max_parts != 0 && parts.size() > max_parts;
  if (parts.size() > max_parts) parts.resize(max_parts);

  XmlWriter xml;
  xml.open_root("ListPartsResult").text("Bucket", op.bucket()).text("Key", op.key());
  xml.text("UploadId", upload.upload_id);
  write_owner(&xml, "Initiator", upload.initiator);
  write_owner(&xml, "Owner", bucket.owner);
  xml.text("StorageClass", storage_class_name(upload.meta.storage_class));
  xml.number("PartNumberMarker", marker);
  xml.number("NextPartNumberMarker", parts.empty() ? 0 : parts.back().number);
  xml.number("MaxParts", max_parts).boolean("IsTruncated", truncated);
  write_upload_checksum(&xml, upload);
  for (const ns::PartInfo& part : parts) {
    xml.open("Part").number("PartNumber", part.number);
    xml.text("LastModified", iso8601_date(part.mtime)).text("ETag", quote_etag(part.etag));
    xml.number("Size", part.size);
    write_checksum(&xml, part.checksum, 0);
    xml.close("Part");
  }
  co_return xml_response(xml.close("ListPartsResult").take());
}

}  // namespace atl::s3
