#include "env/sim_net.h"

#include <cstring>
#include <deque>

#include "env/sim_env.h"
#include "env/sync.h"

namespace atl::env {
namespace {

// One direction of a connection. Both ends share it.
struct Pipe {
  std::string bytes;
  bool ended = false;   // the writer will write no more
  bool broken = false;  // the reader will read no more
  WaitQueue changed;

  void end() {
    ended = true;
    changed.wake_all();
  }
  void break_off() {
    broken = true;
    changed.wake_all();
  }
};

class SimStream final : public Stream {
 public:
  SimStream(SimNetwork& network, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out,
            Endpoint remote)
      : network_(network), in_(std::move(in)), out_(std::move(out)), remote_(std::move(remote)) {}
  ~SimStream() override { close(); }

  Task<Result<size_t>> read_some(MutableByteSpan into) override {
    auto in = in_;  // outlives the stream
    while (in->bytes.empty() && !in->ended && !in->broken) co_await in->changed.wait();
    if (in->broken) co_return fail(Errc::kCancelled, "stream closed");
    if (in->bytes.empty()) co_return size_t{0};
    const size_t n = network_.part_of(std::min(into.size(), in->bytes.size()));
    std::memcpy(into.data(), in->bytes.data(), n);
    in->bytes.erase(0, n);
    in->changed.wake_all();
    co_return n;
  }

  Task<Status> write_all(std::vector<ByteSpan> parts) override {
    auto out = out_;
    for (ByteSpan part : parts) {
      while (!part.empty()) {
        if (out->ended) co_return fail(Errc::kCancelled, "stream closed");
        if (out->broken) co_return fail(Errc::kUnavailable, "the peer has closed the stream");
        const size_t n = std::min(part.size(), kSimPipeBytes - out->bytes.size());
        if (n == 0) {
          co_await out->changed.wait();
          continue;
        }
        out->bytes.append(as_string_view(part.first(n)));
        part = part.subspan(n);
        out->changed.wake_all();
      }
    }
    co_return Status{};
  }

  void shutdown_send() override { out_->end(); }
  void close() override {
    out_->end();
    in_->break_off();
  }
  Endpoint remote() const override { return remote_; }

 private:
  SimNetwork& network_;
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  Endpoint remote_;
};

}  // namespace

struct SimListenerState {
  Endpoint local;
  bool closed = false;
  std::deque<std::unique_ptr<Stream>> waiting;
  WaitQueue changed;
};

namespace {

class SimListener final : public Listener {
 public:
  explicit SimListener(std::shared_ptr<SimListenerState> state) : state_(std::move(state)) {}
  ~SimListener() override { close(); }

  Task<Result<std::unique_ptr<Stream>>> accept() override {
    auto state = state_;
    while (state->waiting.empty() && !state->closed) co_await state->changed.wait();
    if (state->closed) co_return fail(Errc::kCancelled, "listener closed");
    auto stream = std::move(state->waiting.front());
    state->waiting.pop_front();
    co_return std::move(stream);
  }
  void close() override {
    state_->closed = true;
    state_->waiting.clear();
    state_->changed.wake_all();
  }
  Endpoint local() const override { return state_->local; }

 private:
  std::shared_ptr<SimListenerState> state_;
};

}  // namespace

SimNetwork::SimNetwork(SimEnv& env, uint64_t seed, bool fragment)
    : env_(env), random_(seed), fragment_(fragment) {}

size_t SimNetwork::part_of(size_t available) {
  if (!fragment_ || available <= 1) return available;
  // Short splits as often as long ones: parsers break at the first bytes of a line or frame.
  if (random_.chance(0.3)) return 1;
  return random_.between(1, available);
}

Result<std::unique_ptr<Listener>> SimNetwork::listen(const Endpoint& at) {
  auto state = std::make_shared<SimListenerState>();
  state->local = at;
  if (at.port == 0) state->local.port = next_port_++;
  auto& slot = listeners_[state->local.to_string()];
  if (auto other = slot.lock(); other && !other->closed)
    return fail(Errc::kBusy, state->local.to_string() + " is in use");
  slot = state;
  return std::make_unique<SimListener>(std::move(state));
}

Task<Result<std::unique_ptr<Stream>>> SimNetwork::connect(Endpoint to) {
  co_await env_.sleep(env_.network_delay());
  auto it = listeners_.find(to.to_string());
  auto listener = it == listeners_.end() ? nullptr : it->second.lock();
  if (!listener || listener->closed ||
      listener->waiting.size() >= static_cast<size_t>(kListenBacklog))
    co_return fail(Errc::kUnavailable, "nobody listens at " + to.to_string());
  auto there = std::make_shared<Pipe>();
  auto back = std::make_shared<Pipe>();
  const Endpoint client{"127.0.0.1", next_port_++};
  listener->waiting.push_back(std::make_unique<SimStream>(*this, there, back, client));
  listener->changed.wake_one();
  std::unique_ptr<Stream> stream = std::make_unique<SimStream>(*this, back, there, to);
  co_return std::move(stream);
}

}  // namespace atl::env
