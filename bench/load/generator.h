// GET or PUT over many keep-alive connections from one thread: a plain epoll loop, one request at a
// time a connection (closed loop), requests signed before the clock starts.
//
// Every object begins with its own number (16 digits, a stamp), so that a GET of the wrong object
// or of garbage is counted as an error and not as speed; the rest of the body is the same for all.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "load/histogram.h"
#include "load/options.h"

namespace atl::load {

struct Outcome {
  uint64_t requests = 0;  // answered 200, whole, with the right stamp
  uint64_t answered = 0;  // all that were answered, with the warm-up and the errors
  uint64_t errors = 0;
  std::string first_error;
  uint64_t bytes = 0;  // of bodies of those requests
  double seconds = 0;
  double cpu_seconds = 0;  // of this process: shows that the generator was not the limit
  Histogram latency;
};

// The error is a sentence: what kept the run from taking place at all.
std::expected<Outcome, std::string> run_load(const Options& options);

}  // namespace atl::load
