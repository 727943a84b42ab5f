#include "cloud/emulator_http.h"

#include "cloud/emulator_http_core.h"
#include "cloud/emulator_json.h"

namespace atl::cloud {
namespace {

// A connection that its idle timer may close, for as long as both are there.
class IdleTimer {
 public:
  IdleTimer(env::Env& env, env::Stream* stream) : env_(env), stream_(stream) {}
  ~IdleTimer() { stop(); }
  IdleTimer(const IdleTimer&) = delete;
  IdleTimer& operator=(const IdleTimer&) = delete;
  void start() {
    stop();
    timer_ = env_.start_timer(kEmulatorIdleMax, [stream = stream_] { stream->close(); });
  }
  void stop() { env_.cancel_timer(timer_); }

 private:
  env::Env& env_;
  env::Stream* stream_;
  env::TimerId timer_;
};

Task<std::optional<HttpMessage>> handle(EmulatorPtr core, HttpMessage request,
                                        env::Endpoint remote) {
  if (request.target.starts_with("/computeMetadata/"))
    return answer_metadata(std::move(core), std::move(request), std::move(remote));
  return answer_api(std::move(core), std::move(request));
}

Task<void> wait_for_end(env::Stream& stream) {
  std::vector<uint8_t> space(1);
  while (true) {
    const MutableByteSpan into(space);
    Result<size_t> got = co_await stream.read_some(into);
    if (!got || *got == 0) co_return;
  }
}

// The bytes to be sent, and whether the connection goes on. Nothing: it hangs.
struct Reply {
  std::string bytes;
  bool keep_alive = false;
};

Reply reply_of(const HttpMessage& answer) {
  Result<std::string> bytes = response_bytes(answer);
  return {bytes ? std::move(*bytes) : "HTTP/1.1 500 \r\ncontent-length: 0\r\n\r\n",
          bytes && answer.keep_alive};
}

Task<std::optional<Reply>> reply_to(EmulatorPtr core, HttpMessage request, env::Endpoint remote) {
  using Kind = HttpFault::Kind;
  const bool keep_alive = request.keep_alive;
  std::optional<HttpFault> fault;
  if (core->fault_hook) fault = core->fault_hook(request);
  if (fault && fault->kind == Kind::kHang) co_return std::nullopt;
  if (fault && fault->kind == Kind::kRaw) co_return Reply{fault->text, false};
  if (fault && fault->kind == Kind::kStatus) {
    HttpMessage refused = json_answer(fault->status, fault->text);
    refused.keep_alive = keep_alive;
    co_return reply_of(refused);
  }
  std::optional<HttpMessage> answer = co_await handle(core, std::move(request), std::move(remote));
  if (!answer) co_return std::nullopt;
  answer->keep_alive = keep_alive;
  if (fault && fault->kind == Kind::kBody) answer->body = fault->text;
  if (fault && fault->kind == Kind::kDelay) co_await core->env.sleep(fault->delay);
  Reply reply = reply_of(*answer);
  if (fault && fault->kind == Kind::kCut) {
    reply.bytes.resize(std::min(reply.bytes.size(), fault->bytes));
    reply.keep_alive = false;
  }
  co_return reply;
}

Task<void> converse(EmulatorPtr core, env::Stream& stream) {
  HttpReader reader(HttpKind::kRequest);
  IdleTimer idle(core->env, &stream);
  while (!core->stopped) {
    idle.start();
    Result<HttpMessage> request = co_await read_message(stream, reader);
    idle.stop();
    if (core->stopped) co_return;
    Reply reply;
    if (request) {
      ++core->requests;
      env::Endpoint remote = stream.remote();
      std::optional<Reply> made = co_await reply_to(core, std::move(*request), std::move(remote));
      if (core->stopped) co_return;
      if (!made) {
        co_await wait_for_end(stream);
        co_return;
      }
      reply = std::move(*made);
    } else if (request.error().code == Errc::kTooLarge || request.error().code == Errc::kCorrupt) {
      HttpMessage refused = json_answer(request.error().code == Errc::kTooLarge ? 413 : 400, "{}");
      refused.keep_alive = false;
      reply = reply_of(refused);
    } else {
      co_return;
    }
    idle.start();
    std::vector<ByteSpan> parts(1, as_bytes(reply.bytes));
    Status sent = co_await stream.write_all(std::move(parts));
    idle.stop();
    if (!sent || !reply.keep_alive) co_return;
  }
}

Task<void> serve(EmulatorPtr core, std::unique_ptr<env::Stream> stream) {
  core->streams.insert(stream.get());
  co_await converse(core, *stream);
  core->streams.erase(stream.get());
  stream->shutdown_send();
}

Task<void> accept_all(EmulatorPtr core, std::shared_ptr<env::Listener> listener) {
  while (!core->stopped) {
    auto stream = co_await listener->accept();
    if (core->stopped) co_return;
    if (!stream) {
      if (stream.error().code == Errc::kCancelled) co_return;
      co_await core->env.sleep(100ms);  // out of descriptors: let some connections end
      continue;
    }
    if (core->streams.size() >= kEmulatorConnectionsMax) continue;  // closes it
    core->env.spawn("emulator_http", serve(core, std::move(*stream)));
  }
}

}  // namespace

HttpMessage json_answer(int status, std::string body) {
  HttpMessage out;
  out.status = status;
  out.headers["content-type"] = "application/json; charset=UTF-8";
  out.body = std::move(body);
  return out;
}

Result<SplitTarget> split_target(std::string_view target) {
  SplitTarget out;
  const size_t mark = target.find('?');
  out.path = target.substr(0, mark);
  while (mark != std::string_view::npos) {
    target.remove_prefix(target.find_first_of("?&") + 1);
    const std::string_view pair = target.substr(0, target.find('&'));
    const size_t equals = pair.find('=');
    ATOLL_TRY(std::string key, percent_decode(pair.substr(0, equals)));
    std::string value;
    if (equals != std::string_view::npos) {
      ATOLL_TRY(value, percent_decode(pair.substr(equals + 1)));
    }
    out.query[std::move(key)] = std::move(value);
    if (target.find('&') == std::string_view::npos) break;
  }
  return out;
}

EmulatorHttp::EmulatorHttp(env::Env& env, Compute& compute, EmulatorOptions options)
    : core_(std::make_shared<Core>(env, compute, std::move(options))) {}

EmulatorHttp::~EmulatorHttp() {
  stop();
}

Status EmulatorHttp::listen(const env::Endpoint& at) {
  ATOLL_TRY(std::unique_ptr<env::Listener> listener, core_->env.network().listen(at));
  std::shared_ptr<env::Listener> shared = std::move(listener);
  core_->listeners.push_back(shared);
  core_->env.spawn("emulator_accept", accept_all(core_, std::move(shared)));
  return {};
}

std::string EmulatorHttp::endpoint() const {
  return core_->listeners.empty() ? "" : "http://" + core_->listeners.back()->local().to_string();
}

void EmulatorHttp::stop() {
  core_->stopped = true;
  for (const auto& listener : core_->listeners) listener->close();
  for (env::Stream* stream : core_->streams) stream->close();
}

void EmulatorHttp::add_group(EmulatedGroup group) {
  std::string name = group.name;
  core_->groups.insert_or_assign(std::move(name), std::move(group));
}
void EmulatorHttp::set_fault_hook(FaultHook hook) {
  core_->fault_hook = std::move(hook);
}
void EmulatorHttp::set_who_asks(WhoAsks who) {
  core_->who_asks = std::move(who);
}
void EmulatorHttp::revoke_tokens() {
  core_->tokens.clear();
}
size_t EmulatorHttp::connections() const {
  return core_->streams.size();
}
uint64_t EmulatorHttp::requests() const {
  return core_->requests;
}

}  // namespace atl::cloud
