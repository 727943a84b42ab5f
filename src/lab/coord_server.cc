#include "lab/coord_server.h"

#include <set>

#include "base/log.h"
#include "env/sync.h"
#include "lab/coord_frame.h"

namespace atl::lab {
namespace {

struct Connection {
  explicit Connection(std::unique_ptr<env::Stream> s) : stream(std::move(s)) {}
  std::unique_ptr<env::Stream> stream;
  env::Mutex writing;
  size_t calls = 0;
  Nanos last_call{0};
};

}  // namespace

struct CoordServer::Core : std::enable_shared_from_this<Core> {
  Core(env::Env& e, coord::Coordinator& c, OnChange o)
      : env(e), coordinator(c), on_change(std::move(o)) {}

  Task<void> accept_all(std::shared_ptr<env::Listener> at);
  Task<void> serve(std::shared_ptr<Connection> connection);
  Task<void> watch(std::shared_ptr<Connection> connection);
  Task<void> answer(std::shared_ptr<Connection> connection, CoordCall call);
  Task<CoordReply> carry_out(CoordCall call);
  Task<CoordReply> change(CoordCall call);
  Task<CoordReply> list_leases(CoordCall call);

  env::Env& env;
  coord::Coordinator& coordinator;
  coord::LeaseList* leases = nullptr;
  OnChange on_change;
  std::shared_ptr<env::Listener> listener;
  std::set<std::shared_ptr<Connection>> connections;
  bool stopped = false;
};

CoordServer::CoordServer(env::Env& env, coord::Coordinator& coordinator, OnChange on_change)
    : core_(std::make_shared<Core>(env, coordinator, std::move(on_change))) {}

CoordServer::~CoordServer() {
  stop();
}

Status CoordServer::listen(const env::Endpoint& at) {
  ATOLL_TRY(auto listener, core_->env.network().listen(at));
  core_->listener = std::move(listener);
  core_->env.spawn("lab.coord_server", core_->accept_all(core_->listener));
  return {};
}

void CoordServer::offer(coord::LeaseList& leases) {
  core_->leases = &leases;
}

env::Endpoint CoordServer::local() const {
  return core_->listener ? core_->listener->local() : env::Endpoint();
}

size_t CoordServer::connections() const {
  return core_->connections.size();
}

void CoordServer::stop() {
  core_->stopped = true;
  core_->on_change = {};
  if (core_->listener) core_->listener->close();
  for (const auto& connection : core_->connections) connection->stream->close();
}

Task<void> CoordServer::Core::accept_all(std::shared_ptr<env::Listener> at) {
  auto self = shared_from_this();
  while (!stopped) {
    Result<std::unique_ptr<env::Stream>> stream = co_await at->accept();
    if (!stream) {
      if (stopped || stream.error().code == Errc::kCancelled) co_return;
      // Out of descriptors, or a peer that was gone at once: others may come.
      ATOLL_LOG(kWarn, "lab", "accept", {{"why", stream.error().to_string()}});
      co_await env.sleep(10ms);
      continue;
    }
    if (stopped || connections.size() >= kCoordConnectionsMax) continue;  // closed
    auto connection = std::make_shared<Connection>(std::move(*stream));
    connection->last_call = env.now();
    connections.insert(connection);
    env.spawn("lab.coord_connection", serve(connection));
    env.spawn("lab.coord_idle", watch(connection));
  }
}

Task<void> CoordServer::Core::serve(std::shared_ptr<Connection> connection) {
  auto self = shared_from_this();
  while (!stopped) {
    Result<std::string> frame = co_await read_frame(*connection->stream);
    if (!frame) break;
    Result<CoordCall> call = CoordCall::decode(*frame);
    if (!call) {
      ATOLL_LOG(kWarn, "lab", "connection closed", {{"why", call.error().to_string()}});
      break;
    }
    connection->last_call = env.now();
    if (connection->calls >= kCoordCallsMax) break;  // not one of ours
    ++connection->calls;
    env.spawn("lab.coord_call", answer(connection, std::move(*call)));
  }
  connection->stream->close();
  connections.erase(connection);
}

// A peer that lost its power says nothing: its connection is closed by the time that passes.
Task<void> CoordServer::Core::watch(std::shared_ptr<Connection> connection) {
  auto self = shared_from_this();
  while (connections.contains(connection)) {
    const Nanos left = connection->last_call + kCoordIdleMax - env.now();
    if (left <= Nanos(0)) {
      connection->stream->close();
      co_return;
    }
    co_await env.sleep(std::min<Nanos>(left, 1s));
  }
}

Task<void> CoordServer::Core::answer(std::shared_ptr<Connection> connection, CoordCall call) {
  auto self = shared_from_this();
  CoordReply reply = co_await carry_out(std::move(call));
  --connection->calls;
  std::string text = reply.encode();
  if (text.size() > kCoordFrameMax) {
    reply.entries.clear();
    reply.status = fail(Errc::kTooLarge, "the answer is longer than a frame");
    text = reply.encode();
  }
  const env::Permit turn = co_await connection->writing.lock();
  const Status sent = co_await write_frame(*connection->stream, std::move(text));
  if (!sent) connection->stream->close();
}

Task<CoordReply> CoordServer::Core::carry_out(CoordCall call) {
  if (call.op == CoordOp::kCas || call.op == CoordOp::kErase)
    co_return co_await change(std::move(call));
  CoordReply reply;
  reply.id = call.id;
  switch (call.op) {
    case CoordOp::kGet: {
      Result<coord::Versioned> got = co_await coordinator.get(call.key);
      if (got)
        reply.entries.push_back({call.key, std::move(*got)});
      else
        reply.status = fail(got.error());
      break;
    }
    case CoordOp::kList: {
      auto listed = co_await coordinator.list(call.key);
      if (listed)
        reply.entries = std::move(*listed);
      else
        reply.status = fail(listed.error());
      break;
    }
    case CoordOp::kWait: {
      const Result<uint64_t> now =
          co_await coordinator.wait_change(call.key, call.version, call.time);
      if (now)
        reply.number = *now;
      else
        reply.status = fail(now.error());
      break;
    }
    case CoordOp::kAcquire:
      reply.status = co_await coordinator.lease_acquire(call.key, call.value, call.time);
      break;
    case CoordOp::kRenew:
      reply.status = co_await coordinator.lease_renew(call.key, call.value);
      break;
    case CoordOp::kRelease:
      reply.status = co_await coordinator.lease_release(call.key, call.value);
      break;
    case CoordOp::kLeases:
      reply = co_await list_leases(std::move(call));
      break;
    case CoordOp::kCas:
    case CoordOp::kErase:
      break;  // change()
  }
  co_return reply;
}

Task<CoordReply> CoordServer::Core::list_leases(CoordCall call) {
  CoordReply reply;
  reply.id = call.id;
  Result<std::vector<coord::HeldLease>> held = fail(Errc::kUnsupported, "leases are not listed");
  if (leases != nullptr) held = co_await leases->leases(call.key);
  if (!held) {
    reply.status = fail(held.error());
    co_return reply;
  }
  for (coord::HeldLease& lease : *held)
    reply.entries.push_back({std::move(lease.name), {std::move(lease.holder), 0}});
  co_return reply;
}

Task<CoordReply> CoordServer::Core::change(CoordCall call) {
  CoordReply reply;
  reply.id = call.id;
  KeyChange told;
  told.key = call.key;
  told.after = call.value;
  const Result<coord::Versioned> before = co_await coordinator.get(call.key);
  if (before) told.before = before->value;
  told.at = env.wall_now();
  if (call.op == CoordOp::kCas) {
    const Result<uint64_t> changed =
        co_await coordinator.compare_and_swap(call.key, call.version, std::move(call.value));
    if (changed)
      reply.number = *changed;
    else
      reply.status = fail(changed.error());
  } else {
    told.after.clear();
    reply.status = co_await coordinator.erase(call.key, call.version);
  }
  if (reply.status && on_change) on_change(told);
  co_return reply;
}

}  // namespace atl::lab
