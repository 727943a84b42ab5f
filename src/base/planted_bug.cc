#include "base/planted_bug.h"

#include <array>
#include <utility>

namespace atl {
namespace {

constexpr auto kNames = std::to_array<std::pair<PlantedBug, const char*>>({
    {PlantedBug::kNone, "none"},
    {PlantedBug::kAckBeforeFlush, "ack-before-flush"},
    {PlantedBug::kSkipReadChecksum, "skip-read-checksum"},
    {PlantedBug::kForgetFence, "forget-fence"},
    {PlantedBug::kDropSegmentTail, "drop-segment-tail"},
    {PlantedBug::kFreeLiveZone, "free-live-zone"},
    {PlantedBug::kTwoReplicasAreEnough, "two-replicas-are-enough"},
    {PlantedBug::kTrimBeforeCheckpoint, "trim-before-checkpoint"},
    {PlantedBug::kShortStripeIsFine, "short-stripe-is-fine"},
    {PlantedBug::kCoordMinority, "coord-minority"},
    {PlantedBug::kFreeStripeStillRead, "free-stripe-still-read"},
    {PlantedBug::kDestageLosesRace, "destage-loses-race"},
    {PlantedBug::kIgnoreZoneGeneration, "ignore-zone-generation"},
    {PlantedBug::kRebuildWrongIndex, "rebuild-wrong-index"},
    {PlantedBug::kDropOtherAliases, "drop-other-aliases"},
    {PlantedBug::kOmitEmptyAliasList, "omit-empty-alias-list"},
    {PlantedBug::kDeleteRouteFirst, "delete-route-first"},
    {PlantedBug::kMoverWithoutDeadline, "mover-without-deadline"},
    {PlantedBug::kTakeBeforeLeaseEnd, "take-before-lease-end"},
    {PlantedBug::kAnswerAfterLeaseLoss, "answer-after-lease-loss"},
    {PlantedBug::kGarpOnce, "garp-once"},
    {PlantedBug::kLoseNotification, "lose-notification"},
    {PlantedBug::kNoClaim, "no-claim"},
    {PlantedBug::kArmAfterLook, "arm-after-look"},
    {PlantedBug::kReleaseBeforeClose, "release-before-close"},
    {PlantedBug::kIgnoreReach, "ignore-reach"},
    {PlantedBug::kReachNeedsNoMajority, "reach-needs-no-majority"},
    {PlantedBug::kDrainThoughCut, "drain-though-cut"},
});

}  // namespace

const char* planted_bug_name(PlantedBug bug) {
  for (const auto& [b, name] : kNames)
    if (b == bug) return name;
  return "?";
}

bool parse_planted_bug(std::string_view name, PlantedBug* out) {
  for (const auto& [b, n] : kNames) {
    if (name == n) {
      *out = b;
      return true;
    }
  }
  return false;
}

#ifdef ATOLL_PLANTED_BUGS
static PlantedBug g_planted = PlantedBug::kNone;
void plant_bug(PlantedBug bug) {
  g_planted = bug;
}
bool planted(PlantedBug bug) {
  return g_planted == bug;
}
#endif

}  // namespace atl
