// The connections to the addresses.
#include <array>
#include <charconv>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/log.h"
#include "lab/responder_impl.h"

namespace atl::lab {
namespace {

namespace json = boost::json;

constexpr std::string_view kBytesPath = "/bytes/";

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

std::optional<uint64_t> bytes_asked(std::string_view target) {
  if (!target.starts_with(kBytesPath)) return std::nullopt;
  target.remove_prefix(kBytesPath.size());
  uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(target.data(), target.data() + target.size(), bytes);
  if (error != std::errc() || end != target.data() + target.size() || target.empty() ||
      bytes > kAnswerBytesMax)
    return std::nullopt;
  return bytes;
}

const std::array<uint8_t, kPieceBytes>& piece() {
  static const std::array<uint8_t, kPieceBytes> bytes = [] {
    std::array<uint8_t, kPieceBytes> made{};
    made.fill('x');
    return made;
  }();
  return bytes;
}

}  // namespace

Task<void> Responder::Core::accept_all(vip::Vip vip, std::shared_ptr<env::Listener> at) {
  auto self = shared_from_this();
  while (!stopped) {
    Result<std::unique_ptr<env::Stream>> stream = co_await at->accept();
    if (!stream) {
      if (stopped || stream.error().code == Errc::kCancelled) co_return;
      ATOLL_LOG(kWarn, "lab", "accept", {{"why", stream.error().to_string()}});
      co_await env.sleep(10ms);
      continue;
    }
    if (stopped || lines.size() >= kResponderConnectionsMax) continue;  // closed
    auto line = std::make_shared<Connection>();
    line->stream = std::move(*stream);
    line->vip = vip;
    line->since = env.now();
    line->deadline = env.now() + kRequestIdleMax;
    lines.insert(line);
    env.spawn("lab.responder_line", serve(line));
  }
}

Task<void> Responder::Core::serve(Line line) {
  auto self = shared_from_this();
  cloud::HttpReader reader(cloud::HttpKind::kRequest);
  while (!stopped) {
    line->deadline = env.now() + kRequestIdleMax;
    Result<cloud::HttpMessage> request = co_await cloud::read_message(*line->stream, reader);
    if (!request || stopped) break;
    line->phase = Phase::kAnswering;
    line->since = env.now();
    const bool goes_on = co_await answer(line, std::move(*request));
    if (!goes_on) break;
    line->phase = Phase::kIdle;
  }
  line->stream->close();
  lines.erase(line);
}

Standing Responder::Core::standing(vip::Vip vip) const {
  return ask ? ask(vip) : Standing();
}

// The kernel lets connections in a moment before the holder has written down that it answers.
Task<bool> Responder::Core::may_answer(vip::Vip vip) {
  const Nanos give_up = env.now() + kTakingMax;
  while (!stopped && env.now() < give_up) {
    if (standing(vip).answers) co_return true;
    co_await env.sleep(kTakingPoll);
  }
  co_return false;
}

Task<bool> Responder::Core::answer(Line line, cloud::HttpMessage request) {
  const bool may = co_await may_answer(line->vip);
  if (!may) co_return false;
  const bool draining = places[line->vip].draining;
  const bool keep = request.keep_alive && !draining;
  const std::optional<uint64_t> bytes = bytes_asked(request.target);
  if (request.method != "GET") {
    std::string text = "only GET is answered here\n";
    co_return co_await answer_text(line, 400, std::move(text), keep);
  }
  if (bytes && *bytes >= kLongBytes && draining && options.refuse_long) {
    std::string text = "this address moves: come again in a second\n";
    co_return co_await answer_text(line, 503, std::move(text), false);
  }
  if (bytes) co_return co_await answer_bytes(line, *bytes, keep);
  json::object body;
  if (request.target == "/who") {
    const Standing now = standing(line->vip);
    body["node"] = options.node;
    body["vip"] = line->vip.to_string();
    body["generation"] = now.generation;
    body["lease_left_ms"] = now.lease_left / 1ms;
  } else if (request.target != "/ping") {
    std::string text = "there is /who, /ping and /bytes/N\n";
    co_return co_await answer_text(line, 404, std::move(text), keep);
  }
  std::string text = json::serialize(body);
  co_return co_await answer_text(line, 200, std::move(text), keep);
}

std::string Responder::Core::head(int status, uint64_t length, bool keep) const {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nContent-Length: {}\r\nX-Atoll-Node: {}\r\n",
                                 status, reason_of(status), length, options.node);
  if (status == 503) head += "Retry-After: 1\r\n";
  if (!keep) head += "Connection: close\r\n";
  return head + "\r\n";
}

Task<bool> Responder::Core::answer_text(Line line, int status, std::string body, bool keep) {
  line->deadline = env.now() + kStallMax;
  const std::string head = this->head(status, body.size(), keep);
  std::vector<ByteSpan> parts;
  parts.emplace_back(reinterpret_cast<const uint8_t*>(head.data()), head.size());
  parts.emplace_back(reinterpret_cast<const uint8_t*>(body.data()), body.size());
  const bool may = standing(line->vip).answers;
  if (!may) co_return false;
  const Status sent = co_await line->stream->write_all(std::move(parts));
  if (!sent) co_return false;
  line->big_answer = line->long_answer = false;
  if (keep) co_return true;
  co_await linger(line);
  co_return false;
}

Task<bool> Responder::Core::answer_bytes(Line line, uint64_t bytes, bool keep) {
  const std::string head = this->head(200, bytes, keep);
  line->long_answer = bytes >= kLongBytes;
  ByteSpan first(reinterpret_cast<const uint8_t*>(head.data()), head.size());
  uint64_t left = bytes;
  do {
    line->deadline = env.now() + kStallMax;
    if (!standing(line->vip).answers) co_return false;
    const size_t n = static_cast<size_t>(std::min<uint64_t>(left, kPieceBytes));
    std::vector<ByteSpan> parts;
    parts.push_back(first);
    parts.push_back(ByteSpan(piece()).first(n));
    first = {};
    const Status sent = co_await line->stream->write_all(std::move(parts));
    if (!sent) co_return false;
    left -= n;
  } while (left > 0);
  line->big_answer = bytes > kPieceBytes;
  // A drain may have begun after the head had gone out.
  if (keep && !places[line->vip].draining) co_return true;
  co_await linger(line);
  co_return false;
}

// Our side has ended; the client has all of the answer when it ends its own.
Task<void> Responder::Core::linger(Line line) {
  line->phase = Phase::kClosing;
  line->deadline = env.now() + kStallMax;
  line->stream->shutdown_send();
  std::array<uint8_t, 512> space{};
  while (!stopped) {
    const MutableByteSpan into(space);
    const Result<size_t> n = co_await line->stream->read_some(into);
    if (!n || *n == 0) co_return;
  }
}

}  // namespace atl::lab
