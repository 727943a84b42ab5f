// What every emulated call passes before it does anything: counters, journal, quotas, faults.
// For the inside of the emulator.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "cloud/emulated_compute.h"
#include "env/random.h"

namespace atl::cloud {

// A call under way.
struct Ticket {
  Call call{};
  std::optional<Fault::Kind> fault;
  bool over_quota = false;
  Nanos latency{};        // of the round trip
  uint64_t sequence = 0;  // in the journal
};

class CallGate {
 public:
  // `location` is a region, or "" for what is global. `instance` is the one that is concerned.
  Ticket enter(Nanos now, Call call, const std::string& location,
               const std::optional<InstanceRef>& instance, std::string what, env::Random& random);
  void leave(const Ticket& ticket, const Status& outcome);

  void inject(Fault fault) {
    if (fault.times != 0) faults_.push_back(std::move(fault));
  }
  void clear_faults() { faults_.clear(); }

  Quotas quotas;

  const Counters& counters() const { return counters_; }
  std::vector<JournalEntry> journal() const { return {journal_.begin(), journal_.end()}; }

 private:
  struct Window {
    int64_t number = -1;
    uint32_t used = 0;
  };

  bool over_quota(Nanos now, CallKind kind, const std::string& location);
  std::optional<Fault::Kind> draw_fault(Call call, const std::optional<InstanceRef>& instance,
                                        env::Random& random);

  Counters counters_;
  std::deque<JournalEntry> journal_;
  uint64_t journal_first_ = 0;  // sequence of journal_.front()
  std::map<std::pair<std::string, CallKind>, Window> windows_;
  std::vector<Fault> faults_;
};

}  // namespace atl::cloud
