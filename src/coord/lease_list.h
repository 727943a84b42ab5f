// Who holds which leases now, for those who only look: to find out by taking one would be to hold
// it.
//
// Beside Coordinator, because few need it. What was held when it was read may be free a moment
// later: it is for telling clients, never for deciding who may act.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "env/task.h"

namespace atl::coord {

struct HeldLease {
  std::string name;
  std::string holder;
};

class LeaseList {
 public:
  virtual ~LeaseList() = default;
  // Those whose names begin so and that have not expired, sorted by name. kUnavailable.
  virtual Task<Result<std::vector<HeldLease>>> leases(std::string prefix) = 0;
};

}  // namespace atl::coord
