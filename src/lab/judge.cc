// The verdict on a list of answers: pure, and the one place that says what a split brain is.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "lab/oracle.h"

namespace atl::lab {

namespace {

using Changes = std::vector<HolderChange>;

// Who holds at that time: a change holds from its own nanosecond on.
size_t holder_at(const Changes& changes, Nanos at) {
  const auto after = std::ranges::upper_bound(changes, at, {}, &HolderChange::at);
  return after == changes.begin() ? 0 : std::prev(after)->node;
}

// Both ends of the answer are the node's own. Was it so in between?
bool held_throughout(const Changes& changes, const Answer& answer) {
  const auto from = std::ranges::upper_bound(changes, answer.first, {}, &HolderChange::at);
  const auto to = std::ranges::upper_bound(changes, answer.last, {}, &HolderChange::at);
  return std::all_of(from, to, [&](const HolderChange& c) { return c.node == answer.node; });
}

std::string flags_text(uint8_t flags) {
  constexpr std::pair<uint8_t, const char*> kNames[] = {
      {0x02, "SYN"}, {0x01, "FIN"}, {0x04, "RST"}, {0x08, "PSH"}, {0x10, "ACK"}};
  std::string text;
  for (const auto& [bit, name] : kNames) {
    if ((flags & bit) != 0) text += (text.empty() ? "" : "+") + std::string(name);
  }
  return text;
}

}  // namespace

std::string Answer::to_string() const {
  const std::string more = packets > 1 ? fmt::format(", {} packets", packets) : "";
  switch (kind) {
    case Kind::kTcp:
      return fmt::format("node{} {}:{} > {}:{} {}{}", node, vip.to_string(), port, peer.to_string(),
                         peer_port, flags_text(tcp_flags), more);
    case Kind::kArp:
      return fmt::format("node{} ARP {} {} > {}{}", node, arp_opcode == 1 ? "request" : "reply",
                         vip.to_string(), peer.to_string(), more);
    case Kind::kOther:
      return fmt::format("node{} IP {} > {}{}", node, vip.to_string(), peer.to_string(), more);
  }
  return "";
}

Verdict judge_answers(const std::vector<Answer>& answers, std::vector<HolderChange> changes) {
  std::ranges::stable_sort(changes, {}, &HolderChange::at);
  std::map<vip::Vip, Changes> by_vip;
  for (const HolderChange& change : changes) by_vip[change.vip].push_back(change);
  std::vector<SplitBrain> found;
  Verdict verdict;
  for (const Answer& answer : answers) {
    const Changes& history = by_vip[answer.vip];
    ++verdict.answers;
    const size_t at_first = holder_at(history, answer.first);
    const size_t at_last = holder_at(history, answer.last);
    if (at_first != answer.node || at_last != answer.node) {
      const bool early = at_first != answer.node;
      found.push_back({early ? answer.first : answer.last, answer.vip, answer.node,
                       early ? at_first : at_last, answer.to_string()});
    } else if (!held_throughout(history, answer) && verdict.doubt.empty()) {
      verdict.doubt = "an address left and came back within one answer: " + answer.to_string();
    }
  }
  std::ranges::stable_sort(found, {}, &SplitBrain::at);
  verdict.instants_total = found.size();
  if (found.size() > kInstantsKept) found.resize(kInstantsKept);
  verdict.instants = std::move(found);
  if (verdict.instants_total > 0) {
    verdict.kind = Verdict::Kind::kUnsafe;
  } else if (!verdict.doubt.empty()) {
    verdict.kind = Verdict::Kind::kNotSure;
  }
  return verdict;
}

}  // namespace atl::lab
