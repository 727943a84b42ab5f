// atoll-sim, atoll-vip-sim: runs seeds, each in a process of its own, and reports in the Test
// Anything Protocol's words.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"
#include "scenario.h"

namespace atl::sim {
namespace {

// Seeds tried for one planted bug before it counts as not found, unless --seeds says otherwise.
constexpr uint64_t kPlantedSeedsMax = 400;
constexpr size_t kProbesMax = 1024;

// What the children tell the parent, in memory they share.
struct Shared {
  uint64_t operations;
  uint64_t acknowledged;
  uint64_t probes[kProbesMax];
  uint32_t trace_hash;  // of the last seed that ended
};

struct Options {
  uint64_t first = 1;
  uint64_t seeds = 0;
  std::optional<uint64_t> seed;
  int jobs = 1;
  bool trace = false;
  bool keep_going = false;
  bool log = false;
  bool probes = false;
  bool twice = false;
  std::string planted;
};

pid_t start_child(uint64_t seed, const Options& options, PlantedBug bug, Shared* shared,
                  bool quiet) {
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  if (!options.log) set_log_level(LogLevel::kError);
  if (!options.log) set_log_sink([](LogLevel, std::string_view) {});
  if (quiet && freopen("/dev/null", "w", stderr) == nullptr) _exit(1);
#ifdef ATOLL_PLANTED_BUGS
  plant_bug(bug);
#else
  (void)bug;
#endif
  const SeedResult result = run_seed(seed, options.trace);
  __atomic_fetch_add(&shared->operations, result.operations, __ATOMIC_RELAXED);
  __atomic_fetch_add(&shared->acknowledged, result.acknowledged, __ATOMIC_RELAXED);
  shared->trace_hash = result.trace_hash;
  const auto counts = probe_counts();
  for (size_t i = 0; i < counts.size() && i < kProbesMax; ++i)
    __atomic_fetch_add(&shared->probes[i], counts[i].second, __ATOMIC_RELAXED);
  if (options.trace)
    std::fprintf(stderr, "seed %llu: fine, %llu operations, trace %08x\n",
                 static_cast<unsigned long long>(seed),
                 static_cast<unsigned long long>(result.operations), result.trace_hash);
  std::fflush(nullptr);
  _exit(0);
}

std::string outcome(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == kViolation) return "a promise was broken";
  if (WIFSIGNALED(status)) return fmt::format("died of signal {}", WTERMSIG(status));
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

// Runs seeds [first, first + count) with `jobs` at a time; stops at the first failure unless
// keep_going.
std::vector<std::pair<uint64_t, std::string>> run_range(uint64_t first, uint64_t count,
                                                        const Options& options, PlantedBug bug,
                                                        Shared* shared, bool quiet,
                                                        bool keep_going) {
  std::vector<std::pair<uint64_t, std::string>> failures;
  std::map<pid_t, uint64_t> running;
  uint64_t next = first;
  while (true) {
    while (next < first + count && running.size() < static_cast<size_t>(options.jobs) &&
           (failures.empty() || keep_going)) {
      const pid_t pid = start_child(next, options, bug, shared, quiet);
      if (pid < 0) break;
      running[pid] = next++;
    }
    if (running.empty()) break;
    int status = 0;
    const pid_t pid = wait(&status);
    if (pid < 0) break;
    const uint64_t seed = running[pid];
    running.erase(pid);
    if (std::string why = outcome(status); !why.empty()) failures.emplace_back(seed, why);
  }
  return failures;
}

int run_planted(const Options& options, Shared* shared) {
#ifndef ATOLL_PLANTED_BUGS
  (void)options;
  (void)shared;
  std::fprintf(stderr, "this build has no planted bugs\n");
  return 2;
#else
  int missed = 0, found = 0;
  const uint64_t seeds = options.seeds != 0 ? options.seeds : kPlantedSeedsMax;
  for (int i = 1; i < 64; ++i) {
    const auto bug = static_cast<PlantedBug>(i);
    const char* name = planted_bug_name(bug);
    if (std::strcmp(name, "?") == 0) break;
    if ((options.planted != "all" && options.planted != name) || !concerns(bug)) continue;
    const auto failures = run_range(options.first, seeds, options, bug, shared, true, false);
    if (failures.empty()) {
      ++missed;
      std::printf("not ok planted bug %s: not found in %llu seeds\n", name,
                  static_cast<unsigned long long>(seeds));
    } else {
      ++found;
      std::printf("ok planted bug %s found by seed %llu: %s\n", name,
                  static_cast<unsigned long long>(failures[0].first), failures[0].second.c_str());
    }
    std::fflush(stdout);
  }
  if (found + missed == 0)
    std::printf("not ok no planted bug is named %s\n", options.planted.c_str());
  return missed == 0 && found > 0 ? 0 : 1;
#endif
}

int run_seeds(const Options& options, Shared* shared) {
  const uint64_t first = options.seed.value_or(options.first);
  const uint64_t count = options.seed ? 1 : options.seeds;
  const auto failures =
      run_range(first, count, options, PlantedBug::kNone, shared, false, options.keep_going);
  for (const auto& [seed, why] : failures)
    std::printf("not ok seed %llu: %s (again: ./dev sim %s--seed %llu --trace)\n",
                static_cast<unsigned long long>(seed), why.c_str(), world_words(),
                static_cast<unsigned long long>(seed));
  if (failures.empty())
    std::printf("ok %llu seeds from %llu: %llu operations, %llu acknowledged\n",
                static_cast<unsigned long long>(count), static_cast<unsigned long long>(first),
                static_cast<unsigned long long>(shared->operations),
                static_cast<unsigned long long>(shared->acknowledged));
  if (options.twice && failures.empty()) {
    const uint32_t once = shared->trace_hash;
    run_range(first, 1, options, PlantedBug::kNone, shared, true, false);
    const uint32_t first_hash = shared->trace_hash;
    run_range(first, 1, options, PlantedBug::kNone, shared, true, false);
    (void)once;
    std::printf("%s seed %llu twice: traces %08x and %08x\n",
                first_hash == shared->trace_hash ? "ok" : "not ok",
                static_cast<unsigned long long>(first), first_hash, shared->trace_hash);
    if (first_hash != shared->trace_hash) return 1;
  }
  if (options.probes) {
    const auto counts = probe_counts();
    for (size_t i = 0; i < counts.size() && i < kProbesMax; ++i)
      std::printf("# %10llu  %s\n", static_cast<unsigned long long>(shared->probes[i]),
                  counts[i].first.c_str());
  }
  return failures.empty() ? 0 : 1;
}

int main_of_sim(int argc, char** argv) {
  Options options;
  CLI::App app("Runs Atoll's own code in a simulated world; the same seed is the same run.");
  app.add_option("--seed", options.seed, "run this one seed");
  app.add_option("--seeds", options.seeds, "run that many seeds");
  app.add_option("--first", options.first, "the first of them");
  app.add_option("--jobs", options.jobs, "seeds at a time")->check(CLI::Range(1, 64));
  app.add_flag("--trace", options.trace, "print what happens");
  app.add_flag("--log", options.log, "print the log lines of the code under test");
  app.add_flag("--keep-going", options.keep_going, "do not stop at the first seed that fails");
  app.add_flag("--probes", options.probes, "print how often each rare situation was met");
  app.add_flag("--twice", options.twice, "run the first seed twice and compare the traces");
  app.add_option("--planted-bugs", options.planted, "'all' or one name: each must be found");
  CLI11_PARSE(app, argc, argv);
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  auto* shared = static_cast<Shared*>(memory);
  if (!options.planted.empty()) return run_planted(options, shared);
  if (!options.seed && options.seeds == 0) {
    std::fprintf(stderr, "%s", app.help().c_str());
    return 2;
  }
  return run_seeds(options, shared);
}

}  // namespace
}  // namespace atl::sim

int main(int argc, char** argv) {
  return atl::sim::main_of_sim(argc, argv);
}
