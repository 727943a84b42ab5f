// atoll-bench-load: one neutral load generator for S3 and for plain HTTP servers. bench/README.md.
//
//   atoll-bench-load --kind get|put --address HOST:PORT [--credentials KEY:SECRET] [--bucket B]
//       [--prefix P] [--size BYTES] [--objects N] [--connections C] [--seconds T | --requests N]
//       [--warmup S] [--discard yes|no]
//   atoll-bench-load --kind bucket --address HOST:PORT [--credentials KEY:SECRET] [--bucket B]
//   atoll-bench-load --kind list --address HOST:PORT --credentials KEY:SECRET [--bucket B] [--page
//   N]
//
// Prints one JSON object. Exit status: 0 every request succeeded, 1 some did not, 2 called wrongly.
#include <algorithm>
#include <cstdio>

#include "load/bucket.h"

namespace atl::load {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (static_cast<unsigned char>(c) >= 0x20) out.push_back(c);
  }
  return out + "\"";
}

void print(const Outcome& o) {
  const double seconds = std::max(o.seconds, 1e-9);
  std::printf(
      "{\"requests\": %llu, \"answered\": %llu, \"errors\": %llu, \"seconds\": %.4f, "
      "\"requests_per_second\": %.2f, "
      "\"bytes_per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"client_cpu\": %.3f, "
      "\"first_error\": %s}\n",
      static_cast<unsigned long long>(o.requests), static_cast<unsigned long long>(o.answered),
      static_cast<unsigned long long>(o.errors), o.seconds,
      static_cast<double>(o.requests) / seconds, static_cast<double>(o.bytes) / seconds,
      static_cast<double>(o.latency.quantile(0.5)) / 1e3,
      static_cast<double>(o.latency.quantile(0.99)) / 1e3, o.cpu_seconds / seconds,
      quoted(o.first_error).c_str());
}

void print_list(const Outcome& o) {
  const double seconds = std::max(o.seconds, 1e-9);
  std::printf(
      "{\"pages\": %llu, \"keys\": %llu, \"errors\": 0, \"seconds\": %.4f, \"keys_per_second\": "
      "%.0f, "
      "\"p50_us\": %.1f, \"p99_us\": %.1f}\n",
      static_cast<unsigned long long>(o.requests), static_cast<unsigned long long>(o.bytes),
      o.seconds, static_cast<double>(o.bytes) / seconds,
      static_cast<double>(o.latency.quantile(0.5)) / 1e3,
      static_cast<double>(o.latency.quantile(0.99)) / 1e3);
}

}  // namespace
}  // namespace atl::load

int main(int argc, char** argv) {
  using namespace atl::load;
  const auto options = parse_options(argc, argv);
  if (!options) {
    std::fprintf(stderr, "atoll-bench-load: %s\n", options.error().c_str());
    return 2;
  }
  const bool listing = options->kind == Kind::kList;
  const auto outcome = listing                          ? run_list(*options)
                       : options->kind == Kind::kBucket ? make_bucket(*options)
                                                        : run_load(*options);
  if (!outcome) {
    std::fprintf(stderr, "atoll-bench-load: %s\n", outcome.error().c_str());
    return 1;
  }
  listing ? print_list(*outcome) : print(*outcome);
  return outcome->errors == 0 ? 0 : 1;
}
