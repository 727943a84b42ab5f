// Counters, gauges and histograms, one registry a process, printed in Prometheus' text format
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
//
// A metric is looked up once (at construction of what owns it) and updated without locks. Names
// start with "atoll_" and end in their unit ("_bytes", "_seconds", "_total" for counters). Labels
// are given as they are printed: `domain="3",device="7"`.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace atl {

class Counter {
 public:
  void add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double v) { value_.store(v, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Durations in seconds, in 20 buckets from 16 us to 8 s, each twice the last.
class Histogram {
 public:
  static constexpr int kBuckets = 20;
  void observe_seconds(double seconds);
  double sum() const { return static_cast<double>(sum_nanos_.load()) * 1e-9; }
  uint64_t count() const { return count_.load(); }
  uint64_t bucket(int i) const { return buckets_[i].load(); }
  static double upper_bound_seconds(int i);

 private:
  std::atomic<uint64_t> buckets_[kBuckets]{};
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> sum_nanos_{0};
};

// References stay valid for the life of the process. The same name and labels give the same object.
Counter& metric_counter(std::string_view name, std::string_view help, std::string_view labels = {});
Gauge& metric_gauge(std::string_view name, std::string_view help, std::string_view labels = {});
Histogram& metric_histogram(std::string_view name, std::string_view help,
                            std::string_view labels = {});
std::string metrics_text();

}  // namespace atl
