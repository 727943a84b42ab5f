// Random histories: appenders, device failures, repairs, checkpoints and rival owners, and then a
// power cut at a random moment; over and over on the same disks, and always the same sentence: what
// was acknowledged is there, in order, without a gap, and what a replay has once shown stays.
#include "base/planted_bug.h"
#include "base/probe.h"
#include "journal/test_world.h"

namespace atl::journal {
namespace {

struct Workload {
  JournalWorld* world;
  std::vector<std::shared_ptr<Journal>> journals;  // the newest last
  bool stop = false;
};
using WorkloadPtr = std::shared_ptr<Workload>;

Task<void> appender(WorkloadPtr load, std::shared_ptr<Journal> journal) {
  JournalWorld& w = *load->world;
  while (!load->stop && !journal->broken()) {
    const size_t size =
        w.env().random() % 10 == 0 ? w.env().random() % 20'000 : w.env().random() % 300;
    const std::string payload = w.fresh_payload(size);
    w.history().offered.insert(payload);
    auto lsn = co_await journal->append(payload);
    if (lsn) w.note_ack(*lsn, payload);
    if (w.env().random() % 4 == 0)
      co_await w.env().sleep(std::chrono::microseconds(w.env().random() % 2000));
  }
}

Task<void> checkpointer(WorkloadPtr load, std::shared_ptr<Journal> journal) {
  JournalWorld& w = *load->world;
  while (!load->stop && !journal->broken()) {
    co_await w.env().sleep(std::chrono::milliseconds(w.env().random() % 50));
    const uint64_t first = journal->checkpoint().lsn.value;
    const uint64_t last = journal->committed().value;
    if (last == first) continue;
    const Lsn lsn(first + w.env().random() % (last - first + 1));
    auto chain = co_await journal->chain_at(lsn);
    if (!chain) continue;
    Checkpoint c{lsn, *chain, fmt::format("up to {}", lsn)};
    Status set = co_await journal->set_checkpoint(std::move(c));
    const Errc code = set ? Errc{} : set.error().code;
    EXPECT_NE(code, Errc::kInvalidArgument) << set.error().to_string();
  }
}

Task<void> keeper(WorkloadPtr load, std::shared_ptr<Journal> journal) {
  JournalWorld& w = *load->world;
  while (!load->stop && !journal->broken()) {
    co_await w.env().sleep(std::chrono::milliseconds(w.env().random() % 30));
    const uint64_t what = w.env().random() % 8;
    if (what == 0) {
      (void)co_await journal->scrub();
    } else if (what == 1) {
      (void)co_await journal->collect_orphans();
    } else {
      (void)co_await journal->repair();
    }
  }
}

// Another owner appears now and then.
Task<void> rival(WorkloadPtr load) {
  JournalWorld& w = *load->world;
  while (!load->stop) {
    co_await w.env().sleep(std::chrono::milliseconds(w.env().random() % 60));
    auto taken =
        co_await Journal::take_over(w.view(), PartitionId(1), "rival", w.journal_options());
    if (!taken) continue;
    std::shared_ptr<Journal> journal = std::move(*taken);
    load->journals.push_back(journal);
    w.env().spawn("rival's appender", appender(load, journal));
    w.env().spawn("rival's keeper", keeper(load, journal));
  }
}

// Devices come and go, never more than two at a time; calls lose their answers now and then.
Task<void> troublemaker(WorkloadPtr load) {
  JournalWorld& w = *load->world;
  while (!load->stop) {
    co_await w.env().sleep(std::chrono::milliseconds(w.env().random() % 40));
    if (load->stop) co_return;
    auto& cut = w.faults().cut;
    if (cut.size() < 2 && w.env().random() % 2 == 0) {
      cut.insert(NodeId(1 + w.env().random() % 8));
    } else if (!cut.empty()) {
      const NodeId back = *cut.begin();
      cut.erase(back);
      auto change = [back](cluster::ClusterMap* map) -> Result<bool> {
        for (auto& entry : map->devices)
          if (entry.node == back) entry.state = cluster::DeviceState::kUp;
        return true;
      };
      (void)co_await w.view().update(change);
    }
  }
}

void start(const WorkloadPtr& load, std::unique_ptr<Journal> taken) {
  JournalWorld& w = *load->world;
  std::shared_ptr<Journal> journal = std::move(taken);
  load->journals.push_back(journal);
  for (int i = 0; i < 6; ++i) w.env().spawn("appender", appender(load, journal));
  w.env().spawn("checkpointer", checkpointer(load, journal));
  w.env().spawn("keeper", keeper(load, journal));
}

// All devices are back; what the map calls failed is up again.
void heal(JournalWorld& w) {
  w.faults().cut.clear();
  w.edit_map([](cluster::ClusterMap* map) {
    for (auto& entry : map->devices) entry.state = cluster::DeviceState::kUp;
  });
}

struct Plan {
  uint64_t seed = 1;
  int rounds = 4;
  bool trouble = false;
  bool rivals = false;
};

void live_through(Plan plan) {
  JournalWorldOptions options;
  options.seed = plan.seed;
  JournalWorld w(options);
  static auto* kept = new std::vector<WorkloadPtr>;  // halted tasks refer to them
  for (int round = 0; round < plan.rounds; ++round) {
    auto taken = w.take_over(fmt::format("owner {}", round));
    ASSERT_NE(taken, nullptr);
    ASSERT_NO_FATAL_FAILURE(w.expect_history(*taken));
    auto load = std::make_shared<Workload>();
    load->world = &w;
    kept->push_back(load);
    start(load, std::move(taken));
    if (plan.trouble) {
      w.env().spawn("trouble", troublemaker(load));
      const double lost = static_cast<double>(w.random().next() % 3) * 0.001;
      w.faults().decide = [&w, lost](const Call& call) {
        if (static_cast<double>(w.env().random() % 1'000'000) >= lost * 1'000'000)
          return Fault::kNone;
        // At takeover a device that fails is told apart from one whose answer was lost by nobody.
        if (call.coordinator && !call.writes) return Fault::kLoseRequest;
        return w.env().random() % 2 == 0 ? Fault::kLoseRequest : Fault::kLoseReply;
      };
    }
    if (plan.rivals) w.env().spawn("rival", rival(load));
    w.env().run_for(std::chrono::microseconds(w.random().next() % 200'000));
    load->stop = true;  // what still runs is cut short
    w.restart(w.random().next() % 4 == 0 ? env::CrashKind::kProcessKill
                                         : env::CrashKind::kPowerCut);
    heal(w);
  }
  auto last = w.take_over("last");
  ASSERT_NE(last, nullptr);
  ASSERT_NO_FATAL_FAILURE(w.expect_history(*last));
  ASSERT_TRUE(w.run(last->repair()).has_value());
  EXPECT_TRUE(last->fully_replicated());
  EXPECT_GT(w.history().acked.size(), 10u) << "the workload did nothing";
  // Whatever happened: any two domains may go now.
  const auto a = 1 + w.random().next() % 8;
  const auto b = 1 + (a + w.random().next() % 7) % 8;
  w.kill(static_cast<uint32_t>(a));
  w.kill(static_cast<uint32_t>(b));
  last = w.take_over("after the loss");
  ASSERT_NE(last, nullptr);
  w.expect_history(*last);
}

// What the random histories have come through; ATOLL_JOURNAL_PROBES=1 prints it.
class PrintProbes : public ::testing::Environment {
 public:
  void TearDown() override {
    if (std::getenv("ATOLL_JOURNAL_PROBES") == nullptr) return;
    for (const auto& [name, hits] : probe_counts())
      if (name.starts_with("journal."))
        std::printf("%10lu %s\n", static_cast<unsigned long>(hits), name.c_str());
  }
};
const auto* const kPrintProbes = ::testing::AddGlobalTestEnvironment(new PrintProbes);

// A failing seed runs alone with ATOLL_JOURNAL_SEED=n; ATOLL_JOURNAL_SEEDS=n runs more.
std::pair<uint64_t, uint64_t> seeds(uint64_t few) {
  if (const char* one = std::getenv("ATOLL_JOURNAL_SEED")) {
    const uint64_t n = std::strtoull(one, nullptr, 10);
    return {n, n + 1};
  }
  if (const char* many = std::getenv("ATOLL_JOURNAL_SEEDS"))
    return {1, 1 + std::strtoull(many, nullptr, 10)};
  return {1, 1 + few};
}

void live_through_all(uint64_t few, bool trouble, bool rivals) {
#ifdef ATOLL_PLANTED_BUGS
  // ATOLL_JOURNAL_PLANT=two_replicas... : the histories must then fail.
  if (const char* name = std::getenv("ATOLL_JOURNAL_PLANT")) {
    PlantedBug bug{};
    ASSERT_TRUE(parse_planted_bug(name, &bug)) << name;
    plant_bug(bug);
  }
#endif
  const auto [first, end] = seeds(few);
  for (uint64_t seed = first; seed < end; ++seed) {
    Plan plan;
    plan.seed = seed;
    plan.trouble = trouble;
    plan.rivals = rivals;
    live_through(plan);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

TEST(Crash, PowerCutsAtAnyMoment) {
  live_through_all(100, false, false);
}
TEST(Crash, PowerCutsWhileDevicesComeAndGo) {
  live_through_all(100, true, false);
}
TEST(Crash, PowerCutsWhileOwnersRace) {
  live_through_all(60, false, true);
}
TEST(Crash, EverythingAtOnce) {
  live_through_all(60, true, true);
}

}  // namespace
}  // namespace atl::journal
