#include "frontend/s3/object_headers.h"

#include "frontend/s3/checksum.h"
#include "frontend/s3/conditionals.h"
#include "frontend/s3/http_date.h"
#include "frontend/s3/metadata.h"

namespace atl::s3 {
namespace {

S3Error invalid_part_number(uint64_t number, size_t parts) {
  S3Error error(err::kInvalidPartNumber);
  error.details = {{"PartNumberRequested", std::to_string(number)},
                   {"ActualPartCount", std::to_string(parts)}};
  return error;
}

// The bytes of part `number`. An object that was not uploaded in parts is its own part 1.
S3Result<Selection> select_part(const ns::ObjectInfo& object, uint64_t number) {
  if (object.meta.parts.empty()) {
    if (number != 1) return refuse(invalid_part_number(number, 1));
    return Selection{{0, object.size}, object.size != 0, nullptr};
  }
  uint64_t offset = 0;
  for (const ns::ObjectPart& part : object.meta.parts) {
    // Parts are counted as they were joined, whatever numbers they were uploaded under: S3 keeps
    // those.
    if (part.number == number) return Selection{{offset, part.size}, part.size != 0, &part};
    offset += part.size;
  }
  return refuse(invalid_part_number(number, object.meta.parts.size()));
}

}  // namespace

S3Result<Selection> select_bytes(const Request& request, const ns::ObjectInfo& object) {
  const auto range = request.headers.find("range");
  if (!request.query.empty()) {
    if (const auto text = request.query.find("partNumber")) {
      const auto number = parse_decimal(*text, ns::kMaxParts);
      if (!number || *number == 0)
        return refuse(err::kInvalidArgument,
                      fmt::format("Part number must be an integer between 1 and {}, inclusive",
                                  ns::kMaxParts));
      if (range)
        return refuse(err::kInvalidRequest,
                      "Cannot specify both Range header and partNumber query parameter");
      return select_part(object, *number);
    }
  }
  const Selection whole{{0, object.size}, false, nullptr};
  if (!range || !if_range_holds(request.headers, object.meta.etag, object.mtime)) return whole;
  const RangeResult result = evaluate_range(*range, object.size);
  switch (result.outcome) {
    case RangeOutcome::kWhole:
      return whole;
    case RangeOutcome::kPart:
      return Selection{result.range, true, nullptr};
    case RangeOutcome::kUnsatisfiable:
      break;
  }
  return refuse(invalid_range(*range, object.size));
}

S3Result<std::optional<Response>> answer_precondition(const Request& request,
                                                      const ns::ObjectInfo& object) {
  const ReadConditions conditions = parse_read_conditions(request.headers, "");
  if (!conditions.any()) return std::nullopt;
  switch (evaluate(conditions, object.meta.etag, object.mtime)) {
    case Precondition::kHolds:
      return std::nullopt;
    case Precondition::kFailed:
      return refuse(precondition_failed(conditions.if_match ? "If-Match" : "If-Unmodified-Since"));
    case Precondition::kNotModified:
      break;
  }
  Response response(304);
  response.set("ETag", quote_etag(object.meta.etag));
  response.set("Last-Modified", http_date(object.mtime));
  for (const auto& [name, value] : object.meta.headers)
    if (name == "cache-control" || name == "expires") response.set(name, value);
  return std::optional<Response>(std::move(response));
}

S3Result<Response> object_response(const Request& request, const ns::ObjectInfo& object,
                                   const Selection& selection) {
  Response response(selection.partial ? 206 : 200);
  response.headers.reserve(10 + object.meta.user_metadata.size());
  response.set("Last-Modified", http_date(object.mtime));
  response.set("ETag", quote_etag(object.meta.etag));
  response.set("Accept-Ranges", "bytes");
  if (selection.partial)
    response.set("Content-Range",
                 fmt::format("bytes {}-{}/{}", selection.range.offset,
                             selection.range.offset + selection.range.length - 1, object.size));
  if (selection.part != nullptr)
    response.set("x-amz-mp-parts-count", std::to_string(object.meta.parts.size()));
  add_meta_headers(&response, object.meta);

  // Only on request, and only where the checksum is that of the bytes that are sent.
  if (equals_ignore_case(request.headers.get("x-amz-checksum-mode"), "ENABLED")) {
    const bool whole = selection.range.length == object.size;
    if (selection.part != nullptr)
      add_checksum_headers(&response, selection.part->checksum, 0);
    else if (whole)
      add_checksum_headers(&response, object.meta.checksum, object.meta.parts.size());
  }
  if (auto ok = apply_response_overrides(request.query, &response); !ok)
    return refuse(std::move(ok).error());
  return response;
}

}  // namespace atl::s3
