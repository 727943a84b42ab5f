// What one run of the load generator does; from the command line (main.cc says what each word
// means).
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace atl::load {

enum class Kind { kGet, kPut, kList, kBucket };

struct Options {
  Kind kind = Kind::kGet;
  std::string host = "127.0.0.1";
  uint16_t port = 0;
  std::string bucket = "bench";  // the first path segment
  std::string prefix = "o";      // keys are <prefix><8 digits>
  std::string access_key;        // empty: requests are not signed (nginx)
  std::string secret_key;
  std::string region = "us-east-1";
  uint64_t size = 4096;     // of an object
  uint32_t objects = 1000;  // how many different keys; requests go round them
  uint32_t connections = 1;
  uint64_t requests = 0;        // stop after so many; 0: by time
  double seconds = 2;           // stop after so long when `requests` is 0
  double warmup_seconds = 0.3;  // not counted, when `requests` is 0
  uint32_t page = 1000;         // keys a page, for list
  bool discard = false;  // bodies are thrown away in the kernel: the cheapest possible client
};

// The error is a sentence for the user.
std::expected<Options, std::string> parse_options(int argc, char** argv);

// The key of object `index`.
std::string key_of(const Options& options, uint32_t index);

}  // namespace atl::load
