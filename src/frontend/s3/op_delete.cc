// DeleteObject and DeleteObjects.
#include "frontend/s3/conditionals.h"
#include "frontend/s3/operation.h"

namespace atl::s3 {
namespace {

constexpr size_t kDeletesMax = 1000;  // keys in one request
// Deletes of one request that run at once: they share journal appends.
constexpr size_t kDeletesAtOnce = 64;

struct DeleteEntry {
  std::string key;
  ns::Conditions conditions;
  std::optional<S3Error> refused;  // known before anything is done
};

struct DeleteRequest {
  bool quiet = false;
  std::vector<DeleteEntry> entries;
};

size_t count_of(pugi::xml_node node, std::string_view name) {
  size_t count = 0;
  for (pugi::xml_node child : node.children())
    count += child.type() == pugi::node_element && local_name(child) == name;
  return count;
}

// What one entry says besides its key must be something that is honoured here.
std::optional<S3Error> read_qualifiers(pugi::xml_node object, ns::Conditions* conditions) {
  for (pugi::xml_node node : object.children()) {
    if (node.type() != pugi::node_element) continue;
    const std::string_view name = local_name(node);
    if (name == "Key") continue;
    const std::string value = text_of(node);
    if (name == "VersionId") {
      if (value != "null" && !value.empty())
        return S3Error(err::kNotImplemented, "VersionId other than null is not implemented");
    } else if (name == "ETag") {
      conditions->if_match = unquote_etag(value);
    } else {
      return S3Error(err::kNotImplemented, fmt::format("{} in Delete is not implemented", name));
    }
  }
  return std::nullopt;
}

S3Result<DeleteRequest> parse_delete(std::string body) {
  auto document = XmlDocument::parse(std::move(body), "Delete");
  if (!document) return refuse(std::move(document).error());
  DeleteRequest out;
  for (pugi::xml_node node : document->root().children()) {
    if (node.type() != pugi::node_element) continue;
    if (local_name(node) == "Quiet") {
      const std::string quiet = text_of(node);
      out.quiet = equals_ignore_case(quiet, "true");
      if (!out.quiet && !equals_ignore_case(quiet, "false")) return refuse(err::kMalformedXml);
      continue;
    }
    if (local_name(node) != "Object" || has_loose_text(node)) return refuse(err::kMalformedXml);
    const auto key = child_text(node, "Key");
    if (!key || count_of(node, "Key") != 1 || key->empty() || out.entries.size() == kDeletesMax)
      return refuse(err::kMalformedXml);
    DeleteEntry entry;
    entry.key = *key;
    entry.refused = read_qualifiers(node, &entry.conditions);
    if (auto ok = check_key(entry.key); !ok && !entry.refused) entry.refused = ok.error();
    out.entries.push_back(std::move(entry));
  }
  if (out.entries.empty()) return refuse(err::kMalformedXml);
  return out;
}

Task<Status> delete_one(ns::Partition& partition, std::string bucket, std::string key,
                        ns::Conditions conditions) {
  co_return co_await partition.delete_object(std::move(bucket), std::move(key),
                                             std::move(conditions));
}

// Absent already is as good as deleted, unless a condition asked for it to be there.
std::optional<S3Error> outcome_of(const Status& deleted, bool conditional) {
  if (deleted) return std::nullopt;
  if (deleted.error().code == Errc::kNotFound && !conditional) return std::nullopt;
  if (deleted.error().code == Errc::kNotFound) return S3Error(err::kNoSuchKey);
  if (deleted.error().code == Errc::kConflict) return precondition_failed("If-Match");
  return from_error(deleted.error(), "delete object");
}

void write_outcome(XmlWriter* xml, const DeleteEntry& entry, const std::optional<S3Error>& error,
                   bool quiet) {
  if (error) {
    xml->open("Error").text("Key", entry.key).text("Code", error->code);
    xml->text("Message", error->message).close("Error");
  } else if (!quiet) {
    xml->open("Deleted").text("Key", entry.key).close("Deleted");
  }
}

}  // namespace

Task<OpResult> delete_object(Op& op) {
  S3_CO_CHECK(co_await find_bucket(op));
  S3_CO_TRY(ns::Conditions conditions, parse_write_conditions(op.headers()));
  if (conditions.if_none_match)
    co_return refuse(err::kNotImplemented, "If-None-Match is not implemented for DeleteObject");
  const bool conditional = conditions.if_match.has_value();
  const Status deleted =
      co_await op.partition().delete_object(op.bucket(), op.key(), std::move(conditions));
  if (auto error = outcome_of(deleted, conditional)) {
    if (error->code == err::kNoSuchKey.code) error->details = {{"Key", op.key()}};
    co_return refuse(std::move(*error));
  }
  co_return Response(204);
}

Task<OpResult> delete_objects(Op& op) {
  S3_CO_CHECK(co_await find_bucket(op));
  S3_CO_TRY(std::string body, co_await read_xml_body(op, XmlBodyCheck::kRequired));
  S3_CO_TRY(const DeleteRequest request, parse_delete(std::move(body)));

  XmlWriter xml(1024 + request.entries.size() * 128);
  xml.open_root("DeleteResult");
  for (size_t begin = 0; begin < request.entries.size(); begin += kDeletesAtOnce) {
    const size_t end = std::min(begin + kDeletesAtOnce, request.entries.size());
    std::vector<Task<Status>> tasks;
    for (size_t i = begin; i < end; ++i) {
      const DeleteEntry& entry = request.entries[i];
      if (!entry.refused)
        tasks.push_back(delete_one(op.partition(), op.bucket(), entry.key, entry.conditions));
    }
    const std::vector<Status> done = co_await env::when_all(op.env(), std::move(tasks));
    size_t next = 0;
    for (size_t i = begin; i < end; ++i) {
      const DeleteEntry& entry = request.entries[i];
      const std::optional<S3Error> error =
          entry.refused ? entry.refused
                        : outcome_of(done[next++], entry.conditions.if_match.has_value());
      write_outcome(&xml, entry, error, request.quiet);
    }
  }
  co_return xml_response(xml.close("DeleteResult").take());
}

}  // namespace atl::s3
