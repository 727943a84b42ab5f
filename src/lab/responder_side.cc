// The health port, which a load balancer probes, and the control port, by which a fault makes the
// service sick.
#include "base/log.h"
#include "lab/responder_impl.h"

namespace atl::lab {
namespace {

// Probers and the runner have one each.
constexpr size_t kSideConnectionsMax = 64;

}  // namespace

Status Responder::Core::listen_side(const std::string& host, uint16_t port, bool control) {
  ATOLL_TRY(auto listener, env.network().listen({host, port}));
  std::shared_ptr<env::Listener> shared = std::move(listener);
  side_listeners.push_back(shared);
  env.spawn("lab.responder_side", accept_side(shared, control));
  return {};
}

Task<void> Responder::Core::accept_side(std::shared_ptr<env::Listener> at, bool control) {
  auto self = shared_from_this();
  while (!stopped) {
    Result<std::unique_ptr<env::Stream>> stream = co_await at->accept();
    if (!stream) {
      if (stopped || stream.error().code == Errc::kCancelled) co_return;
      co_await env.sleep(10ms);
      continue;
    }
    if (stopped || side_connections >= kSideConnectionsMax) continue;  // closed
    ++side_connections;
    std::shared_ptr<env::Stream> shared = std::move(*stream);
    env.spawn("lab.responder_side_line", serve_side(shared, control));
  }
}

Task<void> Responder::Core::serve_side(std::shared_ptr<env::Stream> stream, bool control) {
  auto self = shared_from_this();
  const env::TimerId timer = env.start_timer(kRequestIdleMax, [stream] { stream->close(); });
  cloud::HttpReader reader(cloud::HttpKind::kRequest);
  const Result<cloud::HttpMessage> request = co_await cloud::read_message(*stream, reader);
  if (request && !stopped) {
    const Result<std::string> text = cloud::response_bytes(answer_side(*request, control));
    if (text) {
      std::vector<ByteSpan> parts;
      parts.emplace_back(reinterpret_cast<const uint8_t*>(text->data()), text->size());
      const Status sent = co_await stream->write_all(std::move(parts));
      if (!sent) ATOLL_LOG(kDebug, "lab", "not answered", {{"why", sent.error().to_string()}});
    }
  }
  env.cancel_timer(timer);
  stream->close();
  --side_connections;
}

cloud::HttpMessage Responder::Core::answer_side(const cloud::HttpMessage& request, bool control) {
  cloud::HttpMessage reply;
  reply.status = 404;
  reply.keep_alive = false;
  if (!control && request.method == "GET" && request.target == "/healthz") {
    reply.status = 503;
    for (const auto& [vip, place] : places)
      if (standing(vip).answers && !place.draining) reply.status = 200;
  } else if (control && request.method == "POST" && request.target == "/fault/sick") {
    sick = true;
    reply.status = 200;
  } else if (control && request.method == "POST" && request.target == "/fault/well") {
    sick = false;
    reply.status = 200;
  }
  return reply;
}

}  // namespace atl::lab
