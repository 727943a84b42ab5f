#include "vip/holder.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include <fmt/format.h>

#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"
#include "vip/garp_rules.h"

namespace atl::vip {

Holder::Holder(env::Env& env, coord::Coordinator& coordinator, Guest& guest, Service& service,
               Options options)
    : env_(env),
      coordinator_(coordinator),
      guest_(guest),
      service_(service),
      options_(std::move(options)) {}

Task<Status> Holder::start() {
  ATOLL_CO_TRY_STATUS(options_.timing.check());
  ATOLL_CO_TRY_STATUS(check_pool(options_.pool));
  if (options_.pool.find(options_.node) == nullptr)
    co_return fail(Errc::kInvalidArgument, options_.node + " is not a node of this pool");
  ATOLL_CO_TRY_STATUS(co_await guest_.prepare(options_.pool.addresses, options_.timing.kernel_hold,
                                              options_.timing.arm_time));
  for (const Vip vip : options_.pool.addresses) {
    Slot& slot = slots_[vip];
    if (options_.duties.forward) slot.sends_on_to.reset();
  }
  linked_ = co_await look_at_link();
  tasks_ = 4;
  env_.spawn("vip.lease", keep_lease());
  env_.spawn("vip.link", watch_link());
  env_.spawn("vip.fence", keep_fence());
  env_.spawn("vip.records", watch_records());
  co_return Status();
}

void Holder::tell(Event event) const {
  if (options_.observe) options_.observe(event);
}

void Holder::task_ended() {
  if (--tasks_ == 0) ended_.set();
}

bool Holder::answers_for(Vip vip) const {
  auto it = slots_.find(vip);
  return it != slots_.end() && valid() && it->second.confirmed &&
         (it->second.state == State::kActive || it->second.state == State::kLeaving);
}

uint64_t Holder::generation(Vip vip) const {
  auto it = slots_.find(vip);
  return answers_for(vip) ? it->second.record.generation : 0;
}

std::set<Vip> Holder::active() const {
  std::set<Vip> out;
  for (const auto& [vip, slot] : slots_)
    if (slot.state == State::kActive) out.insert(vip);
  return out;
}

// May something take effect that lasts for `span` from now?
bool Holder::may_hold(Nanos span) const {
  if (planted(PlantedBug::kAnswerAfterLeaseLoss)) return true;
  return tenure_ != 0 && env_.now() + span <= valid_until_;
}

// --- The lease ---

// Each acquisition is in a name of its own: nothing that an earlier one left on its way, to
// acquire, renew or release, can touch the lease of this one.
Task<bool> Holder::acquire() {
  co_await release_earlier();
  if (options_.acquires) options_.acquires(attempt_ + 1);
  const std::string lease = node_lease(options_.pool.name, options_.node);
  const std::string holder = lease_holder(options_.node, options_.incarnation, ++attempt_);
  const Nanos sent = env_.now();
  Task<Status> call = coordinator_.lease_acquire(lease, holder, options_.timing.lease);
  const Status granted =
      co_await env::with_timeout(env_, options_.timing.renew_timeout, std::move(call));
  if (!granted) {
    if (granted.error().code != Errc::kConflict) earlier_ = holder;  // it may yet be granted
    co_return false;
  }
  tenure_ = ++last_tenure_;
  valid_until_ = sent + options_.timing.validity();
  for (auto& [vip, slot] : slots_) {
    slot.seen_version = 0;
    slot.seen_mine = slot.confirmed = false;
  }
  tell({.kind = Event::Kind::kLease, .number = tenure_});
  ATOLL_LOG(kInfo, "vip", "lease taken", {{"node", options_.node}, {"tenure", tenure_}});
  ++tasks_;
  env_.spawn("vip.look", look_once());
  co_return true;
}

Task<bool> Holder::renew() {
  const uint64_t tenure = tenure_;
  const Nanos sent = env_.now();
  Task<Status> call =
      coordinator_.lease_renew(node_lease(options_.pool.name, options_.node),
                               lease_holder(options_.node, options_.incarnation, attempt_));
  const Status granted =
      co_await env::with_timeout(env_, options_.timing.renew_timeout, std::move(call));
  // A tenure that ended meanwhile is not revived: what it knew of the records is gone. Nor is one
  // whose time was over before the answer.
  if (tenure != tenure_) co_return false;
  if (!granted) {
    if (granted.error().code == Errc::kNotFound) co_await lapse("the lease was lost");
    co_return false;
  }
  if (env_.now() >= valid_until_) {
    ATOLL_PROBE("vip: a renewal was granted too late");
    co_await lapse("the lease was renewed too late");
    co_return false;
  }
  valid_until_ = std::max(valid_until_, sent + options_.timing.validity());
  co_return true;
}

// Nothing but the coordinator is waited for here: a renewal must not be late.
Task<void> Holder::keep_lease() {
  auto self = shared_from_this();
  while (!stopping_) {
    const Nanos sent = env_.now();
    Nanos next = sent + options_.timing.look_interval;
    if (tenure_ != 0) {
      // What is held is not let go for one lost answer.
      const bool granted = co_await renew();
      next = sent + (granted ? options_.timing.renew_interval : options_.timing.tick);
    } else if (well() && !lapsing_) {
      if (!fenced_) fenced_ = co_await put_fence_up();
      if (fenced_ && co_await acquire()) next = sent + options_.timing.renew_interval;
    }
    co_await env_.sleep(std::max(Nanos(0), next - env_.now()));
  }
  co_await lapse("the node stops");
  while (lapsing_) co_await env_.sleep(options_.timing.kernel_hold);
  co_await give_lease_back();
  task_ended();
}

Task<void> Holder::look_once() {
  auto self = shared_from_this();
  co_await look();
  task_ended();
}

// --- Link and service ---

bool Holder::well() const {
  return linked_ && service_.well();
}

Task<void> Holder::watch_link() {
  auto self = shared_from_this();
  while (!stopping_) {
    linked_ = co_await look_at_link();
    if (!well() && tenure_ != 0 && !lapsing_) {
      co_await lapse(linked_ ? "the service is not well" : "no link to clients");
      co_await give_lease_back();
    }
    co_await env_.sleep(options_.timing.look_interval);
  }
  task_ended();
}

Task<bool> Holder::look_at_link() {
  const Result<bool> linked = co_await guest_.linked();
  if (linked) {
    link_doubts_ = 0;
    co_return *linked;
  }
  // An interface that is gone has no link. Another error may pass.
  if (link_doubts_++ == 0)
    ATOLL_LOG(kError, "vip", "the interface cannot be looked at",
              {{"why", linked.error().to_string()}});
  const bool gone = linked.error().code == Errc::kNotFound;
  co_return !gone && link_doubts_ < kLinkDoubts;
}

// Somebody may have taken the fence down (`nft flush ruleset`): nothing is answered without.
Task<bool> Holder::put_fence_up() {
  Task<Status> prepared = guest_.prepare(options_.pool.addresses, options_.timing.kernel_hold,
                                         options_.timing.arm_time);
  const Status done = co_await std::move(prepared);
  if (!done)
    ATOLL_LOG(kError, "vip", "the fence cannot be put up again",
              {{"why", done.error().to_string()}});
  co_return done.has_value();
}

// Before its time, so that others need not wait for it; but not while a fence may be open.
Task<void> Holder::give_lease_back() {
  if (!closed_) {
    ATOLL_LOG(kInfo, "vip", "lease not released: a fence could not be closed");
    co_return;
  }
  const std::string holder = earlier_;
  if (holder.empty()) co_return;
  co_await env_.sleep(options_.timing.queue_time);
  const Status released =
      co_await coordinator_.lease_release(node_lease(options_.pool.name, options_.node), holder);
  const bool gone = released || released.error().code == Errc::kNotFound ||
                    released.error().code == Errc::kConflict;
  if (gone && earlier_ == holder) earlier_.clear();
  if (!gone) ATOLL_LOG(kInfo, "vip", "lease not released", {{"why", released.error().to_string()}});
}

// What an earlier acquisition of this process may still have is in the way of the next one.
Task<void> Holder::release_earlier() {
  if (earlier_.empty() || !closed_) co_return;
  ++tasks_;
  env_.spawn("vip.release", release_in_passing());
  co_await env_.sleep(options_.timing.queue_time);
}

Task<void> Holder::release_in_passing() {
  auto self = shared_from_this();
  co_await give_lease_back();
  task_ended();
}

// Ends the tenure: closes the fence for all addresses, then takes them away.
Task<void> Holder::lapse(std::string why) {
  if (tenure_ == 0 || lapsing_) co_return;
  lapsing_ = true;
  tenure_ = 0;
  earlier_ = lease_holder(options_.node, options_.incarnation, attempt_);
  tell({.kind = Event::Kind::kLapsed, .why = why});
  ATOLL_PROBE("vip: a lease lapsed");
  ATOLL_LOG(kWarn, "vip", "addresses given up", {{"node", options_.node}, {"why", why}});
  std::vector<Vip> going;
  for (auto& [vip, slot] : slots_) {
    slot.confirmed = false;
    if (slot.state != State::kAbsent) going.push_back(vip);
  }
  closed_ = false;  // until all are
  bool all = true;
  for (const Vip vip : going) {
    const bool closed = co_await let_go(vip);
    all = all && closed;
  }
  closed_ = all;
  lapsing_ = false;
}

Task<bool> Holder::let_go(Vip vip) {
  const Status closed = co_await guest_.close(vip);
  service_.end(vip);
  const Status removed = co_await guest_.remove_address(vip);
  slots_[vip].state = State::kAbsent;
  tell({.kind = Event::Kind::kLeft, .vip = vip});
  // The kernel's own clock closes the fence if this could not.
  if (!closed || !removed)
    ATOLL_LOG(kError, "vip", "address not taken away",
              {{"vip", vip.to_string()}, {"why", (closed ? removed : closed).error().to_string()}});
  co_return closed.has_value();
}

// --- The fence ---

Task<void> Holder::keep_fence() {
  auto self = shared_from_this();
  Nanos held_at = env_.now();
  Nanos check_at = env_.now();
  while (!stopping_ || tenure_ != 0) {
    if (may_hold(2 * options_.timing.kernel_hold)) {
      // This process may have stood still for so long that the kernel closed the fence, and yet
      // have its lease. And anybody may have changed what the kernel has.
      const bool late = env_.now() - held_at > options_.timing.kernel_hold * 3 / 4;
      held_at = env_.now();
      const Status done = co_await guest_.hold(holding());
      if (!done) ATOLL_LOG(kError, "vip", "fence", {{"why", done.error().to_string()}});
      if (!mending_ && (late || env_.now() >= check_at)) {
        check_at = env_.now() + options_.timing.look_interval;
        mending_ = true;
        ++tasks_;
        env_.spawn("vip.mend", mend_guest());
      }
      co_await announce_due();
      if (cut())
        for (const auto& [vip, slot] : slots_)
          if (slot.drained) slot.drained->set();
    } else if (tenure_ != 0) {
      co_await lapse("the lease could not be renewed in time");
    }
    co_await env_.sleep(options_.timing.kernel_hold / 4);
  }
  task_ended();
}

std::vector<Vip> Holder::holding() const {
  std::vector<Vip> out;
  for (const auto& [vip, slot] : slots_)
    if (slot.state == State::kActive || slot.state == State::kLeaving) out.push_back(vip);
  return out;
}

// What this node answers for is open and on the interface; what it has nothing to do with is not.
Task<void> Holder::mend_guest() {
  auto self = shared_from_this();
  const uint64_t tenure = tenure_;
  const Result<std::set<Vip>> open = co_await guest_.open_now();
  const Result<std::set<Vip>> there = co_await guest_.addresses();
  if (open && there && tenure == tenure_) co_await mend(*open, *there);
  if (!open && open.error().code == Errc::kNotFound && tenure == tenure_ && tenure_ != 0) {
    ATOLL_PROBE("vip: the fence was gone");
    ATOLL_LOG(kError, "vip", "the fence is gone", {{"why", open.error().to_string()}});
    fenced_ = false;
    co_await lapse("the fence is gone");
  }
  mending_ = false;
  task_ended();
}

Task<void> Holder::mend(std::set<Vip> open, std::set<Vip> there) {
  const uint64_t tenure = tenure_;
  std::vector<Vip> mend, strip;
  for (const auto& [vip, slot] : slots_) {
    if (slot.state == State::kActive && (!open.contains(vip) || !there.contains(vip)))
      mend.push_back(vip);
    if (slot.state == State::kAbsent && there.contains(vip)) strip.push_back(vip);
  }
  for (const Vip vip : mend) {
    Slot& slot = slots_[vip];
    if (slot.state != State::kActive || tenure != tenure_) continue;
    ATOLL_PROBE("vip: the fence had closed under a lease that was held");
    slot.state = State::kTaking;  // nothing else begins with it meanwhile
    const Status done = co_await put_up(vip, tenure);
    if (tenure != tenure_ || slot.state != State::kTaking) continue;
    ATOLL_LOG(kWarn, "vip", "address put up again",
              {{"vip", vip.to_string()}, {"done", done.has_value()}});
    if (!done) {
      co_await let_go(vip);  // and taken anew at the next look
      continue;
    }
    slot.state = State::kActive;
    if (!planted(PlantedBug::kGarpOnce)) slot.announced = 0;
    slot.announce_at = env_.now();
  }
  for (const Vip vip : strip)
    if (slots_[vip].state == State::kAbsent) co_await let_go(vip);
}

// What arrives is no longer sent on; address, arming, a look at the lease, opening: in this order
// (vip/guest.h). kStale: the lease does not last for it.
Task<Status> Holder::put_up(Vip vip, uint64_t tenure) {
  slots_[vip].successor.clear();
  ATOLL_CO_TRY_STATUS(co_await tell_where(vip));
  ATOLL_CO_TRY_STATUS(co_await guest_.add_address(vip));
  const Nanos span = options_.timing.arm_time + options_.timing.kernel_hold;
  const bool looked = planted(PlantedBug::kArmAfterLook) && may_hold(span);
  ATOLL_CO_TRY_STATUS(co_await guest_.arm(vip));
  const Slot& slot = slots_[vip];
  const bool ours = tenure == tenure_ && slot.confirmed && slot.state == State::kTaking;
  if (!looked && (!ours || !may_hold(span))) co_return fail(Errc::kStale, "the lease ends");
  co_return co_await guest_.open(vip);
}

static_assert(std::reduce(std::begin(kAnnounceAgain), std::end(kAnnounceAgain)) > kGarpQuiet);

Task<void> Holder::announce_due() {
  if (!options_.duties.garp) co_return;
  std::vector<Vip> due;
  for (auto& [vip, slot] : slots_) {
    if (slot.state != State::kActive || env_.now() < slot.announce_at) continue;
    const size_t n = slot.announced++;
    slot.announce_at =
        env_.now() + (n < std::size(kAnnounceAgain) ? kAnnounceAgain[n] : kGarpInterval);
    if (n > 0 && planted(PlantedBug::kGarpOnce)) continue;
    due.push_back(vip);
  }
  for (const Vip vip : due) {
    const Status sent = co_await guest_.announce(vip, options_.duties.garp_form);
    if (!sent)
      ATOLL_LOG(kWarn, "vip", "not announced",
                {{"vip", vip.to_string()}, {"why", sent.error().to_string()}});
  }
}

}  // namespace atl::vip
