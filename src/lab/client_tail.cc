#include "lab/client_tail.h"

#include <fstream>

namespace atl::lab {

Status ClientTail::read() {
  std::ifstream file(path_, std::ios::binary);
  if (!file) return {};  // not made yet
  file.seekg(static_cast<std::streamoff>(offset_));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  offset_ += text.size();
  rest_ += text;
  const size_t end = rest_.rfind('\n');
  if (end == std::string::npos) return {};
  const std::string lines = rest_.substr(0, end + 1);
  rest_.erase(0, end + 1);
  ATOLL_TRY_STATUS(log_.add(lines));
  recent_.resize(log_.targets.size());
  for (; seen_ < log_.probes.size(); ++seen_) {
    const Probe& probe = log_.probes[seen_];
    Recent& recent = recent_[probe.target];
    if (probe.end != ProbeEnd::kOk) {
      recent.last_bad_ns = std::max(recent.last_bad_ns, probe.end_ns());
      continue;
    }
    if (recent.node != probe.node) recent.last_other_ns = recent.last_good_ns;
    recent.last_good_ns = probe.end_ns();
    recent.node = probe.node;
  }
  return {};
}

bool ClientTail::steady(uint32_t target, const std::string& node, Nanos span,
                        int64_t now_ns) const {
  if (target >= recent_.size()) return false;
  const Recent& recent = recent_[target];
  // Lines wait for kFlushInterval, and a probe takes its interval.
  const int64_t fresh_ns = now_ns - (3 * kFlushInterval).count();
  const int64_t from_ns = now_ns - span.count();
  const bool by_node = node.empty() || (recent.node == node && recent.last_other_ns < from_ns);
  return by_node && recent.last_good_ns >= fresh_ns && recent.last_bad_ns < from_ns;
}

std::string ClientTail::node_of(uint32_t target) const {
  return target < recent_.size() ? recent_[target].node : std::string();
}

}  // namespace atl::lab
