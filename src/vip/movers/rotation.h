// Some of many, in turn: so that a large pool is looked at a part each round, and all of it in
// time.
#pragma once

#include <cstddef>
#include <set>

namespace atl::vip {

template <typename Key>
class Rotation {
 public:
  // The next `most` keys of `all` after those of the last call, starting again after the last key.
  std::set<Key> next(const std::set<Key>& all, size_t most) {
    if (all.size() <= most) return all;
    std::set<Key> out;
    for (auto it = all.upper_bound(last_); out.size() < most; ++it) {
      if (it == all.end()) it = all.begin();
      out.insert(*it);
      last_ = *it;
    }
    return out;
  }

 private:
  Key last_{};
};

}  // namespace atl::vip
