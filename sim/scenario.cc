#include "scenario.h"

#include <algorithm>
#include <set>

#include "base/probe.h"
#include "workload.h"
#include "world.h"

namespace atl::sim {
namespace {

// Domains that are hurt now: lost, or with rot that no scrub has mended yet. Never more than m.
class Budget {
 public:
  Budget(uint32_t domains, uint32_t m) : domains_(domains), m_(m) {}
  bool can_hurt(size_t n = 1) const { return hurt_.size() + n <= m_; }
  uint32_t pick(env::Random& random) {
    while (true) {
      const uint32_t d = static_cast<uint32_t>(random.between(1, domains_));
      if (hurt_.insert(d).second) return d;
    }
  }
  // False when it is hurt already, or too many are.
  bool pick(uint32_t d) { return can_hurt() && hurt_.insert(d).second; }
  void heal() { hurt_.clear(); }
  bool contains(uint32_t d) const { return hurt_.contains(d); }
  bool empty() const { return hurt_.empty(); }

 private:
  uint32_t domains_;
  uint32_t m_;
  std::set<uint32_t> hurt_;
};

class Scenario {
 public:
  Scenario(uint64_t seed, bool trace)
      : world_(seed, make_options(trace)),
        workload_(world_, make_workload()),
        budget_(world_.options().domains, world_.options().protection.m) {}

  SeedResult run() {
    env::Random& random = world_.random();
    world_.boot();
    const int rounds = static_cast<int>(random.between(2, 4));
    for (int round = 0; round < rounds; ++round) {
      workload_.start();
      world_.run_for(random.between(50ms, 1500ms));
      hurt_under_load();
      world_.run_for(random.between(20ms, 1500ms));
      const bool rival = random.chance(0.15);
      if (rival) {
        world_.rival_takes_over();
        world_.run_for(random.between(1ms, 300ms));
      }
      stop_and_hurt_at_rest(rival);
      world_.boot();
      workload_.verify_everything("after restart");
      if (budget_.empty()) world_.check_widths("after restart");
      if (random.chance(0.5)) heal();
    }
    finish();
    SeedResult result;
    result.trace_hash = world_.trace_hash();
    result.operations = workload_.operations();
    result.acknowledged = workload_.acknowledged();
    result.virtual_seconds = static_cast<double>(world_.env().now().count()) * 1e-9;
    return result;
  }

 private:
  static WorldOptions make_options(bool trace) {
    WorldOptions options;
    options.trace = trace;
    return options;
  }
  WorkloadOptions make_workload() {
    WorkloadOptions options;
    options.clients = static_cast<int>(world_.random().between(1, 6));
    options.readers = static_cast<int>(world_.random().between(0, 3));
    if (world_.random().chance(0.08)) {
      options.churn = true;
      options.large_max = 6u << 20;
      options.keys_per_client = static_cast<int>(world_.random().between(4, 16));
    }
    return options;
  }

  void hurt_under_load() {
    env::Random& random = world_.random();
    const uint64_t hurts = random.below(3);
    for (uint64_t i = 0; i < hurts && budget_.can_hurt(); ++i) {
      switch (random.below(6)) {
        case 0:
          world_.remove_domain(budget_.pick(random));
          break;
        case 1:
          world_.blank_domain(budget_.pick(random));
          break;
        case 2:
          world_.break_domain(budget_.pick(random));
          break;
        case 3:
          world_.flip_bits(budget_.pick(random), 3);
          break;
        case 4:
          world_.slow_domain(pick_slow(), 50);
          break;
        case 5: {
          if (!budget_.can_hurt(2)) break;
          const uint32_t a = budget_.pick(random), b = budget_.pick(random);
          world_.swap_domains(a, b);
          break;
        }
      }
      world_.run_for(random.between(1ms, 400ms));
    }
    // Repaired while the clients go on.
    if (!budget_.empty() && random.chance(0.3)) {
      ATOLL_PROBE("sim: healed under load");
      heal();
    }
  }

  // Often one that every change of the namespace waits for.
  uint32_t pick_slow() {
    env::Random& random = world_.random();
    const std::vector<uint32_t> journal = world_.journal_domains();
    if (!journal.empty() && random.chance(0.5)) return journal[random.below(journal.size())];
    return static_cast<uint32_t>(random.between(1, world_.options().domains));
  }

  // `rival`: this owner was replaced and cannot stop in good order any more.
  void stop_and_hurt_at_rest(bool rival) {
    env::Random& random = world_.random();
    const uint64_t how = rival ? random.between(2, 9) : random.below(10);
    const std::vector<uint32_t> journal = world_.journal_domains();
    std::map<std::string, env::SimFile::Content> old;
    uint32_t rolled_back = 0;
    if (budget_.can_hurt() && random.chance(0.15)) {
      rolled_back = budget_.pick(random);
      old = world_.snapshot_domain(rolled_back);
      world_.run_for(random.between(1ms, 300ms));
    }
    if (how < 2) {
      workload_.stop();
      world_.shut_down();
    } else {
      world_.crash(how < 8 ? env::CrashKind::kPowerCut : env::CrashKind::kProcessKill);
      workload_.stop();
    }
    world_.mend_hardware();
    if (rolled_back != 0) world_.roll_back_domain(rolled_back, old);
    if (budget_.can_hurt() && random.chance(0.3)) {
      const uint32_t d = budget_.pick(random);
      switch (random.below(3)) {
        case 0:
          world_.remove_domain(d);
          break;
        case 1:
          world_.blank_domain(d);
          break;
        case 2:
          world_.flip_bits(d, 5);
          break;
      }
    }
    // The worst places to lose: where the journal's newest entries are.
    if (random.chance(0.2))
      for (uint32_t d : journal)
        if (budget_.pick(d)) world_.remove_domain(d);
    if (random.chance(0.2)) world_.wipe_view();
  }

  void heal() {
    world_.mend_hardware();
    world_.run_for(2s);  // what vanished is noticed
    world_.replace_failed();
    world_.wait_until_protected();
    world_.scrub();
    world_.wait_until_protected();
    budget_.heal();
  }

  // Everything is healed; then any two other domains go, and all is still there.
  void finish() {
    env::Random& random = world_.random();
    heal();
    workload_.verify_everything("after repair");
    world_.check_widths("after repair");
    if (world_.scrub() > 0) world_.violation("scrub: not all is repaired, and nothing is missing");
    world_.crash(env::CrashKind::kPowerCut);
    for (uint32_t i = 0; i < world_.options().protection.m; ++i)
      world_.remove_domain(budget_.pick(random));
    world_.boot();
    workload_.verify_everything("with two other domains gone");
    workload_.start();  // writes go on
    const uint64_t before = workload_.acknowledged();
    world_.run_for(3s);
    workload_.stop();
    if (workload_.acknowledged() == before)
      world_.violation("no write succeeds with two domains gone");
    workload_.verify_everything("at the end");
    world_.shut_down();
  }

  World world_;
  Workload workload_;
  Budget budget_;
};

}  // namespace

const char* world_words() {
  return "";
}

bool concerns(PlantedBug bug) {
  return bug < PlantedBug::kDropOtherAliases;
}

SeedResult run_seed(uint64_t seed, bool trace) {
  // Leaked with the tasks that may still refer to it.
  auto* scenario = new Scenario(seed, trace);
  return scenario->run();
}

}  // namespace atl::sim
