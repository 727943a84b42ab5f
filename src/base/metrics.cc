#include "base/metrics.h"

#include <cmath>
#include <map>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "base/check.h"

namespace atl {
namespace {

struct Family {
  std::string help;
  const char* type;
  std::map<std::string, std::unique_ptr<Counter>, std::less<>> counters;
  std::map<std::string, std::unique_ptr<Gauge>, std::less<>> gauges;
  std::map<std::string, std::unique_ptr<Histogram>, std::less<>> histograms;
};

struct Registry {
  std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;

  Family& family(std::string_view name, std::string_view help, const char* type) {
    auto it = families.find(name);
    if (it == families.end()) {
      it = families.emplace(std::string(name), Family{}).first;
      it->second.help = help;
      it->second.type = type;
    }
    ATOLL_CHECK(std::string_view(it->second.type) == type, "one metric name, two types");
    return it->second;
  }
};

Registry& registry() {
  static Registry* instance = new Registry;
  return *instance;
}

template <typename T>
T& find_or_make(std::map<std::string, std::unique_ptr<T>, std::less<>>& map,
                std::string_view labels) {
  auto it = map.find(labels);
  if (it == map.end()) it = map.emplace(std::string(labels), std::make_unique<T>()).first;
  return *it->second;
}

std::string braces(std::string_view labels, std::string_view more = {}) {
  if (labels.empty() && more.empty()) return {};
  return fmt::format("{{{}{}{}}}", labels, !labels.empty() && !more.empty() ? "," : "", more);
}

}  // namespace

double Histogram::upper_bound_seconds(int i) {
  return 16e-6 * std::exp2(i);
}

void Histogram::observe_seconds(double seconds) {
  for (int i = 0; i < kBuckets; ++i) {
    if (seconds <= upper_bound_seconds(i)) {
      buckets_[i].fetch_add(1, std::memory_order_relaxed);
      break;
    }
  }
  count_.fetch_add(1, std::memory_order_relaxed);
  sum_nanos_.fetch_add(static_cast<uint64_t>(seconds * 1e9), std::memory_order_relaxed);
}

Counter& metric_counter(std::string_view name, std::string_view help, std::string_view labels) {
  std::lock_guard lock(registry().mutex);
  return find_or_make(registry().family(name, help, "counter").counters, labels);
}
Gauge& metric_gauge(std::string_view name, std::string_view help, std::string_view labels) {
  std::lock_guard lock(registry().mutex);
  return find_or_make(registry().family(name, help, "gauge").gauges, labels);
}
Histogram& metric_histogram(std::string_view name, std::string_view help, std::string_view labels) {
  std::lock_guard lock(registry().mutex);
  return find_or_make(registry().family(name, help, "histogram").histograms, labels);
}

std::string metrics_text() {
  std::lock_guard lock(registry().mutex);
  std::string out;
  auto to = std::back_inserter(out);
  for (const auto& [name, family] : registry().families) {
    fmt::format_to(to, "# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, family.type);
    for (const auto& [labels, counter] : family.counters)
      fmt::format_to(to, "{}{} {}\n", name, braces(labels), counter->value());
    for (const auto& [labels, gauge] : family.gauges)
      fmt::format_to(to, "{}{} {}\n", name, braces(labels), gauge->value());
    for (const auto& [labels, histogram] : family.histograms) {
      uint64_t cumulative = 0;
      for (int i = 0; i < Histogram::kBuckets; ++i) {
        cumulative += histogram->bucket(i);
        fmt::format_to(to, "{}_bucket{} {}\n", name,
                       braces(labels, fmt::format("le=\"{}\"", Histogram::upper_bound_seconds(i))),
                       cumulative);
      }
      fmt::format_to(to, "{}_bucket{} {}\n", name, braces(labels, "le=\"+Inf\""),
                     histogram->count());
      fmt::format_to(to, "{}_sum{} {}\n", name, braces(labels), histogram->sum());
      fmt::format_to(to, "{}_count{} {}\n", name, braces(labels), histogram->count());
    }
  }
  return out;
}

}  // namespace atl
