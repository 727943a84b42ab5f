#include "lab/scale.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "base/log.h"
#include "lab/files.h"
#include "lab/scale_world.h"
#include "vip/movers/make_mover.h"

namespace atl::lab {
namespace {

// What a mover or the cloud says when a pool is too much for it; anything else is a fault of ours.
bool is_refusal(const Error& error) {
  return error.code == Errc::kUnsupported || error.code == Errc::kNoSpace ||
         error.code == Errc::kInvalidArgument;
}

Result<std::vector<std::string>> movers_of(const std::string& asked) {
  std::vector<std::string> movers;
  for (const std::string_view name : vip::mover_names())
    if (asked == "all" || asked == name) movers.emplace_back(name);
  if (movers.empty())
    return fail(Errc::kInvalidArgument, fmt::format("--mover: no mover {:?}; all, or one of {}",
                                                    asked, fmt::join(vip::mover_names(), ", ")));
  return movers;
}

Status check(const ScaleOptions& options) {
  for (const size_t nodes : options.nodes)
    if (nodes < 2 || nodes > vip::kPoolNodesMax)
      return fail(Errc::kInvalidArgument,
                  fmt::format("--nodes: {}; 2 to {} are possible", nodes, vip::kPoolNodesMax));
  for (const size_t per_node : options.per_node)
    if (per_node < 1 || per_node > vip::kPoolAddressesMax)
      return fail(Errc::kInvalidArgument, fmt::format("--per-node: {}; 1 to {} are possible",
                                                      per_node, vip::kPoolAddressesMax));
  if (options.domains < 2 || options.domains > kScaleDomainsMax)
    return fail(Errc::kInvalidArgument, fmt::format("--domains: {}; 2 to {} are possible",
                                                    options.domains, kScaleDomainsMax));
  return {};
}

ScaleSpec spec_of(const ScaleOptions& options, const cloud::Delays& delays,
                  const std::string& mover, size_t nodes, size_t per_node) {
  ScaleSpec spec;
  spec.mover = mover;
  spec.nodes = nodes;
  spec.addresses = nodes * per_node;
  spec.domains = std::min(options.domains, nodes);
  spec.lease = options.lease;
  if (spec.lease == Nanos(0))
    spec.lease = nodes <= kScaleShortLeaseNodes ? kScaleLease : kScaleLongLease;
  spec.delays = delays;
  spec.seed = options.seed;
  return spec;
}

// Refusals of the pool or the network, before any node runs.
Status try_pool(const ScaleSpec& spec) {
  ScaleWorld world(spec);
  return world.build();
}

// Movers' own words about trouble would drown the results.
class Quiet {
 public:
  Quiet() {
    set_log_level(LogLevel::kError);
    set_log_sink([](LogLevel, std::string_view) {});
  }
  ~Quiet() {
    set_log_sink({});
    set_log_level(LogLevel::kInfo);
  }
};

}  // namespace

ScaleRow run_scale_row(const ScaleSpec& spec) {
  ScaleRow row;
  row.spec = spec;
  row.reason = why_not_at_scale(spec);
  if (!row.reason.empty()) {
    row.state = ScaleState::kNotRun;
    return row;
  }
  ScaleWorld world(spec);
  const Status built = world.build();
  if (!built) {
    row.state = is_refusal(built.error()) ? ScaleState::kRefused : ScaleState::kUnsettled;
    row.reason = built.error().message;
    if (row.state == ScaleState::kRefused) row.limit = limit_name(row.reason);
    return row;
  }
  const Status settled = world.settle();
  if (settled) {
    world.cut_domain();
    world.recover(&row);
  } else {
    row.reason = settled.error().message;
  }
  world.end();
  return row;
}

ScaleFit find_scale_fit(const ScaleSpec& spec) {
  ScaleFit fit;
  fit.mover = spec.mover;
  fit.nodes = spec.nodes;
  // Whatever refuses some addresses refuses more of them.
  size_t fits = 0;
  size_t fails = vip::kPoolAddressesMax + 1;
  const auto refusal = [&](size_t addresses) {
    ScaleSpec tried = spec;
    tried.addresses = addresses;
    return try_pool(tried);
  };
  while (fails - fits > 1) {
    const size_t middle = fits + (fails - fits) / 2;
    if (refusal(middle))
      fits = middle;
    else
      fails = middle;
  }
  fit.addresses = fits;
  const Status more = refusal(fails);
  if (!more) fit.reason = more.error().message;
  fit.limit = limit_name(fit.reason);
  return fit;
}

int run_scale(const ScaleOptions& options) {
  const Result<cloud::Delays> delays = read_delays(options.delays);
  const Result<std::vector<std::string>> movers = movers_of(options.mover);
  const Status right = check(options);
  if (!delays || !movers || !right) {
    const Error& error = !right ? right.error() : !movers ? movers.error() : delays.error();
    fmt::print(stderr, "{}\n", error.message);
    return 2;
  }
  const Quiet quiet;
  ScaleResults results;
  results.options = options;
  for (const std::string& mover : *movers) {
    for (const size_t per_node : options.per_node)
      for (const size_t nodes : options.nodes) {
        const auto begin = std::chrono::steady_clock::now();
        results.rows.push_back(run_scale_row(spec_of(options, *delays, mover, nodes, per_node)));
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        fmt::print(stderr, "{} [{:.1f} s]\n", scale_line(results.rows.back()), took.count());
      }
    // gcp-pool has an address an instance and no choice.
    if (mover == "gcp-pool") continue;
    for (const size_t nodes : options.nodes)
      results.fits.push_back(find_scale_fit(spec_of(options, *delays, mover, nodes, 1)));
  }
  fmt::print("{}", options.json ? scale_json(results) : scale_text(results));
  return results.good() ? 0 : 1;
}

}  // namespace atl::lab
