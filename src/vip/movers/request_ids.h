// The request ids of changes: the same change repeated after a lost answer carries the same id, and
// the API makes it once.
//
// An id is drawn when a change is first asked for and kept under what it changes (an interface, a
// route, a service) until the change's outcome is known. Another change of the same thing, or the
// same one after a known outcome, draws anew: the API would otherwise repeat its old answer.
//
// Owned by a mover; threads: the reactor's.
#pragma once

#include <map>
#include <string>

#include "env/env.h"

namespace atl::vip {

// A UUID, version 4.
std::string random_uuid(env::Env& env);

class RequestIds {
 public:
  // Things with a change under way: every interface of the largest pool, and as many again.
  static constexpr size_t kMost = 2048;

  explicit RequestIds(env::Env& env) : env_(env) {}

  // `thing` is what changes, `change` all that the request says.
  std::string id_for(const std::string& thing, const std::string& change);
  // The outcome of the last change of that thing is known.
  void settle(const std::string& thing) { open_.erase(thing); }

 private:
  struct Open {
    std::string change;
    std::string id;
  };
  env::Env& env_;
  std::map<std::string, Open> open_;
};

}  // namespace atl::vip
