// ListObjects and ListObjectsV2.
//
// Both are one range scan in the namespace (ns::Partition::list) and one pass that writes XML. Keys
// are in byte order of their UTF-8, common prefixes among them; max-keys counts both.
#include "base/check.h"
#include "frontend/s3/checksum.h"
#include "frontend/s3/http_date.h"
#include "frontend/s3/metadata.h"
#include "frontend/s3/operation.h"
#include "frontend/s3/page_token.h"
#include "frontend/s3/text.h"

namespace atl::s3 {
namespace {

constexpr uint32_t kKeysPageMax = 1000;  // S3's limit for max-keys
constexpr size_t kXmlBytesAKey = 320;    // typical, to reserve the answer once

// What both versions ask for.
struct ListQuery {
  std::string prefix;
  std::string delimiter;
  uint32_t max_keys = kKeysPageMax;
  bool url_encoded = false;
};

S3Result<ListQuery> parse_list_query(const Query& query) {
  ListQuery out;
  out.prefix = query.get("prefix");
  out.delimiter = query.get("delimiter");
  auto max_keys = parse_count(query, "max-keys", kKeysPageMax, kKeysPageMax);
  if (!max_keys) return refuse(std::move(max_keys).error());
  out.max_keys = *max_keys;
  auto url_encoded = parse_encoding_type(query);
  if (!url_encoded) return refuse(std::move(url_encoded).error());
  out.url_encoded = *url_encoded;
  for (const std::string_view name : {"prefix", "delimiter", "marker", "start-after"})
    if (auto ok = check_utf8(name, query.get(name)); !ok) return refuse(std::move(ok).error());
  return out;
}

// One page from the namespace, with NoSuchBucket told apart.
Task<S3Result<ns::ListResult>> fetch_page(Op& op, const ListQuery& query, std::string after) {
  if (op.headers().has("x-amz-expected-bucket-owner") || query.max_keys == 0)
    S3_CO_CHECK(co_await find_bucket(op));
  if (query.max_keys == 0) co_return ns::ListResult{};  // S3: no keys, and not truncated
  ns::ListRequest request;
  request.prefix = query.prefix;
  request.delimiter = query.delimiter;
  request.after = std::move(after);
  request.max_entries = query.max_keys;
  Result<ns::ListResult> page = co_await op.partition().list(op.bucket(), std::move(request));
  if (!page)
    co_return refuse(co_await partition_error(op, page.error(), err::kNoSuchBucket, "list"));
  ATOLL_CHECK(page->entries.size() <= query.max_keys, "the namespace lists no more than was asked");
  co_return std::move(*page);
}

// Writes names as the client asked for them.
class NameWriter {
 public:
  NameWriter(XmlWriter* xml, bool url_encoded) : xml_(xml), url_encoded_(url_encoded) {}
  void write(std::string_view tag, std::string_view name) {
    if (url_encoded_)
      xml_->text(tag, percent_encode(name, true));
    else
      xml_->text(tag, name);
  }

 private:
  XmlWriter* xml_;
  bool url_encoded_;
};

void write_entries(XmlWriter* xml, NameWriter* names, const ns::ListResult& page,
                   const std::string* owner) {
  std::string owner_xml;
  if (owner != nullptr) {
    XmlWriter once(256, XmlWriter::Kind::kFragment);
    write_owner(&once, "Owner", *owner);
    owner_xml = once.take();
  }
  std::string etag;
  for (const ns::ListEntry& entry : page.entries) {
    if (entry.is_prefix) continue;
    etag.assign("\"").append(entry.etag).append("\"");
    xml->open("Contents");
    names->write("Key", entry.key);
    xml->text("LastModified", iso8601_date(entry.mtime)).text("ETag", etag);
    if (entry.checksum_algorithm != ChecksumAlgorithm::kNone)
      xml->text("ChecksumAlgorithm", checksum_name(entry.checksum_algorithm))
          .text("ChecksumType", entry.checksum_composite ? "COMPOSITE" : "FULL_OBJECT");
    xml->number("Size", entry.size).raw(owner_xml);
    xml->text("StorageClass", storage_class_name(entry.storage_class)).close("Contents");
  }
  for (const ns::ListEntry& entry : page.entries) {
    if (!entry.is_prefix) continue;
    xml->open("CommonPrefixes");
    names->write("Prefix", entry.key);
    xml->close("CommonPrefixes");
  }
}

// As S3 does: some clients learn a bucket's region from its listing.
Response list_response(const Op& op, std::string body) {
  Response response = xml_response(std::move(body));
  response.set("x-amz-bucket-region", op.service.options.region);
  return response;
}

Task<S3Result<std::string>> owner_of(Op& op) {
  S3_CO_TRY(const ns::BucketInfo bucket, co_await find_bucket(op));
  co_return bucket.owner;
}

}  // namespace

Task<OpResult> list_objects_v1(Op& op) {
  S3_CO_TRY(const ListQuery query, parse_list_query(op.query()));
  const std::string marker(op.query().get("marker"));
  S3_CO_TRY(const std::string owner, co_await owner_of(op));
  std::string after = marker;
  S3_CO_TRY(const ns::ListResult page, co_await fetch_page(op, query, std::move(after)));

  XmlWriter xml(1024 + page.entries.size() * kXmlBytesAKey);
  NameWriter names(&xml, query.url_encoded);
  xml.open_root("ListBucketResult").text("Name", op.bucket());
  names.write("Prefix", query.prefix);
  names.write("Marker", marker);
  // Only with a delimiter; otherwise clients go on after the last key (S3 API Reference).
  if (page.truncated && !query.delimiter.empty())
    names.write("NextMarker", page.entries.back().key);
  xml.number("MaxKeys", query.max_keys);
  if (!query.delimiter.empty()) names.write("Delimiter", query.delimiter);
  if (query.url_encoded) xml.text("EncodingType", "url");
  xml.boolean("IsTruncated", page.truncated);
  write_entries(&xml, &names, page, &owner);
  co_return list_response(op, xml.close("ListBucketResult").take());
}

Task<OpResult> list_objects_v2(Op& op) {
  S3_CO_TRY(const ListQuery query, parse_list_query(op.query()));
  const std::string start_after(op.query().get("start-after"));
  const auto token = op.query().find("continuation-token");
  const bool fetch_owner = equals_ignore_case(op.query().get("fetch-owner"), "true");
  std::string after = start_after;
  if (token) {
    S3_CO_TRY(after, decode_page_token(*token, op.bucket(), query.prefix));
  }
  std::string owner;
  if (fetch_owner) {
    S3_CO_TRY(owner, co_await owner_of(op));
  }
  S3_CO_TRY(const ns::ListResult page, co_await fetch_page(op, query, std::move(after)));

  XmlWriter xml(1024 + page.entries.size() * kXmlBytesAKey);
  NameWriter names(&xml, query.url_encoded);
  xml.open_root("ListBucketResult").text("Name", op.bucket());
  names.write("Prefix", query.prefix);
  if (token) xml.text("ContinuationToken", *token);
  if (page.truncated)
    xml.text("NextContinuationToken",
             encode_page_token(page.entries.back().key, op.bucket(), query.prefix));
  if (op.query().has("start-after")) names.write("StartAfter", start_after);
  xml.number("KeyCount", page.entries.size()).number("MaxKeys", query.max_keys);
  if (!query.delimiter.empty()) names.write("Delimiter", query.delimiter);
  if (query.url_encoded) xml.text("EncodingType", "url");
  xml.boolean("IsTruncated", page.truncated);
  write_entries(&xml, &names, page, fetch_owner ? &owner : nullptr);
  co_return list_response(op, xml.close("ListBucketResult").take());
}

}  // namespace atl::s3
