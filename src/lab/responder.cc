#include "lab/responder.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "lab/responder_impl.h"

namespace atl::lab {
namespace {

// Dead connections are looked for this often.
constexpr Nanos kSweepInterval = 1s;

}  // namespace

Responder::Responder(env::Env& env, Options options)
    : core_(std::make_shared<Core>(env, std::move(options))) {}

Responder::~Responder() {
  stop();
}

void Responder::ask(Ask ask) {
  core_->ask = std::move(ask);
}

Status Responder::start() {
  for (const vip::Vip vip : core_->options.addresses) {
    core_->places[vip];
    if (core_->options.serve) ATOLL_TRY_STATUS(core_->listen(vip));
  }
  if (core_->options.health_port != 0)
    ATOLL_TRY_STATUS(
        core_->listen_side(core_->options.health_host, core_->options.health_port, false));
  if (core_->options.control_port != 0)
    ATOLL_TRY_STATUS(
        core_->listen_side(core_->options.control_host, core_->options.control_port, true));
  core_->env.spawn("lab.responder_sweep", core_->sweep());
  return {};
}

void Responder::stop() {
  core_->stopped = true;
  core_->ask = {};
  for (auto& [vip, place] : core_->places)
    if (place.listener) place.listener->close();
  for (const auto& listener : core_->side_listeners) listener->close();
  for (const auto& line : core_->lines) line->stream->close();
}

bool Responder::well() {
  return !core_->sick;
}

size_t Responder::connections() const {
  return core_->lines.size();
}

void Responder::mark_draining(vip::Vip vip, bool draining) {
  core_->places[vip].draining = draining;
}

void Responder::begin(vip::Vip vip, uint64_t) {
  auto place = core_->places.find(vip);
  if (place == core_->places.end()) return;
  place->second.draining = false;
  if (place->second.listener) return;
  const Status listening = core_->listen(vip);
  if (!listening)
    ATOLL_LOG(kError, "lab", "not listening",
              {{"vip", vip.to_string()}, {"why", listening.error().to_string()}});
}

Task<void> Responder::drain(vip::Vip vip, Nanos limit) {
  auto core = core_;
  core->places[vip].draining = true;
  // Connections that wait for a request hear of it now; a client that has bytes of the last answer
  // still on the way gets them first, and counts as a transfer until it ends its side.
  for (const auto& line : core->lines) {
    if (line->vip != vip || line->phase != Core::Phase::kIdle) continue;
    if (line->big_answer) line->phase = Core::Phase::kClosing;
    line->stream->shutdown_send();
  }
  const Nanos give_up = core->env.now() + limit;
  while (!core->stopped && core->env.now() < give_up && core->transfers_long(vip))
    co_await core->env.sleep(kDrainPoll);
}

Task<void> Responder::finish(vip::Vip vip, Nanos limit) {
  auto core = core_;
  const Nanos give_up = core->env.now() + limit;
  // What the kernel let in a moment before has not been accepted here yet.
  co_await core->env.sleep(std::min(limit, kAcceptLag));
  while (!core->stopped && core->env.now() < give_up && core->anything_under_way(vip))
    co_await core->env.sleep(kDrainPoll);
}

void Responder::end(vip::Vip vip) {
  auto place = core_->places.find(vip);
  if (place == core_->places.end()) return;
  place->second.draining = false;
  core_->close_all(vip);
  if (place->second.listener) place->second.listener->close();
  place->second.listener.reset();
  if (core_->stopped) return;
  const Status listening = core_->listen(vip);
  if (!listening)  // begin() tries again
    ATOLL_LOG(kWarn, "lab", "not listening",
              {{"vip", vip.to_string()}, {"why", listening.error().to_string()}});
}

// --- Life ---

Status Responder::Core::listen(vip::Vip vip) {
  ATOLL_TRY(auto listener, env.network().listen({vip.to_string(), options.port}));
  Place& place = places[vip];
  place.listener = std::move(listener);
  env.spawn("lab.responder", accept_all(vip, place.listener));
  return {};
}

// An answer that began a while ago, or that its client may not have whole yet.
bool Responder::Core::transfers_long(vip::Vip vip) const {
  return std::ranges::any_of(lines, [&](const Line& line) {
    return line->vip == vip &&
           (line->phase == Phase::kAnswering || line->phase == Phase::kClosing) &&
           (line->long_answer || env.now() - line->since > kLongTransfer);
  });
}

// Any answer, and connections whose first request is on its way.
bool Responder::Core::anything_under_way(vip::Vip vip) const {
  return std::ranges::any_of(lines, [&](const Line& line) {
    if (line->vip != vip || line->phase == Phase::kIdle) return false;
    return line->phase != Phase::kFresh || env.now() - line->since < kFreshMax;
  });
}

void Responder::Core::close_all(vip::Vip vip) {
  for (const Line& line : lines)
    if (line->vip == vip) line->stream->close();
}

Task<void> Responder::Core::sweep() {
  auto self = shared_from_this();
  while (!stopped) {
    co_await env.sleep(kSweepInterval);
    for (const Line& line : lines)
      if (env.now() >= line->deadline) line->stream->close();
  }
}

}  // namespace atl::lab
