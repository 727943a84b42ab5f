// What was measured, and how it is told: a table for people, one JSON document for programs
// (docs/formats/lab.schema.json).
//
// Values, no ownership, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lab/client.h"

namespace atl::lab {

// The longest time that a client had no answer from one address: from the end of the last good
// answer to the end of the first good one after it, so never less than the interval between two
// probes. The parts sum up to the whole; those that did not happen are 0.
struct Gap {
  vip::Vip vip;
  double total_ms = 0;
  double detect_ms = 0;     // until the record names another holder, less the fence
  double fence_ms = 0;      // of that: waiting for a lease that its holder might still be using
  double remove_ms = 0;     // API calls that take the address from where it was
  double add_ms = 0;        // API calls that give it to where it goes
  double propagate_ms = 0;  // until the network delivers there and the new holder has it
  double reconnect_ms = 0;  // from then until the first good answer
  // What is not the network's: neither remove, add nor propagate.
  double own_ms() const { return detect_ms + fence_ms + reconnect_ms; }
};
// Of gcp-pool and the references nothing of ours moves the address, and their gaps are not split
// that far.
bool has_own_share(std::string_view mover);

// Connections that were open when the fault came, or when an address moved because of it; of
// addresses that it concerned.
struct InFlight {
  uint32_t reset = 0;
  uint32_t silent = 0;
  uint32_t continued = 0;
  void add(const InFlight& more);
};

struct SplitInstant {
  int64_t at_ns = 0;  // CLOCK_REALTIME
  std::string vip;
  std::string node;
  std::string holder;  // by the record
  std::string packet;
};

// One run of one fault with one mover.
struct RunResult {
  std::string mover;
  std::string fault;
  uint32_t number = 0;         // which repetition, from 1
  std::string victim;          // the node, or the domain
  std::vector<Gap> gaps;       // of the addresses that the fault concerned
  std::vector<Gap> elsewhere;  // other addresses with a failed probe: side effects, or noise
  InFlight in_flight;
  uint64_t requests = 0;         // probes, each with its repetitions
  uint64_t failed_requests = 0;  // no good answer within kRetryFor
  uint64_t failed_attempts = 0;
  uint64_t api_calls = 0;  // from the fault until all was well again
  std::vector<SplitInstant> split_brain;
  uint64_t split_brain_instants = 0;  // all; the list above has the first of them
  std::string oracle_doubt;           // why "none" is not an answer; "" the oracle is sure
  uint64_t packets_judged = 0;
  bool recovered = false;
  std::string trouble;  // why it did not recover, or could not be run; "" none
  double seconds = 0;   // that the scenario took
  bool good() const {
    return recovered && oracle_doubt.empty() && split_brain_instants == 0 && trouble.empty();
  }
};

// A fault that is not tried with a mover.
struct Skipped {
  std::string mover;
  std::string fault;
  std::string reason;
};

struct Results {
  std::string version;
  std::string date;    // "2026-11-21"
  std::string kernel;  // as uname says
  uint32_t nodes = 0;
  uint32_t repeat = 0;
  uint32_t lanes = 1;  // runs at a time on the routed network
  std::string service = "http";
  std::string delays;  // "built-in", "zero", or the file's name
  double lease_ms = 0;
  uint64_t seed = 0;
  std::vector<RunResult> runs;
  std::vector<Skipped> skipped;
  bool good() const;
};

// Nearest rank: the smallest sample that at least `share` of all do not exceed. 0 when there is
// none.
double percentile(std::vector<double> samples, double share);

std::string results_text(const Results& results);
std::string results_json(const Results& results);
// A line of progress for one run: "gcp-alias kill 1: 2 addresses, gap 1.20 s median, ...".
std::string run_line(const RunResult& run);

// --- From what clients wrote to gaps (gaps.cc) ---

// What the runner knows besides; times are CLOCK_REALTIME in ns, nothing when it did not happen.
struct Milestones {
  int64_t fence_ns = 0;                 // how much of the detection was the lease running out
  std::optional<int64_t> given_ns;      // the record named the new holder
  std::optional<int64_t> removed_ns;    // the API says that the old holder has it no more
  std::optional<int64_t> added_ns;      // the API says that the new one has it
  std::optional<int64_t> delivered_ns;  // the network delivers to the new holder
  std::optional<int64_t> held_ns;       // the new holder took it
};

// Between two good answers of one target that follow each other.
struct Away {
  int64_t last_good_ns = 0;
  int64_t first_good_ns = 0;
  bool missed = false;  // a probe that began in between failed
  int64_t length_ns() const { return first_good_ns - last_good_ns; }
};
// The one that is longest of those that end at the fault or later, and every other one in which a
// probe was missed; in the order of time. Empty: no answer at all after the fault.
std::vector<Away> find_aways(const std::vector<Probe>& probes, uint32_t target, int64_t fault_ns);
std::optional<Away> longest(const std::vector<Away>& aways);
Gap split_gap(vip::Vip vip, const Away& away, const Milestones& milestones);

struct RequestCounts {
  uint64_t requests = 0;
  uint64_t failed_requests = 0;
  uint64_t failed_attempts = 0;
};
RequestCounts count_requests(const std::vector<Probe>& probes);
// What became of the transfers of this target that were under way at the fault, and of the last one
// that had begun before each move (a holder that hands over lets it end first, so it may be over by
// then). None is counted twice. One that the load's own end cut short, or that never had an answer,
// is none.
InFlight count_in_flight(const std::vector<Transfer>& transfers, uint32_t target,
                         std::optional<int64_t> fault_ns, const std::vector<int64_t>& moves_ns);

}  // namespace atl::lab
