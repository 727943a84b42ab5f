#include "lab/ledger.h"

#include <charconv>

#include "lab/places.h"

namespace atl::lab {

size_t node_number(const std::string& name) {
  size_t number = 0;
  if (!name.starts_with("node")) return 0;
  const auto [end, error] = std::from_chars(name.data() + 4, name.data() + name.size(), number);
  return error == std::errc{} && end == name.data() + name.size() ? number : 0;
}

std::string node_name(size_t number) {
  return node_place(number).name();
}

void Ledger::note(Steps* steps, vip::Vip vip, const std::string& node, int64_t at_ns) {
  std::vector<Step>& of_vip = (*steps)[vip];
  const std::string& before = of_vip.empty() ? std::string() : of_vip.back().node;
  if (before != node) of_vip.push_back({at_ns, node});
}

void Ledger::note_holder(vip::Vip vip, const std::string& node, int64_t at_ns) {
  note(&holders_, vip, node, at_ns);
}

void Ledger::note_delivery(vip::Vip vip, const std::string& node, int64_t at_ns) {
  note(&deliveries_, vip, node, at_ns);
}

void Ledger::note_api(vip::Vip vip, const std::string& node, int64_t at_ns) {
  note(&api_, vip, node, at_ns);
}

void Ledger::note_taken(vip::Vip vip, const std::string& node, int64_t at_ns) {
  taken_[vip].push_back({at_ns, node});  // the same node may take it twice
}

std::string Ledger::now(const Steps& steps, vip::Vip vip) {
  const auto found = steps.find(vip);
  return found == steps.end() || found->second.empty() ? std::string() : found->second.back().node;
}

std::string Ledger::holder(vip::Vip vip) const {
  return now(holders_, vip);
}

std::string Ledger::delivered(vip::Vip vip) const {
  return now(deliveries_, vip);
}

std::vector<vip::Vip> Ledger::held_by(const std::string& node) const {
  std::vector<vip::Vip> all;
  for (const auto& [vip, steps] : holders_)
    if (!steps.empty() && steps.back().node == node) all.push_back(vip);
  return all;
}

std::string Ledger::holder_at(vip::Vip vip, int64_t at_ns) const {
  std::string node;
  const auto found = holders_.find(vip);
  if (found == holders_.end()) return node;
  for (const Step& step : found->second)
    if (step.at_ns <= at_ns) node = step.node;
  return node;
}

std::vector<HolderChange> Ledger::changes() const {
  std::vector<HolderChange> all;
  for (const auto& [vip, steps] : holders_)
    for (const Step& step : steps)
      all.push_back({.at = Nanos(step.at_ns), .vip = vip, .node = node_number(step.node)});
  return all;
}

std::optional<int64_t> Ledger::last_to(const Steps& steps, vip::Vip vip, const std::string& node,
                                       int64_t from_ns, int64_t until_ns) {
  std::optional<int64_t> at;
  const auto found = steps.find(vip);
  if (found == steps.end()) return at;
  for (const Step& step : found->second)
    if (step.node == node && step.at_ns >= from_ns && step.at_ns <= until_ns) at = step.at_ns;
  return at;
}

std::optional<int64_t> Ledger::first_off(const Steps& steps, vip::Vip vip, const std::string& node,
                                         int64_t from_ns, int64_t until_ns) {
  const auto found = steps.find(vip);
  if (found == steps.end()) return std::nullopt;
  for (const Step& step : found->second)
    if (step.node != node && step.at_ns >= from_ns && step.at_ns <= until_ns) return step.at_ns;
  return std::nullopt;
}

Milestones Ledger::milestones(vip::Vip vip, const Away& away) const {
  Milestones m;
  const int64_t from = away.last_good_ns, until = away.first_good_ns;
  const std::string to = holder_at(vip, until);
  m.given_ns = last_to(holders_, vip, to, from, until);
  m.delivered_ns = last_to(deliveries_, vip, to, from, until);
  m.held_ns = last_to(taken_, vip, to, from, until);
  m.added_ns = last_to(api_, vip, to, from, until);
  // Gone from where it was: the first time that the API named somebody else than the holder before.
  m.removed_ns = first_off(api_, vip, holder_at(vip, from), from, until);
  if (m.removed_ns && m.added_ns && *m.removed_ns == *m.added_ns) m.removed_ns.reset();
  return m;
}

void note_verdict(const Oracle& oracle, const Ledger& ledger, RunResult* result) {
  const Verdict verdict = oracle.judge(ledger.changes());
  result->split_brain_instants = verdict.instants_total;
  result->oracle_doubt = verdict.doubt;
  for (const Answer& answer : oracle.answers()) result->packets_judged += answer.packets;
  for (const SplitBrain& split : verdict.instants)
    result->split_brain.push_back({.at_ns = split.at.count(),
                                   .vip = split.vip.to_string(),
                                   .node = node_name(split.node),
                                   .holder = split.holder == 0 ? "" : node_name(split.holder),
                                   .packet = split.packet});
}

}  // namespace atl::lab
