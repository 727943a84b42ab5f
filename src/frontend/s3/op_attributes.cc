// GetObjectAttributes.
#include <algorithm>

#include "frontend/s3/checksum.h"
#include "frontend/s3/http_date.h"
#include "frontend/s3/metadata.h"
#include "frontend/s3/multipart.h"
#include "frontend/s3/object_headers.h"
#include "frontend/s3/operation.h"

namespace atl::s3 {
namespace {

struct Wanted {
  bool etag = false;
  bool checksum = false;
  bool parts = false;
  bool storage_class = false;
  bool size = false;
};

// "ETag,ObjectSize", in any order and spacing.
S3Result<Wanted> parse_wanted(const Headers& headers) {
  Wanted out;
  bool any = false;
  for (const Headers::Field& field : headers) {
    if (!equals_ignore_case(field.name, "x-amz-object-attributes")) continue;
    std::string_view list = field.value;
    while (!list.empty()) {
      const size_t comma = list.find(',');
      std::string_view name = list.substr(0, comma);
      list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
      while (name.starts_with(' ')) name.remove_prefix(1);
      while (name.ends_with(' ')) name.remove_suffix(1);
      bool* const flag = name == "ETag"           ? &out.etag
                         : name == "Checksum"     ? &out.checksum
                         : name == "ObjectParts"  ? &out.parts
                         : name == "StorageClass" ? &out.storage_class
                         : name == "ObjectSize"   ? &out.size
                                                  : nullptr;
      if (flag == nullptr)
        return refuse(err::kInvalidArgument, "Invalid attribute name specified.");
      *flag = any = true;
    }
  }
  if (!any)
    return refuse(err::kInvalidArgument,
                  "The x-amz-object-attributes header specifying the attributes to be retrieved is "
                  "either missing or empty");
  return out;
}

S3Result<uint32_t> parse_header_count(const Headers& headers, std::string_view name,
                                      uint32_t absent, uint32_t max) {
  const auto text = headers.find(name);
  if (!text) return absent;
  const auto value = parse_decimal(*text, INT32_MAX);
  if (!value) return refuse(err::kInvalidArgument, fmt::format("Invalid value for {}", name));
  return static_cast<uint32_t>(std::min<uint64_t>(*value, max));
}

// Part by part only where parts have checksums: S3 gives just their count otherwise.
void write_parts(XmlWriter* xml, const std::vector<ns::ObjectPart>& parts, uint32_t marker,
                 uint32_t limit) {
  xml->open("ObjectParts").number("PartsCount", parts.size());
  if (parts.front().checksum.algorithm != ChecksumAlgorithm::kNone) {
    const auto first = std::upper_bound(
        parts.begin(), parts.end(), marker,
        [](uint32_t number, const ns::ObjectPart& part) { return number < part.number; });
    const size_t count = std::min<size_t>(limit, static_cast<size_t>(parts.end() - first));
    const auto last = first + static_cast<ptrdiff_t>(count);
    xml->number("PartNumberMarker", marker)
        .number("NextPartNumberMarker", count == 0 ? marker : std::prev(last)->number)
        .number("MaxParts", limit)
        .boolean("IsTruncated", limit != 0 && last != parts.end());
    for (auto part = first; part != last; ++part) {
      xml->open("Part");
      write_checksum(xml, part->checksum, 0);
      xml->number("PartNumber", part->number).number("Size", part->size).close("Part");
    }
  }
  xml->close("ObjectParts");
}

}  // namespace

Task<OpResult> get_object_attributes(Op& op) {
  S3_CO_TRY(const Wanted wanted, parse_wanted(op.headers()));
  S3_CO_TRY(const uint32_t limit,
            parse_header_count(op.headers(), "x-amz-max-parts", kPartsPageMax, kPartsPageMax));
  S3_CO_TRY(const uint32_t marker,
            parse_header_count(op.headers(), "x-amz-part-number-marker", 0, ns::kMaxParts));
  S3_CO_TRY(const ns::ObjectInfo object, co_await find_object(op, false));
  S3_CO_TRY(std::optional<Response> early, answer_precondition(op.request, object));
  if (early) co_return std::move(*early);
  const ns::ObjectMeta& meta = object.meta;

  XmlWriter xml;
  xml.open_root("GetObjectAttributesResponse");
  if (wanted.etag) xml.text("ETag", meta.etag);  // here, and only here, without quotes
  if (wanted.checksum && meta.checksum.algorithm != ChecksumAlgorithm::kNone) {
    xml.open("Checksum");
    write_checksum(&xml, meta.checksum, meta.parts.size());
    xml.text("ChecksumType", checksum_type(meta.checksum)).close("Checksum");
  }
  if (wanted.parts && !meta.parts.empty()) write_parts(&xml, meta.parts, marker, limit);
  if (wanted.storage_class) xml.text("StorageClass", storage_class_name(meta.storage_class));
  if (wanted.size) xml.number("ObjectSize", object.size);
  Response response = xml_response(xml.close("GetObjectAttributesResponse").take());
  response.set("Last-Modified", http_date(object.mtime));
  co_return response;
}

}  // namespace atl::s3
