// `atoll lab scale`: how addresses fail over on 10, 30, 100 and 1,000 nodes, in virtual time, and
// which limit of the cloud each mover meets first.
//
// The holders, the controller and the movers are the real ones; the coordinator is in memory and
// answers at once; the cloud is the emulator with its delays and quotas. A run: the world settles,
// then a whole domain is cut off from everything, while its instances stay RUNNING in the API's
// eyes; it ends when every address answers again, from a fence that is open and to which the
// network delivers. Not from here: what clients feel of it (`atoll lab vip` has that).
//
// A pool that a mover refuses, or that the cloud has no room for, is a result: a row with the
// reason.
//
// Ownership: values. Threads: the calling one. The same seed gives the same results.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "lab/scale_cloud.h"
#include "lab/scale_meter.h"

namespace atl::lab {

// Without --lease-ms. The shorter one is for pools up to kScaleShortLeaseNodes; every renewal of
// every node reads the whole pool, so that the work grows with the square of its size, for the
// coordinator of a real cluster too.
inline constexpr Nanos kScaleLease = 10s;
inline constexpr Nanos kScaleLongLease = 30s;
inline constexpr size_t kScaleShortLeaseNodes = 256;

struct ScaleOptions {
  std::string mover = "all";
  std::vector<size_t> nodes{10, 30, 100, 1000};
  std::vector<size_t> per_node{1, 4};  // addresses a node
  size_t domains = 8;
  std::string delays = "built-in";  // or "zero", or a file
  Nanos lease{0};                   // 0: as above
  uint64_t seed = 1;
  bool json = false;
  std::string version;
};

enum class ScaleState : uint8_t {
  kBack,      // every address is back
  kMissing,   // some are not, after kScaleRecoverLimit
  kRefused,   // by the mover or by the cloud
  kNotRun,    // cannot be simulated, or makes no sense
  kUnsettled  // did not even come up
};
std::string_view state_name(ScaleState state);  // "back"

// Since the domain was cut off, in order.
struct Moments {
  std::vector<Nanos> sorted;
  Nanos first() const { return sorted.front(); }
  Nanos median() const { return sorted[(sorted.size() - 1) / 2]; }
  Nanos last() const { return sorted.back(); }
};

struct ScaleRow {
  ScaleSpec spec;
  ScaleState state = ScaleState::kUnsettled;
  std::string reason;  // of what is not kBack
  std::string limit;   // kRefused: the limit that refuses
  size_t nodes_lost = 0;
  size_t concerned = 0;  // addresses that the lost domain held
  size_t missing = 0;    // of those, not back at the end
  // Times that the leader gave one of them away: more than there are when nodes of the lost domain,
  // whose leases had not run out yet, were given some.
  uint64_t moves = 0;
  Moments given;  // the record names another holder
  Moments taken;  // a node that can be reached answers
  Moments back;   // and the network delivers to it
  cloud::Counters calls_until_back;
  cloud::Counters calls;         // until nothing was left to do
  std::vector<LimitHit> limits;  // in the order in which they said no; times since the cut
  uint64_t split_brain_instants = 0;
};

// What fits: the highest number of which check() and the cloud refuse no part.
struct ScaleFit {
  std::string mover;
  size_t nodes = 0;      // of the pool
  size_t addresses = 0;  // that fit on those
  std::string limit;     // what refuses one more
  std::string reason;
};

struct ScaleResults {
  ScaleOptions options;
  std::vector<ScaleRow> rows;
  std::vector<ScaleFit> fits;
  bool good() const;  // no split brain, nothing unsettled
};

ScaleRow run_scale_row(const ScaleSpec& spec);
// On that many nodes; none fits: addresses is 0.
ScaleFit find_scale_fit(const ScaleSpec& spec);

std::string scale_line(const ScaleRow& row);
std::string scale_text(const ScaleResults& results);
std::string scale_json(const ScaleResults& results);  // docs/formats/lab-scale.schema.json

// The exit status: 0; 1 two nodes answered for one address, or a world did not come up; 2 called
// wrongly.
int run_scale(const ScaleOptions& options);

}  // namespace atl::lab
