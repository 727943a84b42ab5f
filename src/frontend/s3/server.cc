#include "frontend/s3/server.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "frontend/s3/connection.h"
#include "frontend/s3/http_date.h"
#include "frontend/s3/server_core.h"
#include "frontend/s3/tls.h"

namespace atl::s3 {
namespace {

// For connections that were closed by stop() to unwind; a handler that waits for more is stuck.
constexpr Nanos kUnwindTime = 5s;

void admit(const std::shared_ptr<ServerCore>& core, std::unique_ptr<env::Stream> stream,
           const std::shared_ptr<TlsContext>& tls) {
  const bool full = core->connections.size() - core->refusals >= core->options.connections_max;
  core->metrics.accepted.add();
  if (full) core->metrics.refused.add();
  if (full && core->refusals >= kRefusalsMax) return;
  if (tls) stream = tls->wrap_server(core->env, std::move(stream));
  auto connection = std::make_unique<Connection>(core, std::move(stream), tls != nullptr, full);
  core->env.spawn("s3_connection", Connection::run(std::move(connection)));
}

Task<void> accept_loop(std::shared_ptr<ServerCore> core, std::shared_ptr<env::Listener> listener,
                       std::shared_ptr<TlsContext> tls) {
  while (!core->stopping) {
    Result<std::unique_ptr<env::Stream>> stream = co_await listener->accept();
    if (core->stopping) break;
    if (stream) {
      admit(core, std::move(*stream), tls);
      continue;
    }
    if (stream.error().code == Errc::kCancelled) break;
    core->metrics.accept_errors.add();
    ATOLL_LOG(kWarn, "s3", "cannot accept a connection", {{"error", stream.error().to_string()}});
    co_await core->env.sleep(kAcceptRetryDelay);
  }
  --core->accept_loops;
  core->changed.set();
}

bool is_empty(const ServerCore& core) {
  return core.connections.empty() && core.accept_loops == 0;
}

Task<void> wait_until_empty(std::shared_ptr<ServerCore> core, Nanos limit) {
  auto expired = std::make_shared<bool>(false);
  auto expire = [expired, core] {
    *expired = true;
    core->changed.set();
  };
  const env::TimerId timer = core->env.start_timer(limit, std::move(expire));
  while (!is_empty(*core) && !*expired) {
    core->changed.reset();
    co_await core->changed.wait();
  }
  core->env.cancel_timer(timer);
}

}  // namespace

// --- ServerCore ---

ServerCore::ServerCore(env::Env& e, Handler& h, CredentialStore& credentials, ServerOptions o)
    : env(e),
      handler(h),
      options(std::move(o)),
      authenticator(credentials, options.regions),
      metrics(options.access_log) {}

void ServerCore::start_sweeping() {
  std::weak_ptr<ServerCore> weak = weak_from_this();
  sweep_timer = env.start_timer(kSweepPeriod, [weak] {
    auto core = weak.lock();
    if (!core || core->stopping) return;
    core->sweep();
    core->start_sweeping();
  });
}

void ServerCore::stop_sweeping() {
  env.cancel_timer(sweep_timer);
  sweep_timer = {};
}

void ServerCore::sweep() {
  ++seconds;
  for (Connection* connection : connections) connection->sweep();
}

std::unique_ptr<Request> ServerCore::take_request() {
  if (spare_requests_.empty()) return std::make_unique<Request>();
  auto request = std::move(spare_requests_.back());
  spare_requests_.pop_back();
  return request;
}

void ServerCore::give_back(std::unique_ptr<Request> request) {
  if (spare_requests_.size() >= kSpareRequestsMax) return;
  request->reset();
  spare_requests_.push_back(std::move(request));
}

std::string_view ServerCore::http_date_now() {
  const Nanos now = env.wall_now();
  const auto second = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  if (second != date_second_) {
    date_second_ = second;
    date_ = http_date(now);
  }
  return date_;
}

std::string ServerCore::make_request_id() {
  return fmt::format("{:016X}", env.random());
}

// --- Server ---

Server::Server(env::Env& env, Handler& handler, CredentialStore& credentials, ServerOptions options)
    : core_(std::make_shared<ServerCore>(env, handler, credentials, std::move(options))) {
  core_->start_sweeping();
}

Server::~Server() {
  core_->stopping = true;
  core_->stop_sweeping();
  for (const auto& listener : core_->listeners) listener->close();
  for (Connection* connection : core_->connections) connection->close();
}

Result<env::Endpoint> Server::listen(const env::Endpoint& at, std::shared_ptr<TlsContext> tls) {
  ATOLL_CHECK(!core_->stopping);
  ATOLL_TRY(std::unique_ptr<env::Listener> opened, core_->env.network().listen(at));
  std::shared_ptr<env::Listener> listener = std::move(opened);
  core_->listeners.push_back(listener);
  ++core_->accept_loops;
  core_->env.spawn("s3_accept", accept_loop(core_, listener, std::move(tls)));
  return listener->local();
}

Task<Status> Server::stop(Nanos grace) {
  auto core = core_;
  core->stopping = true;
  for (const auto& listener : core->listeners) listener->close();
  for (Connection* connection : core->connections) connection->close_if_idle();
  co_await wait_until_empty(core, grace);
  if (!is_empty(*core)) {
    for (Connection* connection : core->connections) connection->close();
    co_await wait_until_empty(core, kUnwindTime);
  }
  core->stop_sweeping();
  if (!is_empty(*core))
    co_return fail(Errc::kTimeout,
                   fmt::format("{} connections still run a request", core->connections.size()));
  co_return Status{};
}

void Server::drain() {
  core_->draining = true;
  for (Connection* connection : core_->connections) connection->end_if_between_requests();
}

size_t Server::transfers(uint64_t bytes, Nanos age) const {
  const Nanos since = core_->env.now() - age;
  return static_cast<size_t>(std::ranges::count_if(
      core_->connections, [&](const Connection* c) { return c->transfers(bytes, since); }));
}

size_t Server::under_way(Nanos fresh) const {
  const Nanos since = core_->env.now() - fresh;
  return static_cast<size_t>(std::ranges::count_if(
      core_->connections, [&](const Connection* c) { return c->under_way(since); }));
}

size_t Server::connections() const {
  return core_->connections.size() - core_->refusals;
}

}  // namespace atl::s3
