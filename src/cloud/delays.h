// How long the cloud takes for what, and how much of it there is: the data behind the emulator.
//
// One file (catalogues/vip-delays.toml, compiled in) has every value with its source, or marked as
// assumed where nobody has published one. A user with measured values lays a file of his own over
// it: what that file does not name keeps the built-in value. Every value can be reached by name,
// for analyses of sensitivity.
//
// A delay is constant (`constant_ms`), or lognormal given by `median_ms` and `p99_ms`: latencies
// are positive and have long tails. Draws are cut off at kDelayMax.
//
// Values, no ownership, any thread. Errors: kInvalidArgument naming file and line and what would be
// right.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "env/random.h"

namespace atl::cloud {

// No delay of a cloud that is worth waiting for is longer; also catches a wrong unit in a file.
inline constexpr Nanos kDelayMax = 1h;
// A count in a file is at most this.
inline constexpr uint32_t kCountMax = 1'000'000;
// A delays file is at most this long; the built-in one has about 8 KiB.
inline constexpr size_t kDelaysFileMax = 1_MiB;

struct Delay {
  Nanos median{};
  Nanos p99{};  // equal to the median: constant
  std::string source;
  bool assumed = false;
  std::string note;

  bool constant() const { return p99 == median; }
  Nanos sample(env::Random& random) const;
  // Both times that: for analyses of sensitivity.
  Delay scaled(double factor) const;
};

// A number that is no duration: thresholds, quotas.
struct Count {
  uint32_t value = 0;
  std::string source;
  bool assumed = false;
  std::string note;
};

struct Delays {
  Delay api_read;           // a GET, answered
  Delay api_write;          // a PATCH, POST or DELETE, answered with an operation
  Delay alias_operation;    // updateNetworkInterface: from the answer to DONE
  Delay alias_propagation;  // from DONE to packets arriving there
  Delay route_insert_operation;
  Delay route_delete_operation;
  Delay route_propagation;
  Delay next_hop_notice;  // a stopped or started next hop is passed over, or used again
  Delay leader_operation;
  Delay leader_propagation;
  Delay garp_propagation;
  Delay lb_probe_interval;
  Delay lb_probe_timeout;
  Delay lb_propagation;     // from a changed health to packets going elsewhere
  Delay instance_recreate;  // a managed group: from the decision to a running guest
  Delay token;              // the metadata server hands out an access token
  Delay metadata_read;

  Count lb_unhealthy_threshold;
  Count lb_healthy_threshold;
  Count reads_per_minute;
  Count writes_per_minute;
  Count operation_reads_per_minute;
  Count static_routes_per_network;

  static const Delays& built_in();
  // The built-in counts, and no delay at all except the probe interval and its timeout, without
  // which a health check makes no sense.
  static Delays zero();
  // Over the built-in values.
  static Result<Delays> parse(std::string_view toml, std::string file_name);

  static std::vector<std::string> names();        // of the delays
  static std::vector<std::string> count_names();  // of the counts
  Delay* find(std::string_view name);             // null: no such delay
  const Delay* find(std::string_view name) const;
  Count* find_count(std::string_view name);
  const Count* find_count(std::string_view name) const;
};

// The text of catalogues/vip-delays.toml.
std::string_view built_in_delays_text();

}  // namespace atl::cloud
