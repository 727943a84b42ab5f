// One seed's life of a pool of addresses: which faults happen, when, and what must hold.
#include "scenario.h"

#include <array>

#include "failover/world.h"

namespace atl::sim {
namespace {

constexpr std::array kMovers = {"gcp-alias", "gcp-route", "gcp-garp", "gcp-lb", "linux-arp"};

class Schedule {
 public:
  Schedule(World& world, std::string_view mover) : world_(world), mover_(mover) {}

  void run() {
    env::Random& random = world_.random();
    world_.start();
    world_.run_for(random.between(Nanos(0), 3 * world_.timing().lease));
    if (random.chance(0.2)) nothing_but_cut();
    const uint64_t faults = random.between(uint64_t{1}, uint64_t{6});
    for (uint64_t i = 0; i < faults; ++i) {
      one_fault();
      // Often one on top of another, sometimes after everything has settled.
      const Nanos pause = random.chance(0.3) ? Nanos(0) : world_.timing().lease / 10;
      world_.run_for(random.between(
          pause, random.chance(0.3) ? 5 * world_.timing().lease : world_.timing().lease));
    }
    world_.heal();
    world_.expect_converged(kHealLimit);
  }

 private:
  // Of virtual time, with a cloud without delays: quota windows of a minute, back-off, an operation
  // that never ends, a garp every ten seconds that is lost a few times.
  static constexpr Nanos kHealLimit = 240s;

  // Finding out is half a lease, being believed another, or two when most were cut a moment ago; a
  // lease that must run out first; and what a busy kernel adds to letting go.
  static constexpr int kHeedLeases = 8;

  size_t a_node() { return world_.random().below(world_.nodes()); }

  void one_fault() {
    env::Random& random = world_.random();
    const size_t node = a_node();
    const size_t controller = random.below(kControllers);
    switch (random.below(26)) {
      case 0:
      case 1:
        world_.kill_process(node);
        break;
      case 2:
        world_.start_process(node);
        break;
      case 3:
      case 4:
        world_.stop_process(node);
        break;
      case 5:
        world_.continue_process(node);
        break;
      case 6:
        power_off(node);
        break;
      case 7:
        power_on(node);
        break;
      case 8:
        world_.set_link(node, {.cut = true});
        break;
      case 9:
        world_.set_link(node, bad_link());
        break;
      case 10:
        world_.drain(node, random.chance(0.6));
        break;
      case 11:
        if (random.chance(0.5))
          world_.make_sick(node, random.chance(0.6));
        else
          world_.set_carrier(node, random.chance(0.4));
        break;
      case 12:
        controller_fault(controller);
        break;
      case 13:
      case 14:
      case 15:
        world_.set_controller_link(controller, random.chance(0.2) ? FarLink() : bad_link());
        break;
      case 16:
        world_.coordinator_available(random.chance(0.5));
        break;
      case 17:
        if (random.chance(0.5)) {
          world_.take_fence_down(node);
          break;
        }
        [[fallthrough]];
      case 18:
        back_in_the_middle(node);
        break;
      case 19:
      case 20:
      case 21:
        cut_some();
        break;
      default:
        cloud_fault(node);
        break;
    }
  }

  // The clients' side of some nodes, on top of whatever else is wrong. Now and then nothing else
  // goes wrong for long enough, and then who is cut must have given up what it had.
  void cut_some() {
    env::Random& random = world_.random();
    const size_t count = random.between(size_t{0}, world_.nodes());
    const size_t first = a_node();
    for (size_t i = 0; i < world_.nodes(); ++i)
      world_.cut_clients((first + i) % world_.nodes(), i < count);
    if (random.chance(0.5)) return;
    world_.calm_down();
    const bool must = world_.unheard_must_give_up();
    world_.run_for(kHeedLeases * world_.timing().lease);
    if (must) world_.expect_given_up(world_.unheard());
  }

  // All is well but for some nodes that are cut from clients in one instant, and reached again in
  // another. When they are too many nothing may move, neither then nor afterwards.
  void nothing_but_cut() {
    env::Random& random = world_.random();
    const Nanos lease = world_.timing().lease;
    world_.expect_converged(kHealLimit);
    const uint64_t lapses = world_.lapses();
    world_.run_for(world_.timing().settle + 3 * lease);  // and as even as it gets
    const auto before = world_.records();
    const size_t count = random.between(size_t{1}, world_.nodes());
    const size_t first = a_node();
    for (size_t i = 0; i < count; ++i) world_.cut_clients((first + i) % world_.nodes(), true);
    const std::set<size_t> unheard = world_.unheard();
    const bool must = world_.unheard_must_give_up();
    // Not for just as long as finding out takes: some would have found out, and some not.
    world_.run_for(must ? kHeedLeases * lease : random.between(lease, kHeedLeases * lease));
    if (must) world_.expect_given_up(unheard);
    if (must && world_.random().chance(0.5)) return;
    for (size_t i = 0; i < world_.nodes(); ++i) world_.cut_clients(i, false);
    if (must) return;
    expect_nothing_moved(before, lapses);
    world_.run_for(4 * lease);
    expect_nothing_moved(before, lapses);
  }

  // Unless a node lost its lease meanwhile: that moves addresses for another reason.
  void expect_nothing_moved(const std::map<vip::Vip, vip::Record>& before, uint64_t lapses) {
    if (world_.lapses() != lapses) return;
    for (const auto& [vip, record] : world_.records()) {
      const auto was = before.find(vip);
      if (was != before.end() && was->second.holder == record.holder && record.next.empty())
        continue;
      world_.violation("most nodes are cut from clients, and " + vip.to_string() + " moves");
    }
  }

  FarLink bad_link() {
    env::Random& random = world_.random();
    FarLink link;
    link.late_chance = random.unit() * 0.4;
    link.lost_answer_chance = random.unit() * 0.3;
    return link;
  }

  // A node loses its lease and is back while the leader's change of its records is on its way.
  void back_in_the_middle(size_t node) {
    env::Random& random = world_.random();
    const Nanos lease = world_.timing().lease;
    for (size_t i = 0; i < kControllers; ++i)
      world_.set_controller_link(i, {.late_chance = 0.5, .late_most = lease});
    world_.stop_process(node);
    world_.run_for(random.between(lease, lease * 3 / 2));
    if (world_.process_runs(node)) world_.continue_process(node);
  }

  void power_off(size_t node) {
    world_.power_off(node);
    // The cloud may know, or think that it runs.
    if (world_.random().chance(0.5))
      (void)world_.cloud().power(world_.pool().nodes[node].instance, cloud::Power::kOff);
  }

  void power_on(size_t node) {
    (void)world_.cloud().power(world_.pool().nodes[node].instance, cloud::Power::kOn);
    world_.power_on(node);
  }

  void controller_fault(size_t i) {
    env::Random& random = world_.random();
    switch (random.below(5)) {
      case 0:
        world_.kill_controller(i);
        break;
      case 1:
        world_.start_controller(i);
        break;
      case 2:
        world_.stop_controller(i);
        break;
      case 3:
        world_.continue_controller(i);
        break;
      default:
        world_.kill_controller_at_call(i, random.between(uint64_t{1}, uint64_t{20}));
        break;
    }
  }

  void cloud_fault(size_t node) {
    env::Random& random = world_.random();
    cloud::Fault fault;
    fault.kind = static_cast<cloud::Fault::Kind>(random.below(8));
    fault.times = static_cast<uint32_t>(random.between(uint64_t{1}, uint64_t{5}));
    if (random.chance(0.5)) fault.instance = world_.pool().nodes[node].instance;
    world_.cloud().inject(fault);
    world_.note(fmt::format("cloud fault {}", static_cast<int>(fault.kind)));
  }

  World& world_;
  std::string_view mover_;
};

}  // namespace

const char* world_words() {
  return "--world failover ";
}

bool concerns(PlantedBug bug) {
  return bug >= PlantedBug::kDropOtherAliases;
}

SeedResult run_seed(uint64_t seed, bool trace) {
  env::Random shape(seed ^ 0x736861706521);
  const char* mover = kMovers[seed % kMovers.size()];
  // Leaked, with the tasks that use it.
  auto* world = new World(seed, mover, shape.between(uint64_t{2}, uint64_t{4}),
                          shape.between(uint64_t{1}, uint64_t{5}), trace);
  Schedule(*world, mover).run();
  SeedResult result;
  result.trace_hash = world->env().trace_hash();
  result.operations = world->env().events();
  result.acknowledged = world->takes();
  result.virtual_seconds = static_cast<double>(world->env().now().count()) / 1e9;
  return result;
}

}  // namespace atl::sim
