// What the report takes from `atoll lab scale --json` (docs/formats/lab-scale.schema.json).
//
// Values, no ownership, any thread. Errors: kInvalidArgument naming the file and the place in it;
// kTooLarge.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace atl::lab {

struct ScaleInputRow {
  std::string mover;
  uint64_t nodes = 0;
  uint64_t addresses = 0;
  double lease_ms = 0;
  std::string state;   // "back", "missing", "refused", "not run", "unsettled"
  std::string reason;  // of what is not "back"
  uint64_t concerned = 0;
  uint64_t missing = 0;
  bool any_back = false;  // the two below say something
  double median_back_ms = 0;
  double last_back_ms = 0;
  uint64_t writes = 0;
  std::string first_limit;  // that said no, with how many addresses waited; "" none
  uint64_t split_brain_instants = 0;
  bool ran() const { return state == "back" || state == "missing"; }
};

struct ScaleInputFit {
  std::string mover;
  uint64_t nodes = 0;
  uint64_t addresses = 0;
  std::string refused_by;
};

struct ScaleInput {
  std::string version;
  std::string delays;
  uint64_t domains = 0;
  uint64_t seed = 0;
  std::vector<ScaleInputRow> rows;
  std::vector<ScaleInputFit> fits;
};

Result<ScaleInput> parse_scale_input(std::string_view json, const std::string& file);

}  // namespace atl::lab
