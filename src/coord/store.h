// The committed State together with what is not stored: lease deadlines and who waits for changes.
//
// A coordinator stages changes on a copy of the state, makes that durable in its own way, and hands
// it to commit(). Reads, watches and lease renewals are answered from what is committed.
//
// Owned by shared_ptr: a waiting task keeps it. One reactor thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coord/coordinator.h"
#include "coord/lease_list.h"
#include "coord/state.h"
#include "env/env.h"
#include "env/sync.h"

namespace atl::coord {

// One requested change, by value.
struct Change {
  enum class Kind {
    kPut,
    kErase,
    kLeaseAcquire,
    kLeaseRelease,
    kRewrite,  // nothing but a fresh snapshot on every copy
  };
  Kind kind = Kind::kRewrite;
  std::string name;  // key or lease
  uint64_t expected_version = 0;
  std::string value;
  std::string holder;
  Nanos time_to_live{0};

  size_t bytes() const { return name.size() + value.size() + holder.size(); }
};

// What became of a staged change. The answer may be given once the staged state is durable.
struct Staged {
  Result<uint64_t> result;
  bool changed = false;        // the state differs: it must be made durable
  bool extends_lease = false;  // tell extend_lease() when the answer is given
};

class Store {
 public:
  // Erasures remembered for watchers; one who is further behind is told to look anew.
  static constexpr size_t kEraseLogMax = 1024;

  // Every lease in `state` is held for one more full time to live from now.
  Store(State state, Nanos now);

  const State& committed() const { return committed_; }
  Result<Versioned> get(const std::string& key) const;
  std::vector<KeyValue> list(const std::string& prefix) const;
  std::vector<HeldLease> held_leases(const std::string& prefix, Nanos now) const;

  Staged stage(State* next, const Change& change, Nanos now) const;
  void commit(State next, Nanos now);

  Status renew_lease(const std::string& name, const std::string& holder, Nanos now);
  void extend_lease(const std::string& name, Nanos now);

  // Coordinator::wait_change.
  static Task<Result<uint64_t>> wait_change(std::shared_ptr<Store> store, env::Env& env,
                                            std::string prefix, uint64_t after_revision,
                                            Nanos limit);
  bool changed_since(const std::string& prefix, uint64_t after_revision) const;

  // Ends all waits with kCancelled. For good.
  void close();
  bool closed() const { return closed_; }

 private:
  struct Deadline {
    uint64_t grant;
    Nanos expires;
  };
  // Only what is committed expires: a lease staged a moment ago has no deadline yet.
  bool expired(const std::string& name, const Lease& lease, Nanos now) const;
  Staged stage_acquire(State* next, const Change& change, Nanos now) const;
  void follow_leases(Nanos now);

  State committed_;
  std::map<std::string, Deadline> deadlines_;
  std::deque<std::pair<std::string, uint64_t>> erase_log_;
  uint64_t erase_log_floor_;  // erasures up to this revision are not in the log
  std::vector<std::shared_ptr<env::Event>> waiters_;
  bool closed_ = false;
};

}  // namespace atl::coord
