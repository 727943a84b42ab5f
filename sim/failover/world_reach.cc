// The clients' side of the world: who is cut from it, and what must follow.
#include <fmt/format.h>

#include "failover/process.h"
#include "failover/world.h"

namespace atl::sim {

using vip::Vip;

void World::cut_clients(size_t i, bool cut) {
  machines_[i]->kernel.cut = cut;
  note(machines_[i]->name + (cut ? " is cut from clients" : " is reached by clients"));
}

bool World::runs(size_t i) const {
  return machines_[i]->process != nullptr && !machines_[i]->process->env.stopped();
}

// A question to that witness, and its answer.
bool World::passes(size_t from, const std::string& to) const {
  const SimKernel& kernel = machines_[from]->kernel;
  if (kernel.cut || !kernel.linked || !kernel.powered) return false;
  if (to == kGatewayName) return true;
  for (size_t i = 0; i < machines_.size(); ++i) {
    const SimKernel& other = machines_[i]->kernel;
    if (machines_[i]->name == to) return runs(i) && !other.cut && other.linked && other.powered;
  }
  return false;
}

std::set<size_t> World::unheard() const {
  std::set<size_t> out;
  for (size_t i = 0; i < machines_.size(); ++i) {
    if (!runs(i)) continue;
    bool heard = gateway_ && passes(i, kGatewayName);
    for (size_t j = 0; j < machines_.size(); ++j) heard |= j != i && passes(i, machines_[j]->name);
    if (!heard) out.insert(i);
  }
  return out;
}

bool World::unheard_must_give_up() {
  const std::set<size_t> unheard = this->unheard();
  size_t running = 0;
  bool others = false;
  for (size_t i = 0; i < machines_.size(); ++i) {
    if (!runs(i)) continue;
    ++running;
    others |=
        !unheard.contains(i) && !coordinator_has(vip::drain_key(pool_.name, machines_[i]->name));
  }
  return others && 2 * unheard.size() <= running;
}

void World::expect_given_up(const std::set<size_t>& nodes) {
  const std::map<Vip, vip::Record> records = this->records();
  for (const size_t i : nodes)
    for (const auto& [vip, record] : records)
      if (record.holder == machines_[i]->name || machines_[i]->kernel.open(vip, env_.now()))
        violation(fmt::format("{} is cut from clients and still has {}", machines_[i]->name,
                              vip.to_string()));
}

bool World::coordinator_has(const std::string& key) {
  return env_.run(coordinator_.get(key)).has_value();
}

std::map<Vip, vip::Record> World::records() {
  std::map<Vip, vip::Record> out;
  const auto listed = env_.run(coordinator_.list(vip::record_prefix(pool_.name)));
  if (!listed) violation("the coordinator does not answer: " + listed.error().to_string());
  for (const coord::KeyValue& kv : *listed) {
    const Result<Vip> vip = vip::record_vip(pool_.name, kv.key);
    const Result<vip::Record> record = vip::Record::decode(kv.versioned.value);
    if (!vip || !record) violation("not a record: " + kv.key);
    out[*vip] = *record;
  }
  return out;
}

}  // namespace atl::sim
