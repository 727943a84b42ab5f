// The load of the laboratory: what a client in its own network namespace does and what it writes
// down.
//
// A client process probes each of its addresses every `probe_interval` with a new connection and
// GET /who, and keeps one long transfer per address running (GET /bytes/N, read at a set pace, so
// that it takes a known time and little of the processor). Over S3 these are signed GETs of two
// objects (requests.h). Everything is written to one file, a
// line an event, at least every kFlushInterval, so that the runner can also see how things stand:
//
//   t 10.0.9.1 0                               the addresses, in the order of their numbers
//   p 0 1732206000123456789 1210 ok node3      a probe: address, start (CLOCK_REALTIME, ns), it
//   took (us) x 0 1732206000123456789 812345 continued 400000 node3   a transfer: ..., bytes that
//   came e                                          the orderly end
//
// Ownership: values. Threads: run_client() is a whole process with one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "lab/service_kind.h"
#include "vip/types.h"

namespace atl::lab {

// Between two probes of one address: what a gap is measured in.
inline constexpr Nanos kProbeInterval = 20ms;
// A connection is set up, and a small answer is there, within this; on links without delay both
// take well under a millisecond.
inline constexpr Nanos kConnectTimeout = 100ms;
inline constexpr Nanos kRequestTimeout = 100ms;
// A request is tried again this long before it counts as failed: what SDKs of object stores do.
inline constexpr Nanos kRetryFor = 5s;
// Lines wait in memory at most this long.
inline constexpr Nanos kFlushInterval = 100ms;
// Probes of one address under way at a time: those of one connect and one request timeout, and
// some.
inline constexpr size_t kProbesAtOnce = 16;
// Of an answer's head and of the body of /who; what is longer is a failed probe.
inline constexpr size_t kAnswerMax = 4096;
// A transfer takes what came this often.
inline constexpr Nanos kTransferPace = 25ms;

struct ClientConfig {
  std::string name;                 // for logs: "client1"
  std::vector<vip::Vip> addresses;  // at most kPoolAddressesMax
  ServiceKind service = ServiceKind::kHttp;
  uint16_t port = 80;
  Nanos probe_interval = kProbeInterval;
  uint64_t transfer_bytes = 0;  // 0: no transfers
  uint64_t transfer_bytes_per_second = 1'250'000;
  Nanos silent_after = 2s;  // a transfer without a byte for so long is given up as silent
  Nanos limit = 120s;       // the process ends by itself then
  std::string output;       // path of the file of lines

  std::string encode() const;                                 // JSON
  static Result<ClientConfig> decode(std::string_view json);  // kInvalidArgument
};

enum class ProbeEnd : uint8_t {
  kOk,
  kRefused,         // RST to the SYN, or ICMP: it was said plainly
  kConnectTimeout,  // nothing came
  kReset,           // after the connection was there
  kRequestTimeout,
  kBadAnswer,  // not 200, or not what /who says
  kNoSocket,   // this machine's fault: out of ports or descriptors
};
std::string_view probe_end_name(ProbeEnd end);

struct Probe {
  uint32_t target = 0;
  int64_t start_ns = 0;  // CLOCK_REALTIME
  int64_t took_us = 0;
  ProbeEnd end = ProbeEnd::kOk;
  std::string node;  // that answered
  int64_t end_ns() const { return start_ns + took_us * 1000; }
};

enum class TransferEnd : uint8_t {
  kContinued,  // all bytes came
  kReset,      // RST, or the end of the stream before the last byte
  kSilent,     // no byte for silent_after
  kRefused,    // never begun: no answer, or told to come back later; it was no connection in flight
  kUnderWay,   // the load ended first
};
std::string_view transfer_end_name(TransferEnd end);

struct Transfer {
  uint32_t target = 0;
  int64_t start_ns = 0;
  int64_t took_us = 0;
  TransferEnd end = TransferEnd::kContinued;
  uint64_t bytes = 0;
  std::string node;  // what the answer's X-Atoll-Node says; "" when it does not
  int64_t end_ns() const { return start_ns + took_us * 1000; }
};

// What is in a file of lines.
struct ClientLog {
  std::vector<vip::Vip> targets;
  std::vector<Probe> probes;  // in the order of their ends
  std::vector<Transfer> transfers;
  bool ended = false;  // the client came to an orderly end

  // Adds whole lines; kCorrupt names the line. The last line of a file may be half written: give
  // only what ends with a newline.
  Status add(std::string_view lines);
};
std::string probe_line(const Probe& probe);
std::string transfer_line(const Transfer& transfer);

// A whole process: loads until SIGTERM or the configured limit. The exit status.
int run_client(const std::string& config_path);

}  // namespace atl::lab
