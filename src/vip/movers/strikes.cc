#include "vip/movers/strikes.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace atl::vip {

bool needs_a_person(const Error& error) {
  switch (error.code) {
    case Errc::kStale:  // DONE, and nothing changed
    case Errc::kConflict:
    case Errc::kExists:
    case Errc::kNoSpace:
    case Errc::kPermission:
    case Errc::kInvalidArgument:
    case Errc::kUnsupported:
      return true;
    case Errc::kNotFound:
    case Errc::kCorrupt:
    case Errc::kUnavailable:
    case Errc::kFenced:
    case Errc::kTimeout:
    case Errc::kIo:
    case Errc::kForeign:
    case Errc::kBlank:
    case Errc::kTooLarge:
    case Errc::kBusy:
    case Errc::kCancelled:
    case Errc::kNotEmpty:
    case Errc::kNotDirectory:
    case Errc::kIsDirectory:
    case Errc::kNotModified:
    case Errc::kInternal:
      return false;
  }
  return false;
}

Strikes::Strikes(std::string_view mover)
    : mover_(mover),
      gauge_(metric_gauge("atoll_vip_stuck", "Addresses that the network does not move as told.",
                          fmt::format("mover=\"{}\"", mover))),
      escalations_(metric_counter("atoll_vip_stuck_total", "Times an address was found stuck.",
                                  fmt::format("mover=\"{}\"", mover))) {}

Strikes::~Strikes() {
  gauge_.set(0);
}

void Strikes::strike(Vip vip, const Error& why) {
  if (++count_[vip] != kStuckAfter) return;
  escalations_.add();
  show();
  ATOLL_LOG(kError, "vip", "address is stuck: it needs a person, and is tried on",
            {{"mover", mover_}, {"address", vip.to_string()}, {"why", why.to_string()}});
}

void Strikes::clear(Vip vip) {
  const bool was_stuck = stuck(vip);
  if (count_.erase(vip) == 0 || !was_stuck) return;
  show();
  ATOLL_LOG(kInfo, "vip", "address is no longer stuck",
            {{"mover", mover_}, {"address", vip.to_string()}});
}

bool Strikes::stuck(Vip vip) const {
  auto found = count_.find(vip);
  return found != count_.end() && found->second >= kStuckAfter;
}

std::vector<Unfinished> Strikes::conclude(const std::vector<Wanted>& wanted,
                                          const std::map<Vip, Error>& trouble) {
  std::vector<Unfinished> unfinished;
  for (const Wanted& want : wanted) {
    auto found = trouble.find(want.vip);
    if (found == trouble.end()) {
      clear(want.vip);
      continue;
    }
    // Attempts that were DONE without effect had their strikes when they were made.
    if (needs_a_person(found->second) && found->second.code != Errc::kStale)
      strike(want.vip, found->second);
    unfinished.push_back({want.vip, found->second, stuck(want.vip)});
  }
  return unfinished;
}

void Strikes::show() const {
  const auto is_stuck = [](const auto& entry) { return entry.second >= kStuckAfter; };
  gauge_.set(static_cast<double>(std::count_if(count_.begin(), count_.end(), is_stuck)));
}

}  // namespace atl::vip
