// The oracle's memory: answers in a ring, packets of one burst in one answer.
//
// Threads: one at a time (the oracle holds a mutex). No errors.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "lab/oracle.h"

namespace atl::lab {

class AnswerLog {
 public:
  explicit AnswerLog(size_t answers_max) : max_(answers_max) {}

  // Of one packet.
  void add(const Answer& answer);
  std::vector<Answer> all() const;               // in order of `first`
  uint64_t dropped() const { return dropped_; }  // packets that were overwritten
  void clear();

 private:
  using Key = std::tuple<vip::Vip, uint16_t, Answer::Kind>;
  Answer& at(uint64_t number) { return ring_[number % max_]; }

  size_t max_;
  std::vector<Answer> ring_;  // grows to max_
  uint64_t next_ = 0;         // number of the next answer since clear()
  uint64_t dropped_ = 0;
  std::map<Key, uint64_t> newest_;  // number of the newest answer
};

}  // namespace atl::lab
