// Bugs on purpose. Where ATOLL_PLANTED_BUGS is defined (never in what ships) the simulator switches
// one on and must find it: that is how the tests are tested. Without it, planted() is constant
// false and leaves no code behind. Each use sits at the line whose absence would break a promise.
#pragma once

#include <string_view>

namespace atl {

enum class PlantedBug {
  kNone,
  kAckBeforeFlush,        // device: report a record durable before its flush
  kSkipReadChecksum,      // stripe: return shard bytes without comparing their checksums
  kForgetFence,           // journal replica: accept an append of a lower epoch
  kDropSegmentTail,       // journal takeover: lose the last entry of the sealed segment
  kFreeLiveZone,          // device: reclaim frees a zone before its live records are moved
  kTwoReplicasAreEnough,  // journal: acknowledge before the third replica
  kTrimBeforeCheckpoint,  // journal: trim entries that no checkpoint holds yet
  kShortStripeIsFine,     // stripe: acknowledge with fewer shards durable than promised
  kCoordMinority,         // coordinator: accept a write that no majority of copies holds
  kFreeStripeStillRead,   // namespace: free a replaced object's stripe at once, readers or not
  kDestageLosesRace,      // namespace: destage an inline extent that was replaced meanwhile
  kIgnoreZoneGeneration,  // device: take records of a zone's earlier life for live ones
  kRebuildWrongIndex,     // stripe: rebuild writes a shard under another index
  kDropOtherAliases,      // vip: write an interface's alias list without what others put there
  kOmitEmptyAliasList,    // vip: leave an empty alias list out of the request: nothing is removed
  kDeleteRouteFirst,      // vip: delete the old route before the new one is in place
  kMoverWithoutDeadline,  // vip: wait for an answer or an operation without end
  kTakeBeforeLeaseEnd,    // vip: give a node's addresses away on suspicion, before its lease ends
  kAnswerAfterLeaseLoss,  // vip: a node goes on answering when it could not renew its lease
  kGarpOnce,              // vip: announce an address once and never again
  kLoseNotification,      // vip: act on notifications alone, and lose some
  kNoClaim,               // vip: answer under an old record after a new lease, without claiming it
  kArmAfterLook,          // vip: look at the lease before arming the fence, not after
  kReleaseBeforeClose,    // vip: give a dead process's lease back while its fence is open
  kIgnoreReach,           // vip: leave addresses where no client reaches them
  kReachNeedsNoMajority,  // vip: move addresses although nearly all nodes are cut from clients
  kDrainThoughCut,        // vip: wait for transfers to end that nobody receives
};

const char* planted_bug_name(PlantedBug bug);
bool parse_planted_bug(std::string_view name, PlantedBug* out);

#ifdef ATOLL_PLANTED_BUGS
void plant_bug(PlantedBug bug);
bool planted(PlantedBug bug);
#else
constexpr bool planted(PlantedBug) {
  return false;
}
#endif

}  // namespace atl
