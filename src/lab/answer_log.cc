#include "lab/answer_log.h"

#include <algorithm>

namespace atl::lab {

void AnswerLog::add(const Answer& answer) {
  const Key key{answer.vip, answer.node, answer.kind};
  const auto found = newest_.find(key);
  if (found != newest_.end() && found->second + max_ >= next_ + 1) {
    Answer& open = at(found->second);
    // Packets that went through two processors may come in the wrong order.
    const Nanos first = std::min(open.first, answer.first);
    const Nanos last = std::max(open.last, answer.last);
    if (last - first <= kOneAnswer) {
      open.first = first;
      open.last = last;
      open.packets += answer.packets;
      return;
    }
  }
  if (ring_.size() < max_) {
    ring_.push_back(answer);
  } else {
    dropped_ += at(next_).packets;
    at(next_) = answer;
  }
  newest_[key] = next_++;
}

std::vector<Answer> AnswerLog::all() const {
  std::vector<Answer> sorted = ring_;
  std::ranges::stable_sort(sorted, {}, &Answer::first);
  return sorted;
}

void AnswerLog::clear() {
  ring_.clear();
  newest_.clear();
  next_ = 0;
  dropped_ = 0;
}

}  // namespace atl::lab
