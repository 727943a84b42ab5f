#include "cloud/http_client.h"

#include <deque>
#include <set>

#include <arpa/inet.h>
#include <netdb.h>

#include "base/check.h"
#include "base/log.h"
#include "env/sync.h"

namespace atl::cloud {
namespace {

bool is_address(const std::string& host) {
  unsigned char space[16];
  return inet_pton(AF_INET, host.c_str(), space) == 1 ||
         inet_pton(AF_INET6, host.c_str(), space) == 1;
}

// A connection with what was read ahead of it.
struct Connection {
  std::unique_ptr<env::Stream> stream;
  HttpReader reader{HttpKind::kResponse};
  Nanos idle_since{};
  bool reused = false;
};

// One call, seen from its deadline: what there is to be closed.
struct Attempt {
  bool over = false;
  env::Stream* stream = nullptr;
  void end() {
    over = true;
    if (stream != nullptr) stream->close();
  }
};

}  // namespace

struct HttpClient::Core {
  Core(env::Env& e, HttpOrigin o, HttpClientOptions p)
      : env(e), origin(std::move(o)), options(std::move(p)), slots(kConnectionsMax) {}

  env::Env& env;
  HttpOrigin origin;
  HttpClientOptions options;
  env::Semaphore slots;
  std::deque<Connection> idle;  // the most recently used at the back
  std::set<std::shared_ptr<Attempt>> attempts;
  std::vector<std::string> addresses;
  Nanos resolved_at{};
  bool resolving = false;
  bool stopped = false;
  uint64_t made = 0;
};

namespace {

using Core = HttpClient::Core;
using CorePtr = std::shared_ptr<Core>;

Error gone() {
  return Error(Errc::kCancelled, "the HTTP client was stopped");
}

std::string host_header(const HttpOrigin& origin) {
  const bool usual = origin.port == (origin.tls ? 443 : 80);
  const bool bare = origin.host.find(':') == std::string::npos;  // no IPv6 address
  const std::string host = bare ? origin.host : "[" + origin.host + "]";
  return usual ? host : fmt::format("{}:{}", host, origin.port);
}

// --- Names ---

using Addresses = std::vector<std::string>;

Task<Result<Addresses>> resolve_off_reactor(CorePtr core) {
  auto found = std::make_shared<Result<Addresses>>();
  std::function<void()> work = [found, resolve = core->options.resolve, host = core->origin.host] {
    *found = resolve(host);
  };
  co_await core->env.offload(std::move(work));
  co_return std::move(*found);
}

Task<Status> resolve_now(CorePtr core) {
  core->resolving = true;
  Task<Result<Addresses>> task = resolve_off_reactor(core);
  Result<Addresses> found =
      co_await env::with_timeout(core->env, kResolveDeadline, std::move(task));
  core->resolving = false;
  core->resolved_at = core->env.now();
  if (!found) co_return fail(std::move(found).error());
  if (found->empty()) co_return fail(Errc::kUnavailable, core->origin.host + " has no address");
  core->addresses = std::move(*found);
  co_return Status{};
}

Task<void> resolve_again(CorePtr core) {
  Status done = co_await resolve_now(core);
  if (done) co_return;
  ATOLL_LOG(kWarn, "cloud", "a name cannot be resolved; its last addresses stay in use",
            {{"host", core->origin.host}, {"error", done.error().to_string()}});
}

Task<Result<Addresses>> addresses_to_try(CorePtr core) {
  Addresses out;
  if (is_address(core->origin.host)) {
    out.push_back(core->origin.host);
    co_return out;
  }
  Status known;
  if (core->addresses.empty()) {
    known = co_await resolve_now(core);
  } else if (!core->resolving && core->env.now() - core->resolved_at > kResolveInterval) {
    core->env.spawn("cloud_resolve", resolve_again(core));
  }
  out = core->addresses;
  const std::string& fallback = core->options.fallback_address;
  if (!fallback.empty()) {
    if (out.size() >= kAddressesTried) out.resize(kAddressesTried - 1);
    out.push_back(fallback);
  }
  if (out.size() > kAddressesTried) out.resize(kAddressesTried);
  if (out.empty()) co_return fail(std::move(known).error().with_context(core->origin.host));
  co_return out;
}

// --- Connections ---

Task<Result<std::unique_ptr<env::Stream>>> connect_plain(CorePtr core,
                                                         std::shared_ptr<Attempt> attempt) {
  ATOLL_CO_TRY(const Addresses addresses, co_await addresses_to_try(core));
  Error last(Errc::kUnavailable, "no address");
  for (const std::string& address : addresses) {
    if (attempt->over || core->stopped) co_return fail(gone());
    env::Endpoint to{address, core->origin.port};
    Task<Result<std::unique_ptr<env::Stream>>> task = core->env.network().connect(std::move(to));
    auto stream = co_await env::with_timeout(core->env, kConnectDeadline, std::move(task));
    if (stream) co_return std::move(*stream);
    last = Error(Errc::kUnavailable, fmt::format("connect to {}:{}: {}", address, core->origin.port,
                                                 stream.error().to_string()));
  }
  co_return fail(std::move(last));
}

Task<Result<Connection>> connect(CorePtr core, std::shared_ptr<Attempt> attempt) {
  ATOLL_CO_TRY(std::unique_ptr<env::Stream> stream, co_await connect_plain(core, attempt));
  if (attempt->over || core->stopped) co_return fail(gone());
  ++core->made;
  Connection out;
  out.stream = std::move(stream);
  if (!core->origin.tls) co_return std::move(out);
  if (!core->options.tls) co_return fail(Errc::kInvalidArgument, "https without a TLS context");
  attempt->stream = out.stream.get();  // it lives on in the handshake, whatever comes of it
  std::string host = core->origin.host;
  auto tls = co_await TlsClient::connect(core->options.tls, core->env, std::move(out.stream),
                                         std::move(host));
  attempt->stream = nullptr;
  if (!tls) co_return fail(std::move(tls).error());
  out.stream = std::move(*tls);
  co_return std::move(out);
}

std::optional<Connection> take_idle(Core& core) {
  while (!core.idle.empty() && core.env.now() - core.idle.front().idle_since > kIdleConnectionMax)
    core.idle.pop_front();
  if (core.idle.empty()) return std::nullopt;
  std::optional<Connection> out(std::move(core.idle.back()));
  core.idle.pop_back();
  out->reused = true;
  return out;
}

void give_back(Core& core, Connection connection, bool keep_alive) {
  if (!keep_alive || core.stopped || connection.reader.has_leftover()) return;
  connection.idle_since = core.env.now();
  core.idle.push_back(std::move(connection));
}

// --- One exchange ---

Task<Result<HttpMessage>> exchange(Connection& connection, std::string bytes) {
  std::vector<ByteSpan> parts(1, as_bytes(bytes));
  Status sent = co_await connection.stream->write_all(std::move(parts));
  // A server may answer and close without having read everything: its answer counts.
  Result<HttpMessage> answer = co_await read_message(*connection.stream, connection.reader);
  if (answer) co_return std::move(answer);
  if (!sent) co_return fail(std::move(sent).error());
  co_return std::move(answer);
}

Task<Result<HttpMessage>> call_once(CorePtr core, std::shared_ptr<Attempt> attempt,
                                    std::string bytes) {
  env::Permit slot = co_await env::Permit::take(core->slots);
  for (bool kept = true;; kept = false) {
    if (attempt->over || core->stopped) co_return fail(gone());
    std::optional<Connection> connection;
    if (kept) connection = take_idle(*core);
    if (!connection) {
      Result<Connection> made = co_await connect(core, attempt);
      if (!made) co_return fail(std::move(made).error());
      connection.emplace(std::move(*made));
    }
    if (attempt->over || core->stopped) co_return fail(gone());
    attempt->stream = connection->stream.get();
    Result<HttpMessage> answer = co_await exchange(*connection, bytes);
    attempt->stream = nullptr;
    if (answer) {
      give_back(*core, std::move(*connection), answer->keep_alive);
      co_return std::move(answer);
    }
    if (!connection->reused || connection->reader.started() || attempt->over)
      co_return fail(std::move(answer).error());
  }
}

}  // namespace

Result<HttpOrigin> HttpOrigin::parse(std::string_view url) {
  const std::string text(url);
  const auto refuse = [&text] {
    return fail(Errc::kInvalidArgument,
                "not an origin such as https://compute.googleapis.com: '" + text + "'");
  };
  HttpOrigin out;
  out.tls = url.starts_with("https://");
  if (!out.tls && !url.starts_with("http://")) return refuse();
  url.remove_prefix(out.tls ? 8 : 7);
  if (url.ends_with('/')) url.remove_suffix(1);
  out.port = out.tls ? 443 : 80;
  size_t host_end = url.find(':');
  if (url.starts_with('[')) {
    const size_t bracket = url.find(']');
    if (bracket == std::string_view::npos) return refuse();
    out.host = url.substr(1, bracket - 1);
    if (!is_address(out.host)) return refuse();
    host_end = bracket + 1 < url.size() ? bracket + 1 : std::string_view::npos;
    if (host_end != std::string_view::npos && url[host_end] != ':') return refuse();
  } else {
    out.host = url.substr(0, host_end);
    for (const char c : out.host)
      if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.') return refuse();
  }
  if (out.host.empty() || out.host.size() > 253) return refuse();
  if (host_end == std::string_view::npos) return out;
  const std::string_view port = url.substr(host_end + 1);
  uint32_t number = 0;
  for (const char c : port) {
    if (c < '0' || c > '9' || number > 65535) return refuse();
    number = number * 10 + static_cast<uint32_t>(c - '0');
  }
  if (port.empty() || number == 0 || number > 65535) return refuse();
  out.port = static_cast<uint16_t>(number);
  return out;
}

Result<std::vector<std::string>> resolve_by_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (code != 0)
    return fail(Errc::kUnavailable, fmt::format("resolve {}: {}", host, gai_strerror(code)));
  std::vector<std::string> out;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) ==
        0)
      out.emplace_back(text);
  }
  freeaddrinfo(found);
  return out;
}

HttpClient::HttpClient(env::Env& env, HttpOrigin origin, HttpClientOptions options)
    : core_(std::make_shared<Core>(env, std::move(origin), std::move(options))) {}

HttpClient::~HttpClient() {
  stop();
}

void HttpClient::stop() {
  core_->stopped = true;
  core_->idle.clear();
  for (const auto& attempt : core_->attempts) attempt->end();
}

Task<Result<HttpMessage>> HttpClient::call(HttpMessage request, Nanos limit) {
  CorePtr core = core_;
  if (core->attempts.size() >= kConnectionsMax + kWaitingCallsMax)
    co_return fail(Errc::kBusy, "too many API calls wait for a connection");
  request.headers["host"] = host_header(core->origin);
  ATOLL_CO_TRY(std::string bytes, request_bytes(request));
  auto attempt = std::make_shared<Attempt>();
  core->attempts.insert(attempt);
  Task<Result<HttpMessage>> task = call_once(core, attempt, std::move(bytes));
  Result<HttpMessage> answer = co_await env::with_timeout(core->env, limit, std::move(task));
  attempt->end();  // after the deadline its task goes on until it sees this
  core->attempts.erase(attempt);
  co_return answer;
}

size_t HttpClient::idle_connections() const {
  return core_->idle.size();
}
uint64_t HttpClient::connections_made() const {
  return core_->made;
}

}  // namespace atl::cloud
