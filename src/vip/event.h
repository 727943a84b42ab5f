// What a holder and a controller tell whoever watches them: the laboratory's measurements.
//
// The observer is called on the reactor, in the middle of things: it must be quick, must not throw,
// and must not call back. Nothing depends on it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "vip/types.h"

namespace atl::vip {

struct Event {
  enum class Kind : uint8_t {
    // a holder's
    kLease,       // has its lease; number: the tenure
    kTaken,       // vip; number: the record's generation
    kLapsed,      // gave up all it had; why
    kDraining,    // vip: a planned move has begun
    kLeft,        // vip: the fence is closed and the address gone
    kHandedOver,  // vip; to
    kCut,         // reaches nobody on the clients' side; why: whom it asked last
    kReaches,     // reaches somebody again
    // a controller's
    kLeads,
    kFollows,
    kLostLease,  // from: the node whose lease was seen to be free
    kGiven,      // vip; from, to
    kAsked,      // vip; from is asked to hand over to `to`
    kSaysCut,    // from: a node that says so
    kManyCut,    // number: of them, too many to be believed; nothing is moved because of it
    kFewCut,     // that has ended
  };
  Kind kind{};
  Vip vip{};
  NodeName from;
  NodeName to;
  uint64_t number = 0;
  std::string why;
};

using Observe = std::function<void(const Event&)>;

}  // namespace atl::vip
