// What the report is written from: the document that `atoll lab vip --json` prints
// (docs/formats/lab.schema.json), read back and checked.
//
// Values, no ownership, any thread. Errors: kInvalidArgument naming the file and the place in it;
// kTooLarge.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace atl::lab {

// A gap is some 180 bytes: 128 pairs of mover and fault, 20 addresses and 100 repeats make 46 MiB.
inline constexpr size_t kReportInputMax = 64_MiB;

// The parts of a gap, in the order of time; they sum up to the whole.
enum class GapPart : uint8_t { kDetect, kFence, kRemove, kAdd, kPropagate, kReconnect };
inline constexpr size_t kGapParts = 6;
std::string_view gap_part_name(GapPart part);

struct GapSample {
  double total_ms = 0;
  std::array<double, kGapParts> parts_ms{};
  double part(GapPart p) const { return parts_ms[static_cast<size_t>(p)]; }
  double own_ms() const;  // what is neither remove, add nor propagate
};

// One mover and one fault.
struct ReportRow {
  std::string mover;
  std::string fault;
  bool planned = false;
  uint64_t runs = 0;
  uint64_t recovered = 0;
  std::vector<GapSample> gaps;
  uint64_t reset = 0;
  uint64_t silent = 0;
  uint64_t continued = 0;
  uint64_t requests = 0;
  uint64_t failed_requests = 0;
  uint64_t api_calls = 0;
  uint64_t split_brain_instants = 0;
  bool oracle_sure = false;
  uint64_t packets_judged = 0;
  std::vector<std::string> troubles;

  double gap_ms(double share) const;    // a percentile of the totals
  double own_ms(double share) const;    // likewise, of Atoll's own shares
  const GapSample& median_gap() const;  // the sample at the median; there is one
};

struct NotTried {
  std::string mover;
  std::string fault;
  std::string reason;
};

struct ReportInput {
  std::string version;
  std::string date;    // "" when the document does not say
  std::string kernel;  // likewise
  uint64_t nodes = 0;
  uint64_t repeat = 0;
  uint64_t lanes = 0;  // runs at a time; 0 when the document does not say
  // Connections are those under way at the fault. Until own shares were in the document, those that
  // began after it were counted, too.
  bool connections_at_fault = false;
  std::string service;  // "" when the document does not say
  std::string delays;
  double lease_ms = 0;
  uint64_t seed = 0;
  double probe_interval_ms = 0;
  std::vector<ReportRow> rows;  // at least one
  std::vector<NotTried> not_tried;

  const ReportRow* find(std::string_view mover, std::string_view fault) const;
  std::vector<std::string> movers() const;  // in the document's order
  std::vector<std::string> faults() const;
  std::vector<const ReportRow*> rows_of(std::string_view mover) const;

  struct Safety {
    uint64_t runs = 0;
    uint64_t recovered = 0;
    uint64_t split_brain_instants = 0;
    uint64_t packets = 0;
    bool sure = true;
  };
  Safety safety(std::string_view mover) const;  // over all its faults
};

Result<ReportInput> parse_report_input(std::string_view json, const std::string& file);

}  // namespace atl::lab
