// What the cluster may answer: for each key, the value that must be there, and those that may be.
//
// A value is the number of the put that wrote it: its bytes follow from the number, so that a wrong
// byte anywhere is seen. A put or delete is `started`, then `acknowledged` (it is the value now),
// `refused` (it never happened) or left open (the outcome is unknown: it may have happened). A read
// between two moments may see the value acknowledged at its start, or any that was started before
// its end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "env/random.h"

namespace atl::sim {

struct Value {
  uint64_t put = 0;  // 0: absent
  uint64_t size = 0;
  bool operator==(const Value&) const = default;
};

// The bytes of a put: a function of its number and the offset alone.
void fill_content(uint64_t put, uint64_t offset, MutableByteSpan out);
// Where `bytes` (at `offset` of the object) first differ from the put's, if they do.
std::optional<size_t> first_difference(uint64_t put, uint64_t offset, ByteSpan bytes);

class KeyModel {
 public:
  // Returns the number of the change, to acknowledge or refuse it by.
  size_t start(Value value);
  void acknowledge(size_t change);
  void refuse(size_t change);

  // For a reader: call before reading; pass the mark to may_see afterwards.
  size_t mark() const { return acknowledged_; }
  bool may_see(size_t mark, Value value) const;

  // What was seen when nothing else was going on: from now on it is the one value.
  void settle(Value seen);
  bool open() const;  // some change's outcome is unknown
  Value current() const { return changes_[acknowledged_].value; }
  std::string describe() const;

 private:
  struct Change {
    Value value;
    bool refused = false;
  };
  std::vector<Change> changes_{{Value{}, false}};
  size_t acknowledged_ = 0;
};

class Model {
 public:
  KeyModel& key(const std::string& name) { return keys_[name]; }
  std::map<std::string, KeyModel>& keys() { return keys_; }
  uint64_t next_put() { return ++puts_; }

 private:
  std::map<std::string, KeyModel> keys_;
  uint64_t puts_ = 0;
};

}  // namespace atl::sim
