#include "lab/remote_coordinator.h"

#include <deque>
#include <map>

#include <fmt/format.h>

#include "base/log.h"
#include "env/sync.h"
#include "lab/coord_frame.h"

namespace atl::lab {
namespace {

struct Waiting {
  env::Event done;
  std::optional<CoordReply> reply;
  std::optional<Error> failed;
};

// From the first call that wants it until it is lost; calls wait in `unsent` until it stands.
struct Link {
  std::unique_ptr<env::Stream> stream;
  std::deque<std::string> unsent;
  env::WaitQueue more;
  std::map<uint64_t, std::shared_ptr<Waiting>> calls;
  std::optional<Error> lost;
};

}  // namespace

struct RemoteCoordinator::Core : std::enable_shared_from_this<Core> {
  Core(env::Env& e, env::Endpoint s) : env(e), server(std::move(s)) {}

  Task<Result<CoordReply>> call(CoordCall call, Nanos limit);
  Task<void> run(std::shared_ptr<Link> link);
  Task<void> write(std::shared_ptr<Link> link);
  static Task<Result<std::unique_ptr<env::Stream>>> connect(env::Env& env, env::Endpoint to);
  void lose(std::shared_ptr<Link> lost, Error why);

  env::Env& env;
  env::Endpoint server;
  std::shared_ptr<Link> link;
  Nanos pause_until{0};
  uint64_t next_id = 1;
  uint64_t connections = 0;
  bool ended = false;
};

RemoteCoordinator::RemoteCoordinator(env::Env& env, env::Endpoint server)
    : core_(std::make_shared<Core>(env, std::move(server))) {}

RemoteCoordinator::~RemoteCoordinator() {
  core_->ended = true;
  if (core_->link)
    core_->lose(core_->link, Error(Errc::kCancelled, "the coordinator's client ends"));
}

uint64_t RemoteCoordinator::connections_made() const {
  return core_->connections;
}

// --- The connection ---

void RemoteCoordinator::Core::lose(std::shared_ptr<Link> lost, Error why) {
  if (lost->lost) return;
  lost->lost = why;
  if (link == lost) link.reset();
  if (lost->stream) lost->stream->close();
  lost->more.wake_all();
  for (auto& [id, waiting] : std::exchange(lost->calls, {})) {
    if (!waiting->failed) waiting->failed = why;
    waiting->done.set();
  }
}

Task<Result<std::unique_ptr<env::Stream>>> RemoteCoordinator::Core::connect(env::Env& env,
                                                                            env::Endpoint to) {
  return env::with_timeout(env, kCoordConnectDeadline, env.network().connect(std::move(to)));
}

// Connects, then reads until the connection is lost. An attempt that was given up goes on in the
// kernel for its two minutes at most, and what comes of it is closed.
Task<void> RemoteCoordinator::Core::run(std::shared_ptr<Link> mine) {
  auto self = shared_from_this();
  Result<std::unique_ptr<env::Stream>> stream = co_await connect(env, server);
  if (mine->lost) co_return;
  if (!stream) {
    pause_until = env.now() + kCoordConnectPause;
    lose(mine, Error(Errc::kUnavailable, "coordinator: " + stream.error().message));
    co_return;
  }
  ++connections;
  mine->stream = std::move(*stream);
  env.spawn("lab.coord_write", write(mine));
  while (!mine->lost) {
    Result<std::string> frame = co_await read_frame(*mine->stream);
    if (mine->lost) break;
    Result<CoordReply> reply = frame ? CoordReply::decode(*frame) : fail(frame.error());
    if (!reply) {
      lose(mine, Error(Errc::kUnavailable, "coordinator: " + reply.error().message));
      break;
    }
    auto waiting = mine->calls.find(reply->id);
    if (waiting == mine->calls.end()) continue;  // it was given up
    waiting->second->reply = std::move(*reply);
    waiting->second->done.set();
    mine->calls.erase(waiting);
  }
}

Task<void> RemoteCoordinator::Core::write(std::shared_ptr<Link> mine) {
  auto self = shared_from_this();
  while (!mine->lost) {
    if (mine->unsent.empty()) {
      co_await mine->more.wait();
      continue;
    }
    std::string text = std::move(mine->unsent.front());
    mine->unsent.pop_front();
    const Status sent = co_await write_frame(*mine->stream, std::move(text));
    if (!sent) lose(mine, Error(Errc::kUnavailable, "coordinator: " + sent.error().message));
  }
}

Task<Result<CoordReply>> RemoteCoordinator::Core::call(CoordCall call, Nanos limit) {
  auto self = shared_from_this();
  if (ended) co_return fail(Errc::kCancelled, "the coordinator's client has ended");
  if (!link) {
    if (env.now() < pause_until)
      co_return fail(Errc::kUnavailable, "coordinator: not reached a moment ago");
    link = std::make_shared<Link>();
    env.spawn("lab.coord_link", run(link));
  }
  const std::shared_ptr<Link> mine = link;
  if (mine->calls.size() >= kCoordCallsMax)
    co_return fail(Errc::kBusy, fmt::format("{} calls are under way", mine->calls.size()));
  call.id = next_id++;
  std::string text = call.encode();
  if (text.size() > kCoordFrameMax)
    co_return fail(Errc::kTooLarge, "the call is longer than a frame");
  auto waiting = std::make_shared<Waiting>();
  mine->calls[call.id] = waiting;
  mine->unsent.push_back(std::move(text));
  mine->more.wake_all();
  // The deadline ends the connection, which ends this call with the others. Weak: an answered call
  // leaves nothing behind.
  std::weak_ptr<Waiting> watched = waiting;
  std::weak_ptr<Core> core = self;
  const env::TimerId timer = env.start_timer(limit, [core, mine, watched] {
    auto owner = core.lock();
    auto late = watched.lock();
    if (!owner || !late || late->reply || late->failed) return;
    late->failed = Error(Errc::kTimeout, "coordinator: no answer in time");
    late->done.set();
    owner->lose(mine, Error(Errc::kUnavailable, "coordinator: it does not answer"));
  });
  co_await waiting->done.wait();
  env.cancel_timer(timer);
  if (!waiting->reply) co_return fail(*waiting->failed);
  if (!waiting->reply->status) co_return fail(waiting->reply->status.error());
  co_return std::move(*waiting->reply);
}

// --- The calls ---

Task<Result<coord::Versioned>> RemoteCoordinator::get(std::string key) {
  CoordCall call;
  call.op = CoordOp::kGet;
  call.key = std::move(key);
  ATOLL_CO_TRY(CoordReply reply, co_await core_->call(std::move(call), kCoordCallDeadline));
  if (reply.entries.size() != 1)
    co_return fail(Errc::kUnavailable, "coordinator: an answer without the entry");
  co_return std::move(reply.entries[0].versioned);
}

Task<Result<std::vector<coord::KeyValue>>> RemoteCoordinator::list(std::string prefix) {
  CoordCall call;
  call.op = CoordOp::kList;
  call.key = std::move(prefix);
  ATOLL_CO_TRY(CoordReply reply, co_await core_->call(std::move(call), kCoordCallDeadline));
  co_return std::move(reply.entries);
}

Task<Result<uint64_t>> RemoteCoordinator::compare_and_swap(std::string key,
                                                           uint64_t expected_version,
                                                           std::string value) {
  CoordCall call;
  call.op = CoordOp::kCas;
  call.key = std::move(key);
  call.version = expected_version;
  call.value = std::move(value);
  ATOLL_CO_TRY(const CoordReply reply, co_await core_->call(std::move(call), kCoordCallDeadline));
  co_return reply.number;
}

Task<Status> RemoteCoordinator::erase(std::string key, uint64_t expected_version) {
  CoordCall call;
  call.op = CoordOp::kErase;
  call.key = std::move(key);
  call.version = expected_version;
  ATOLL_CO_TRY(const CoordReply reply, co_await core_->call(std::move(call), kCoordCallDeadline));
  co_return reply.status;
}

Task<Result<uint64_t>> RemoteCoordinator::wait_change(std::string prefix, uint64_t after_revision,
                                                      Nanos limit) {
  CoordCall call;
  call.op = CoordOp::kWait;
  call.key = std::move(prefix);
  call.version = after_revision;
  call.time = std::clamp(limit, Nanos(0), coord::kMaxWait);
  const Nanos deadline = call.time + kCoordCallDeadline;
  ATOLL_CO_TRY(const CoordReply reply, co_await core_->call(std::move(call), deadline));
  co_return reply.number;
}

Task<Status> RemoteCoordinator::lease_acquire(std::string name, std::string holder,
                                              Nanos time_to_live) {
  CoordCall call;
  call.op = CoordOp::kAcquire;
  call.key = std::move(name);
  call.value = std::move(holder);
  call.time = std::max(time_to_live, Nanos(0));
  ATOLL_CO_TRY(const CoordReply reply, co_await core_->call(std::move(call), kCoordCallDeadline));
  co_return reply.status;
}

Task<Status> RemoteCoordinator::lease_renew(std::string name, std::string holder) {
  CoordCall call;
  call.op = CoordOp::kRenew;
  call.key = std::move(name);
  call.value = std::move(holder);
  ATOLL_CO_TRY(const CoordReply reply, co_await core_->call(std::move(call), kCoordCallDeadline));
  co_return reply.status;
}

Task<Status> RemoteCoordinator::lease_release(std::string name, std::string holder) {
  CoordCall call;
  call.op = CoordOp::kRelease;
  call.key = std::move(name);
  call.value = std::move(holder);
  ATOLL_CO_TRY(const CoordReply reply, co_await core_->call(std::move(call), kCoordCallDeadline));
  co_return reply.status;
}

Task<Result<std::vector<coord::HeldLease>>> RemoteCoordinator::leases(std::string prefix) {
  CoordCall call;
  call.op = CoordOp::kLeases;
  call.key = std::move(prefix);
  ATOLL_CO_TRY(CoordReply reply, co_await core_->call(std::move(call), kCoordCallDeadline));
  std::vector<coord::HeldLease> held;
  for (coord::KeyValue& entry : reply.entries)
    held.push_back({std::move(entry.key), std::move(entry.versioned.value)});
  co_return held;
}

}  // namespace atl::lab
