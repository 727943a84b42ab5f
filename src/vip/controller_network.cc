// Controller: the network follows the records.
//
// An address that is not known to be delivered to its holder is urgent, and gets a round of the
// mover at once, together with the others that became so since the last look. Rounds go side by
// side, since one of them may wait for an operation that hangs. Of two rounds with the same address
// the older one was asked for another node and may not go on with it. What cannot be done is tried
// again, later each time. One round more at a time looks at all that seems to be in place.
#include <algorithm>

#include "base/log.h"
#include "base/probe.h"
#include "vip/controller.h"

namespace atl::vip {

// Asked before each call that changes something.
bool Controller::may_go_on(Vip vip, const NodeName& node) const {
  if (stopping_ || !leads_ || env_.now() + leader_margin(options_.timing) >= leads_until_)
    return false;
  auto record = records_.find(vip);
  return record != records_.end() && record->second.holder == node;
}

void Controller::follow_with_the_network() {
  if (!leads_) return;
  Asked fresh, again, rest;
  for (const auto& [vip, record] : records_) {
    if (record.holder.empty()) continue;
    auto trouble = troubles_.find(vip);
    if (trouble != troubles_.end() && trouble->second.generation != record.generation) {
      troubles_.erase(trouble);
      trouble = troubles_.end();
      show_unfinished();
    }
    auto moving = moving_.find(vip);
    if (moving != moving_.end() && moving->second.node == record.holder) continue;
    auto at = delivered_.find(vip);
    const bool in_place = at != delivered_.end() && at->second == record.holder;
    if (in_place) {
      rest[vip] = record.holder;
    } else if (trouble == troubles_.end()) {
      fresh[vip] = record.holder;
    } else if (env_.now() >= trouble->second.not_before) {
      again[vip] = record.holder;
    }
  }
  if (!fresh.empty() && rounds_ < kRoundsMost) start_round(std::move(fresh), true);
  if (!again.empty() && rounds_ < kRoundsMost / 2) start_round(std::move(again), true);
  const Nanos verify_at = verify_at_ + (rounds_ == 0 ? Nanos(0) : kVerifyPatience);
  if (!rest.empty() && !verifying_ && env_.now() >= verify_at) start_round(std::move(rest), false);
}

void Controller::start_round(Asked asked, bool urgent) {
  const uint64_t number = ++round_number_;
  if (urgent) {
    ++rounds_;
    if (rounds_ > 1) ATOLL_PROBE("vip: rounds with the network side by side");
    for (const auto& [vip, node] : asked) moving_[vip] = {number, node};
  } else {
    verifying_ = true;
  }
  ++tasks_;
  env_.spawn("vip.network", network_round(number, std::move(asked), urgent));
}

Task<void> Controller::network_round(uint64_t number, Asked asked, bool urgent) {
  auto self = shared_from_this();
  std::vector<Wanted> wanted;
  std::set<Vip> first;
  for (const auto& [vip, node] : asked) {
    wanted.push_back({vip, node});
    if (urgent) first.insert(vip);
  }
  MayGoOn may = [this](Vip vip, const NodeName& node) { return may_go_on(vip, node); };
  const Outcome outcome =
      co_await mover_.reconcile(options_.pool, std::move(wanted), std::move(first), std::move(may));
  api_calls_ += outcome.api_calls;
  for (const Unfinished& left : outcome.unfinished) {
    auto one = asked.find(left.vip);
    if (one == asked.end()) continue;
    // What the record says now is another round's business.
    if (still_wanted(one->first, one->second)) note_unfinished(left);
    asked.erase(one);
  }
  for (const auto& [vip, node] : asked) {
    if (!still_wanted(vip, node)) continue;
    delivered_[vip] = node;
    troubles_.erase(vip);
  }
  std::erase_if(moving_, [&](const auto& entry) { return entry.second.round == number; });
  show_unfinished();
  if (urgent) {
    --rounds_;
  } else {
    verifying_ = false;
    verify_at_ = env_.now() + options_.timing.verify_interval;
  }
  task_ended();
}

bool Controller::still_wanted(Vip vip, const NodeName& node) const {
  auto record = records_.find(vip);
  return leads_ && record != records_.end() && record->second.holder == node;
}

// The same trouble again waits twice as long; a person is told of it once.
void Controller::note_unfinished(const Unfinished& left) {
  delivered_.erase(left.vip);
  if (left.why.code == Errc::kCancelled) return;  // this controller did not lead for a moment
  auto found = troubles_.find(left.vip);
  const bool known = found != troubles_.end() && found->second.left.why.code == left.why.code &&
                     found->second.left.stuck == left.stuck;
  Trouble trouble;
  trouble.left = left;
  trouble.generation = records_.at(left.vip).generation;
  trouble.wait = options_.timing.cloud_retry;
  if (found != troubles_.end())
    trouble.wait = std::min(2 * found->second.wait, std::max(trouble.wait, kCloudRetryMost));
  trouble.not_before = env_.now() + trouble.wait;
  troubles_[left.vip] = std::move(trouble);
  if (known) return;
  if (left.stuck)
    ATOLL_LOG(kError, "vip", "the network is stuck",
              {{"vip", left.vip.to_string()}, {"why", left.why.to_string()}});
  else
    ATOLL_LOG(kWarn, "vip", "the network does not follow yet",
              {{"vip", left.vip.to_string()}, {"why", left.why.to_string()}});
}

void Controller::show_unfinished() {
  unfinished_.clear();
  for (const auto& [vip, trouble] : troubles_) unfinished_.push_back(trouble.left);
}

}  // namespace atl::vip
