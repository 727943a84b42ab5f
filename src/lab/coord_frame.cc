#include "lab/coord_frame.h"

#include <array>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace atl::lab {
namespace {

namespace json = boost::json;

constexpr auto kOps = std::to_array<std::pair<CoordOp, std::string_view>>({
    {CoordOp::kGet, "get"},
    {CoordOp::kList, "list"},
    {CoordOp::kCas, "cas"},
    {CoordOp::kErase, "erase"},
    {CoordOp::kWait, "wait"},
    {CoordOp::kAcquire, "acquire"},
    {CoordOp::kRenew, "renew"},
    {CoordOp::kRelease, "release"},
    {CoordOp::kLeases, "leases"},
});

constexpr size_t kLengthBytes = 4;

Error not_understood(std::string_view what) {
  return Error(Errc::kCorrupt, fmt::format("not a frame of the coordinator: {}", what));
}

Result<json::object> parse(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return fail(not_understood("no JSON object"));
  return std::move(value.get_object());
}

Result<std::string> text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (!value || !value->is_string()) return fail(not_understood(key));
  return std::string(value->get_string());
}

Result<uint64_t> number_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  boost::system::error_code error;
  const uint64_t number = value ? value->to_number<uint64_t>(error) : 0;
  if (!value || error) return fail(not_understood(key));
  return number;
}

}  // namespace

std::string CoordCall::encode() const {
  json::object out;
  out["id"] = id;
  for (const auto& [known, name] : kOps)
    if (known == op) out["op"] = name;
  out["key"] = key;
  out["value"] = value;
  out["version"] = version;
  out["time_ns"] = time.count();
  return json::serialize(out);
}

Result<CoordCall> CoordCall::decode(std::string_view text) {
  ATOLL_TRY(const json::object in, parse(text));
  CoordCall call;
  ATOLL_TRY(call.id, number_of(in, "id"));
  ATOLL_TRY(const std::string op, text_of(in, "op"));
  bool known = false;
  for (const auto& [value, name] : kOps) {
    if (name != op) continue;
    call.op = value;
    known = true;
  }
  if (!known) return fail(not_understood("op " + op));
  ATOLL_TRY(call.key, text_of(in, "key"));
  ATOLL_TRY(call.value, text_of(in, "value"));
  ATOLL_TRY(call.version, number_of(in, "version"));
  ATOLL_TRY(const uint64_t time, number_of(in, "time_ns"));
  // What is longer than the coordinator takes is the coordinator's to refuse or to cut.
  call.time = Nanos(std::min<uint64_t>(time, INT64_MAX));
  return call;
}

std::string CoordReply::encode() const {
  json::object out;
  out["id"] = id;
  if (!status) {
    out["error"] = static_cast<uint64_t>(status.error().code);
    out["message"] = status.error().message;
    return json::serialize(out);
  }
  out["number"] = number;
  json::array list;
  for (const coord::KeyValue& kv : entries)
    list.push_back({kv.key, kv.versioned.value, kv.versioned.version});
  out["entries"] = std::move(list);
  return json::serialize(out);
}

Result<CoordReply> CoordReply::decode(std::string_view text) {
  ATOLL_TRY(const json::object in, parse(text));
  CoordReply reply;
  ATOLL_TRY(reply.id, number_of(in, "id"));
  if (in.contains("error")) {
    ATOLL_TRY(const uint64_t code, number_of(in, "error"));
    ATOLL_TRY(std::string message, text_of(in, "message"));
    if (code == 0 || code > static_cast<uint64_t>(Errc::kInternal))
      return fail(not_understood("error"));
    reply.status = fail(static_cast<Errc>(code), std::move(message));
    return reply;
  }
  ATOLL_TRY(reply.number, number_of(in, "number"));
  const json::value* entries = in.if_contains("entries");
  if (!entries || !entries->is_array()) return fail(not_understood("entries"));
  for (const json::value& entry : entries->get_array()) {
    const json::array* parts = entry.if_array();
    if (!parts || parts->size() != 3 || !(*parts)[0].is_string() || !(*parts)[1].is_string())
      return fail(not_understood("an entry"));
    coord::KeyValue kv;
    kv.key = std::string((*parts)[0].get_string());
    kv.versioned.value = std::string((*parts)[1].get_string());
    boost::system::error_code error;
    kv.versioned.version = (*parts)[2].to_number<uint64_t>(error);
    if (error) return fail(not_understood("a version"));
    reply.entries.push_back(std::move(kv));
  }
  return reply;
}

// --- On the wire ---

namespace {

Task<Status> read_exactly(env::Stream& stream, MutableByteSpan into) {
  while (!into.empty()) {
    ATOLL_CO_TRY(const size_t n, co_await stream.read_some(into));
    if (n == 0) co_return fail(Errc::kUnavailable, "the connection has ended");
    into = into.subspan(n);
  }
  co_return Status();
}

}  // namespace

Task<Result<std::string>> read_frame(env::Stream& stream) {
  std::array<uint8_t, kLengthBytes> head{};
  MutableByteSpan into(head);
  ATOLL_CO_TRY_STATUS(co_await read_exactly(stream, into));
  const size_t length =
      size_t{head[0]} << 24 | size_t{head[1]} << 16 | size_t{head[2]} << 8 | size_t{head[3]};
  if (length > kCoordFrameMax)
    co_return fail(Errc::kTooLarge, fmt::format("a frame of {} bytes", length));
  std::string text(length, '\0');
  into = MutableByteSpan(reinterpret_cast<uint8_t*>(text.data()), text.size());
  ATOLL_CO_TRY_STATUS(co_await read_exactly(stream, into));
  co_return text;
}

Task<Status> write_frame(env::Stream& stream, std::string text) {
  if (text.size() > kCoordFrameMax)
    co_return fail(Errc::kTooLarge, fmt::format("a frame of {} bytes", text.size()));
  const size_t n = text.size();
  const std::array<uint8_t, kLengthBytes> head = {
      static_cast<uint8_t>(n >> 24), static_cast<uint8_t>(n >> 16), static_cast<uint8_t>(n >> 8),
      static_cast<uint8_t>(n)};
  std::vector<ByteSpan> parts;
  parts.emplace_back(head);
  parts.emplace_back(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  co_return co_await stream.write_all(std::move(parts));
}

}  // namespace atl::lab
