// Who still reads what: a stripe that nothing refers to any more is freed only when every lookup
// that may have seen it is over.
//
// Each committed batch begins a new epoch. A pin remembers the epoch in which its lookup was made;
// a stripe, the epoch at whose end it lost its last reference. The stripe may go when no pin of
// that epoch or an earlier one is left. A pin counts for kReadPinMax at most: a reader that is
// slower gets kNotFound for what was deleted meanwhile.
//
// Threads: the reactor's. The registry is shared, so that pins may outlive the partition.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/ids.h"
#include "base/units.h"

namespace atl::ns {

// Long enough for 5 GiB at 1.5 MB/s; bounds how long deleted data can hold space.
inline constexpr Nanos kReadPinMax = 1h;

class PinRegistry : public std::enable_shared_from_this<PinRegistry> {
 public:
  std::shared_ptr<class ReadPin> take(Nanos now);
  // A batch was committed that freed stripes (or none).
  void freed(StripeId stripe) {
    if (!pins_.empty()) freed_at_[stripe] = epoch_;
  }
  void next_epoch() { ++epoch_; }
  bool may_free(StripeId stripe, Nanos now);
  size_t pins() const { return pins_.size(); }

 private:
  friend class ReadPin;
  void drop(uint64_t id);

  struct Held {
    uint64_t epoch;
    Nanos since;
  };
  uint64_t epoch_ = 1;
  uint64_t next_pin_ = 1;
  std::map<uint64_t, Held> pins_;  // by pin number, so in the order of their epochs
  std::unordered_map<StripeId, uint64_t> freed_at_;
};

class ReadPin {
 public:
  ReadPin(std::shared_ptr<PinRegistry> registry, uint64_t id)
      : registry_(std::move(registry)), id_(id) {}
  ~ReadPin() { registry_->drop(id_); }
  ReadPin(const ReadPin&) = delete;
  ReadPin& operator=(const ReadPin&) = delete;

 private:
  std::shared_ptr<PinRegistry> registry_;
  uint64_t id_;
};

}  // namespace atl::ns
