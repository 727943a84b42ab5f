// The node's side of the records: what it is given, what it is asked to hand over.
#include <fmt/format.h>

#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"
#include "vip/holder.h"

namespace atl::vip {

Task<void> Holder::watch_records() {
  auto self = shared_from_this();
  const std::string prefix = pool_prefix(options_.pool.name);
  uint64_t revision = 0;
  while (!stopping_) {
    // The list comes after the revision that the next wait starts from, so nothing is missed; and
    // it comes now and then anyway, so nothing rests on a notification.
    Nanos limit = options_.timing.look_interval;
    if (planted(PlantedBug::kLoseNotification)) limit = coord::kMaxWait;
    const Result<uint64_t> now = co_await coordinator_.wait_change(prefix, revision, limit);
    if (now)
      revision = *now;
    else
      co_await env_.sleep(options_.timing.tick);
    if (planted(PlantedBug::kLoseNotification) && env_.random() % 4 == 0) continue;
    if (valid()) co_await look();
  }
  task_ended();
}

Task<void> Holder::look() {
  const uint64_t tenure = tenure_;
  auto listed = co_await coordinator_.list(record_prefix(options_.pool.name));
  if (!listed || tenure != tenure_ || !valid() || stopping_) co_return;
  for (const coord::KeyValue& kv : *listed) {
    const Result<Vip> vip = record_vip(options_.pool.name, kv.key);
    if (!vip || !slots_.contains(*vip)) continue;  // the leader reports these
    if (slots_[*vip].seen_version == kv.versioned.version) continue;
    const Result<Record> record = Record::decode(kv.versioned.value);
    if (!record) continue;
    co_await note_record(*vip, *record, kv.versioned.version);
    if (tenure != tenure_ || !valid()) co_return;
  }
  act();
}

// 2. of the header: is this record one that we may answer under?
Task<void> Holder::note_record(Vip vip, Record record, uint64_t version) {
  Slot& slot = slots_[vip];
  if (version < slot.seen_version) co_return;  // an older list that came late
  const bool mine = record.holder == options_.node;
  const bool given_now = mine && slot.seen_version != 0 && !slot.seen_mine;
  const bool known = slot.confirmed && mine;
  slot.seen_version = version;
  slot.seen_mine = mine;
  if (!mine) {
    slot.confirmed = false;
  } else if (!given_now && !known && !planted(PlantedBug::kNoClaim)) {
    const uint64_t tenure = tenure_;
    ++record.generation;
    const Result<uint64_t> claimed = co_await coordinator_.compare_and_swap(
        record_key(options_.pool.name, vip), version, record.encode());
    if (tenure != tenure_) co_return;
    if (!claimed) {
      ATOLL_PROBE("vip: a claim failed");
      slot.seen_version = 0;  // unknown what it is now
      co_return;
    }
    ATOLL_PROBE("vip: an address was claimed after a new lease");
    slot.seen_version = *claimed;
    slot.confirmed = true;
  } else {
    slot.confirmed = true;
  }
  slot.record = std::move(record);
}

void Holder::act() {
  auto self = shared_from_this();
  follow_successors();
  for (auto& [vip, slot] : slots_) {
    const bool asked = !slot.record.next.empty() && slot.record.next != options_.node;
    if (slot.confirmed && !asked && slot.state == State::kAbsent) {
      slot.state = State::kTaking;
      ++tasks_;
      env_.spawn("vip.take", take(vip, tenure_));
    } else if (slot.confirmed && asked &&
               (slot.state == State::kActive || slot.state == State::kAbsent)) {
      slot.state = State::kLeaving;
      ++tasks_;
      env_.spawn("vip.hand_over", hand_over(vip, tenure_));
    } else if (!slot.confirmed && slot.state == State::kActive) {
      // Nobody but this node changes a record that names it while it has its lease; unless a person
      // does, by hand.
      slot.state = State::kLeaving;
      ++tasks_;
      env_.spawn("vip.hand_over", hand_over(vip, tenure_));
    }
  }
}

Task<void> Holder::take(Vip vip, uint64_t tenure) {
  auto self = shared_from_this();
  const Status done = co_await put_up(vip, tenure);
  Slot& slot = slots_[vip];
  if (done && tenure == tenure_) {
    slot.state = State::kActive;
    slot.announced = 0;
    slot.announce_at = env_.now();
    service_.begin(vip, slot.record.generation);
    tell({.kind = Event::Kind::kTaken, .vip = vip, .number = slot.record.generation});
    co_await announce_due();
    ATOLL_LOG(kInfo, "vip", "address taken",
              {{"vip", vip.to_string()},
               {"node", options_.node},
               {"generation", slot.record.generation}});
  } else {
    if (!done)
      ATOLL_LOG(kWarn, "vip", "address not taken",
                {{"vip", vip.to_string()}, {"why", done.error().to_string()}});
    // In a new tenure it is somebody else's work, which may be done already.
    if (tenure_ == 0 || tenure == tenure_) co_await let_go(vip);
  }
  task_ended();
}

bool Holder::cut() const {
  return options_.cut && options_.cut() && !planted(PlantedBug::kDrainThoughCut);
}

// Until no long transfer is under way, or nobody would receive it.
Task<void> Holder::drain(Vip vip) {
  if (cut()) co_return;
  auto drained = std::make_shared<env::Event>();
  slots_[vip].drained = drained;
  ++tasks_;
  env_.spawn("vip.drain", run_drain(vip, drained));
  co_await drained->wait();
  slots_[vip].drained = nullptr;
}

Task<void> Holder::run_drain(Vip vip, std::shared_ptr<env::Event> drained) {
  auto self = shared_from_this();
  co_await service_.drain(vip, options_.timing.drain_limit);
  drained->set();
  task_ended();
}

// A planned move: nothing that is under way fails, nobody answers after the record is changed, and
// what still arrives is sent on.
Task<void> Holder::hand_over(Vip vip, uint64_t tenure) {
  auto self = shared_from_this();
  if (slots_[vip].confirmed) {
    tell({.kind = Event::Kind::kDraining, .vip = vip});
    co_await drain(vip);
    if (tenure == tenure_ && !cut()) {
      const Status quiet = co_await guest_.quiesce(vip);
      if (quiet) co_await service_.finish(vip, kFinishLimit);
    }
  }
  if (tenure_ != 0 && tenure != tenure_) {  // lapsed, and the new tenure has begun with it
    task_ended();
    co_return;
  }
  // Not given away before it is closed, and all is out that was let out: the next look tries again.
  const bool closed = co_await let_go(vip);
  co_await env_.sleep(options_.timing.queue_time);
  if (closed && tenure == tenure_ && valid() && slots_[vip].confirmed) {
    // The record may have changed while we drained: another next, or none any more.
    const std::string key = record_key(options_.pool.name, vip);
    const Result<coord::Versioned> now = co_await coordinator_.get(key);
    Result<Record> record = now ? Record::decode(now->value) : fail(now.error());
    if (record && record->holder == options_.node && !record->next.empty()) {
      record->holder = std::exchange(record->next, "");
      ++record->generation;
      const Result<uint64_t> changed =
          co_await coordinator_.compare_and_swap(key, now->version, record->encode());
      if (changed) {
        if (tenure == tenure_) handed_over(vip, record->holder, *changed);
        tell({.kind = Event::Kind::kHandedOver, .vip = vip, .to = record->holder});
        ATOLL_LOG(kInfo, "vip", "address handed over",
                  {{"vip", vip.to_string()}, {"to", record->holder}});
      }
    }
  }
  if (tenure == tenure_ && valid()) co_await look();
  task_ended();
}

}  // namespace atl::vip
