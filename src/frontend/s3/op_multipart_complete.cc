// CompleteMultipartUpload: joins the parts by metadata alone.
#include <algorithm>

#include "base/check.h"
#include "base/probe.h"
#include "frontend/s3/conditionals.h"
#include "frontend/s3/multipart.h"
#include "frontend/s3/text.h"

namespace atl::s3 {
namespace {

// One <Part> of the request.
struct NamedPart {
  uint32_t number = 0;
  std::string etag;
  ns::Checksum checksum;  // algorithm kNone when none was given
};

bool only_known_elements(pugi::xml_node part) {
  for (pugi::xml_node node : part.children()) {
    if (node.type() != pugi::node_element) continue;
    const std::string_view name = local_name(node);
    bool known = name == "PartNumber" || name == "ETag";
    for (const ChecksumAlgorithm algorithm : all_checksum_algorithms())
      known |= name == checksum_element(algorithm);
    if (!known) return false;
  }
  return true;
}

S3Result<NamedPart> parse_part(pugi::xml_node node) {
  NamedPart out;
  const auto number = child_text(node, "PartNumber");
  const auto etag = child_text(node, "ETag");
  if (!number || !etag || has_loose_text(node) || !only_known_elements(node))
    return refuse(err::kMalformedXml);
  const auto value = parse_decimal(*number, ns::kMaxParts);
  if (!value || *value == 0)
    return refuse(err::kInvalidArgument,
                  fmt::format("PartNumber must be between 1 and {}", ns::kMaxParts));
  out.number = static_cast<uint32_t>(*value);
  out.etag = unquote_etag(*etag);
  for (const ChecksumAlgorithm algorithm : all_checksum_algorithms()) {
    const auto text = child_text(node, checksum_element(algorithm));
    if (!text || text->empty()) continue;
    const auto raw = decode_checksum(algorithm, *text);
    if (!raw)
      return refuse(err::kInvalidRequest,
                    fmt::format("Value for {} is invalid.", checksum_element(algorithm)));
    out.checksum = {algorithm, false, *raw};
  }
  return out;
}

S3Result<std::vector<NamedPart>> parse_complete(std::string body) {
  auto document = XmlDocument::parse(std::move(body), "CompleteMultipartUpload");
  if (!document) return refuse(std::move(document).error());
  std::vector<NamedPart> out;
  for (pugi::xml_node node : document->root().children()) {
    if (node.type() != pugi::node_element) continue;
    if (local_name(node) != "Part" || out.size() == ns::kMaxParts)
      return refuse(err::kMalformedXml);
    auto part = parse_part(node);
    if (!part) return refuse(std::move(part).error());
    if (!out.empty() && part->number <= out.back().number) return refuse(err::kInvalidPartOrder);
    out.push_back(std::move(*part));
  }
  if (out.empty()) return refuse(err::kMalformedXml);
  return out;
}

S3Error invalid_part(std::string_view upload_id, const NamedPart& named) {
  S3Error error(err::kInvalidPart);
  error.details = {{"UploadId", std::string(upload_id)},
                   {"PartNumber", std::to_string(named.number)},
                   {"ETag", named.etag}};
  return error;
}

// The uploaded parts that the request names, in its order, each checked against what it says.
S3Result<std::vector<ns::PartInfo>> match_parts(const std::vector<NamedPart>& named,
                                                std::vector<ns::PartInfo> uploaded,
                                                std::string_view upload_id) {
  std::vector<ns::PartInfo> out;
  auto at = uploaded.begin();
  for (size_t i = 0; i < named.size(); ++i) {
    while (at != uploaded.end() && at->number < named[i].number) ++at;
    if (at == uploaded.end() || at->number != named[i].number || at->etag != named[i].etag)
      return refuse(invalid_part(upload_id, named[i]));
    const ns::Checksum& said = named[i].checksum;
    if (said.algorithm != ChecksumAlgorithm::kNone &&
        (said.algorithm != at->checksum.algorithm || said.value != at->checksum.value))
      return refuse(invalid_part(upload_id, named[i]));
    if (i + 1 != named.size() && at->size < kPartBytesMin) {
      S3Error error(err::kEntityTooSmall);
      error.details = {{"ProposedSize", std::to_string(at->size)},
                       {"MinSizeAllowed", std::to_string(kPartBytesMin)},
                       {"PartNumber", std::to_string(at->number)},
                       {"ETag", at->etag}};
      return refuse(std::move(error));
    }
    out.push_back(std::move(*at));
  }
  return out;
}

// S3's rule for composite checksums: the numbers are 1, 2, 3, ...
S3Status check_consecutive(const ns::UploadInfo& upload, const std::vector<ns::PartInfo>& parts) {
  if (upload.checksum_algorithm == ChecksumAlgorithm::kNone || !upload.checksum_composite)
    return {};
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i].number != i + 1)
      return refuse(err::kInvalidPartOrder,
                    "With a composite checksum part numbers must begin with 1 and leave none out.");
  return {};
}

S3Status check_total_size(const Headers& headers, const std::vector<ns::PartInfo>& parts) {
  uint64_t total = 0;
  for (const ns::PartInfo& part : parts) total += part.size;
  if (total > ns::kMaxObjectBytes) return refuse(err::kEntityTooLarge);
  const auto said = headers.find("x-amz-mp-object-size");
  if (said && parse_decimal(*said, ns::kMaxObjectBytes) != total)
    return refuse(err::kInvalidRequest,
                  fmt::format("The provided 'x-amz-mp-object-size' header does not match the "
                              "object's size, which is {}",
                              total));
  return {};
}

// The finished object's checksum, compared with what the request says it is.
S3Result<ns::Checksum> join_checksums(const Headers& headers, const ns::UploadInfo& upload,
                                      const std::vector<ns::ObjectPart>& parts) {
  ns::Checksum out;
  const ChecksumAlgorithm algorithm = upload.checksum_algorithm;
  if (algorithm != ChecksumAlgorithm::kNone)
    out = upload.checksum_composite ? composite_checksum(algorithm, parts)
                                    : full_object_checksum(algorithm, parts);
  if (const auto type = headers.find("x-amz-checksum-type");
      type && algorithm != ChecksumAlgorithm::kNone && *type != checksum_type(out))
    return refuse(err::kInvalidRequest,
                  fmt::format("The upload was created using the {} checksum mode. The complete "
                              "request must use the same checksum mode.",
                              checksum_type(out)));
  for (const ChecksumAlgorithm given : all_checksum_algorithms()) {
    const auto text = headers.find(checksum_header(given));
    if (!text) continue;
    if (given != algorithm)
      return refuse(err::kInvalidRequest,
                    fmt::format("The upload was not created with the {} checksum algorithm.",
                                checksum_name(given)));
    // A composite one may come with or without its "-N".
    const std::string full = format_checksum(out, parts.size());
    if (*text != full && *text != full.substr(0, full.find('-')))
      return refuse(err::kBadDigest,
                    fmt::format("The {} you specified did not match the calculated checksum.",
                                checksum_name(given)));
  }
  return out;
}

OpResult completed(const Op& op, const std::string& etag, const ns::Checksum& checksum,
                   size_t parts) {
  const std::string_view host = op.headers().get("host");
  const std::string path = percent_encode(op.request.path, true);
  XmlWriter xml;
  xml.open_root("CompleteMultipartUploadResult");
  xml.text("Location", fmt::format("{}://{}{}", op.request.is_tls ? "https" : "http", host, path));
  xml.text("Bucket", op.bucket()).text("Key", op.key()).text("ETag", quote_etag(etag));
  write_checksum(&xml, checksum, parts);
  if (checksum.algorithm != ChecksumAlgorithm::kNone)
    xml.text("ChecksumType", checksum_type(checksum));
  return xml_response(xml.close("CompleteMultipartUploadResult").take());
}

// A client whose first answer was lost asks again, and the upload is gone because it succeeded. The
// object says that it is this upload's, with just these parts: the client is told so again.
// Otherwise NoSuchUpload stands.
Task<OpResult> already_completed(Op& op, std::vector<NamedPart> named, std::string etag,
                                 S3Error otherwise) {
  if (otherwise.code != err::kNoSuchUpload.code) co_return refuse(std::move(otherwise));
  const Result<ns::ObjectInfo> object =
      co_await op.partition().get_object(op.bucket(), op.key(), false);
  if (!object || etag.empty() || object->meta.etag != etag) co_return refuse(std::move(otherwise));
  const auto& headers = object->meta.headers;
  const auto made_by = headers.find(std::string(ns::kUploadIdHeader));
  if (made_by == headers.end() || made_by->second != op.query().get("uploadId"))
    co_return refuse(std::move(otherwise));
  const bool same_parts = std::ranges::equal(named, object->meta.parts, {}, &NamedPart::number,
                                             &ns::ObjectPart::number);
  if (!same_parts) co_return refuse(std::move(otherwise));
  ATOLL_PROBE("s3_complete_upload_repeated");
  co_return completed(op, etag, object->meta.checksum, object->meta.parts.size());
}

std::string etag_of(const std::vector<NamedPart>& parts) {
  std::vector<std::string> etags;
  for (const NamedPart& part : parts) etags.push_back(part.etag);
  return multipart_etag(etags);
}

}  // namespace

Task<OpResult> complete_multipart_upload(Op& op) {
  S3_CO_TRY(std::string body, co_await read_xml_body(op, XmlBodyCheck::kMd5Only));
  S3_CO_TRY(const std::vector<NamedPart> named, parse_complete(std::move(body)));
  S3_CO_TRY(ns::Conditions conditions, parse_write_conditions(op.headers()));
  std::string etag = etag_of(named);
  const S3Result<ns::UploadInfo> upload = co_await find_upload(op);
  if (!upload) {
    S3Error error = upload.error();
    std::vector<NamedPart> repeated = named;
    co_return co_await already_completed(op, std::move(repeated), std::move(etag),
                                         std::move(error));
  }

  std::string upload_id = upload->upload_id;
  S3_CO_TRY(std::vector<ns::PartInfo> uploaded, co_await all_parts(op, std::move(upload_id)));
  S3_CO_TRY(const std::vector<ns::PartInfo> parts,
            match_parts(named, std::move(uploaded), upload->upload_id));
  S3_CO_CHECK(check_consecutive(*upload, parts));
  S3_CO_CHECK(check_total_size(op.headers(), parts));

  ns::ObjectMeta meta = upload->meta;
  std::vector<ns::CompletedPart> chosen;
  for (const ns::PartInfo& part : parts) {
    meta.parts.push_back({part.number, part.size, part.checksum});
    chosen.push_back({part.number, part.etag});
  }
  ATOLL_CHECK(!etag.empty(), "each named etag is that of an uploaded part, and those are MD5s");
  meta.etag = etag;
  meta.headers[std::string(ns::kUploadIdHeader)] = upload->upload_id;
  S3_CO_TRY(meta.checksum, join_checksums(op.headers(), *upload, meta.parts));
  const ns::Checksum checksum = meta.checksum;

  std::string id = upload->upload_id;
  const Result<ns::PutResult> put = co_await op.partition().complete_upload(
      op.bucket(), op.key(), std::move(id), std::move(chosen), std::move(meta),
      std::move(conditions));
  if (put) co_return completed(op, etag, checksum, parts.size());
  if (put.error().code == Errc::kConflict)
    co_return refuse(
        precondition_failed(op.headers().has("if-match") ? "If-Match" : "If-None-Match"));
  // A part was replaced after it was listed.
  if (put.error().code == Errc::kInvalidArgument) co_return refuse(err::kInvalidPart);
  // If-Match of an object that is not there, while the upload is.
  if (put.error().code == Errc::kNotFound && op.headers().has("if-match")) {
    const S3Result<ns::UploadInfo> still = co_await find_upload(op);
    if (still) co_return refuse(co_await not_found(op, op.bucket(), err::kNoSuchKey));
  }
  S3Error error = co_await partition_error(op, put.error(), err::kNoSuchUpload, "complete upload");
  std::vector<NamedPart> repeated = named;
  co_return co_await already_completed(op, std::move(repeated), std::move(etag), std::move(error));
}

}  // namespace atl::s3
