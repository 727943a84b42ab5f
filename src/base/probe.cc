#include "base/probe.h"

#include <algorithm>

namespace atl {
namespace {

// Filled by static initialisers, before main and from one thread.
std::vector<Probe*>& probes() {
  static auto* all = new std::vector<Probe*>;
  return *all;
}

}  // namespace

Probe::Probe(const char* name) : name_(name) {
  probes().push_back(this);
}

std::vector<std::pair<std::string, uint64_t>> probe_counts() {
  std::vector<std::pair<std::string, uint64_t>> out;
  for (const Probe* probe : probes()) out.emplace_back(probe->name(), probe->hits());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace atl
