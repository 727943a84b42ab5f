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

  size_t a_node() { return world_.random().below(world_.nodes()); }

  void one_fault() {
    env::Random& random = world_.random();
    const size_t node = a_node();
    const size_t controller = random.below(kControllers);
    switch (random.below(23)) {
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
      case 18:
        back_in_the_middle(node);
        break;
      default:
        cloud_fault(node);
        break;
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
