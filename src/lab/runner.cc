#include "lab/runner.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "env/random.h"
#include "lab/client.h"
#include "lab/files.h"
#include "lab/netlab.h"
#include "lab/node.h"
#include "lab/plain_service.h"
#include "lab/reference.h"
#include "lab/report.h"
#include "lab/scenario.h"

namespace atl::lab {
namespace {

// Two clients, so that addresses are seen by more than one; two controllers, so that one can die.
constexpr size_t kClients = 2;
constexpr size_t kControllers = 2;

// What two cores carry without being late: ten nodes take half a core.
constexpr uint32_t kNodesAtOnce = 30;
constexpr uint32_t kLabLanesUsual = 3;

std::atomic<bool> stop_asked{false};

void ask_to_stop(int) {
  stop_asked = true;
}

struct Plan {
  std::vector<std::pair<MoverInfo, FaultKind>> pairs;
  std::vector<Skipped> skipped;
  cloud::Delays delays;
  ServiceKind service = ServiceKind::kHttp;
};

// "kill,drain" -> kill, drain
std::vector<std::string> names_in(std::string_view list) {
  std::vector<std::string> names;
  for (size_t at = 0; at <= list.size();) {
    const size_t comma = std::min(list.find(',', at), list.size());
    names.emplace_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return names;
}

Result<Plan> make_plan(const LabOptions& options) {
  Plan plan;
  ATOLL_TRY(plan.delays, read_delays(options.delays));
  ATOLL_TRY(plan.service, find_service_kind(options.service));
  std::vector<MoverInfo> movers;
  if (options.mover == "all") {
    for (const MoverInfo& mover : all_movers())
      if (!mover.reference || options.references) movers.push_back(mover);
  } else {
    for (const std::string& name : names_in(options.mover)) {
      ATOLL_TRY(const MoverInfo mover, find_mover(name));
      movers.push_back(mover);
    }
  }
  std::vector<FaultKind> faults;
  if (options.fault == "all") {
    for (const FaultInfo& fault : all_faults()) faults.push_back(fault.kind);
  } else {
    for (const std::string& name : names_in(options.fault)) {
      ATOLL_TRY(const FaultKind fault, find_fault(name));
      faults.push_back(fault);
    }
  }
  for (const MoverInfo& mover : movers)
    for (const FaultKind fault : faults) {
      auto reason = why_not(mover, fault);
      if (!reason) reason = why_not_over(plan.service, mover, fault);
      if (!reason && mover.reference) reason = reference_missing(mover);
      if (reason)
        plan.skipped.push_back(
            {std::string(mover.name), std::string(info_of(fault).name), *std::move(reason)});
      else
        plan.pairs.emplace_back(mover, fault);
    }
  if (plan.pairs.empty())
    return fail(Errc::kInvalidArgument,
                fmt::format("nothing to do: {}", plan.skipped.front().reason));
  return plan;
}

Result<std::unique_ptr<NetLab>> make_network(const LabOptions& options, bool segment) {
  NetLabOptions made;
  made.network = segment ? Network::kSegment : Network::kRouted;
  made.nodes = options.nodes;
  made.clients = kClients;
  made.controllers = kControllers;
  const uint32_t domains = std::min(options.domains, options.nodes);
  for (uint32_t i = 0; i < options.nodes; ++i)
    made.domains.push_back(fmt::format("domain-{}", i % domains + 1));
  return NetLab::create(made);
}

// Logs and configurations of the processes. Thrown away at the end, unless somebody wants to look.
class Folder {
 public:
  explicit Folder(std::string keep)
      : kept_(!keep.empty()),
        path_(kept_ ? std::move(keep)
                    : (std::filesystem::temp_directory_path() /
                       fmt::format("atoll-lab-{}", ::getpid()))
                          .string()) {}
  ~Folder() {
    std::error_code ignored;
    if (!kept_) std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  Result<std::string> make(const std::string& name) const {
    std::error_code error;
    const std::string path = path_ + "/" + name;
    std::filesystem::remove_all(path, error);
    std::filesystem::create_directories(path, error);
    if (error) return fail(Errc::kIo, fmt::format("{}: {}", path, error.message()));
    return std::filesystem::absolute(path).string();
  }
  void keep() { kept_ = true; }
  const std::string& path() const { return path_; }

 private:
  bool kept_;
  std::string path_;
};

// The same seed, mover, fault and number draw the same, whatever else is run.
uint64_t seed_of(const std::string& name, uint64_t seed) {
  for (const char letter : name) seed = env::Random(seed ^ static_cast<uint8_t>(letter)).next();
  return seed;
}

RunResult run_one(NetLab& lab, const ScenarioSpec& spec) {
  RunResult result;
  // A thread of its own, because it moves into the management namespace and stays there.
  std::thread thread([&] { result = run_scenario(lab, spec); });
  thread.join();
  return result;
}

// One scenario, once.
struct Turn {
  MoverInfo mover;
  FaultKind fault;
  uint32_t number;
};

// Takes turns off a list, in several laboratories at once: a scenario mostly waits for its cloud.
class Lanes {
 public:
  Lanes(const LabOptions& options, const Plan& plan, Folder* folder)
      : options_(options), plan_(plan), folder_(folder) {}

  // In the order of the turns; those that were not reached are missing.
  Status run(const std::vector<Turn>& turns, bool segment, uint32_t lanes,
             std::vector<RunResult>* out) {
    std::vector<std::optional<RunResult>> results(turns.size());
    next_ = 0;
    std::vector<std::thread> threads;
    for (size_t i = 0; i < std::min<size_t>(lanes, turns.size()); ++i)
      threads.emplace_back([&] {
        const Status done = run_lane(turns, segment, &results);
        const std::lock_guard lock(mutex_);
        if (!done && !failed_) failed_ = done.error();
      });
    for (std::thread& thread : threads) thread.join();
    for (std::optional<RunResult>& result : results)
      if (result) out->push_back(std::move(*result));
    if (failed_) return fail(*failed_);
    return {};
  }
  void expect(size_t total) { total_ = total; }

 private:
  Status run_lane(const std::vector<Turn>& turns, bool segment,
                  std::vector<std::optional<RunResult>>* results) {
    ATOLL_TRY(const std::unique_ptr<NetLab> lab, make_network(options_, segment));
    for (;;) {
      size_t at = 0;
      {
        const std::lock_guard lock(mutex_);
        if (failed_ || next_ == turns.size()) return {};
        at = next_++;
      }
      ATOLL_TRY(const ScenarioSpec spec, spec_of(turns[at]));
      RunResult result = run_one(*lab, spec);
      if (stop_asked) return fail(Errc::kCancelled, "stopped by a signal");
      const std::lock_guard lock(mutex_);
      std::fprintf(stderr, "[%zu/%zu] %s\n", ++ended_, total_, run_line(result).c_str());
      if (!result.good()) folder_->keep();
      (*results)[at] = std::move(result);
    }
  }

  Result<ScenarioSpec> spec_of(const Turn& turn) const {
    ScenarioSpec spec;
    spec.mover = turn.mover;
    spec.fault = turn.fault;
    spec.number = turn.number;
    spec.lease = options_.lease;
    spec.service = plan_.service;
    spec.delays = plan_.delays;
    spec.zero_delays = options_.delays == "zero";
    const std::string name =
        fmt::format("{}-{}-{}", turn.mover.name, info_of(turn.fault).name, turn.number);
    spec.seed = seed_of(name, options_.seed);
    ATOLL_TRY(spec.folder, folder_->make(name));
    spec.program = options_.program;
    spec.stop = &stop_asked;
    return spec;
  }

  const LabOptions& options_;
  const Plan& plan_;
  Folder* folder_;
  size_t total_ = 0;
  std::mutex mutex_;  // of what follows
  size_t next_ = 0;
  size_t ended_ = 0;
  std::optional<Error> failed_;
};

Status run_all(const LabOptions& options, const Plan& plan, Folder* folder, Results* results) {
  std::vector<Turn> routed;
  std::vector<Turn> segment;
  for (const auto& [mover, fault] : plan.pairs)
    for (uint32_t i = 1; i <= options.repeat; ++i)
      (mover.segment ? segment : routed).push_back({mover, fault, i});
  Lanes lanes(options, plan, folder);
  lanes.expect(routed.size() + segment.size());
  ATOLL_TRY_STATUS(lanes.run(routed, false, options.lanes, &results->runs));
  // No cloud is waited for there, and milliseconds count: alone.
  return lanes.run(segment, true, 1, &results->runs);
}

Status check_options(const LabOptions& options) {
  if (options.nodes < 2 || options.nodes > kLabNodesMax)
    return fail(Errc::kInvalidArgument, fmt::format("--nodes is 2 to {}", kLabNodesMax));
  if (options.domains < 2 || options.domains > options.nodes)
    return fail(Errc::kInvalidArgument, "--domains is 2 to the number of nodes");
  if (options.lanes > kLabLanesMax)
    return fail(Errc::kInvalidArgument, fmt::format("--lanes is 1 to {}", kLabLanesMax));
  if (options.repeat < 1 || options.repeat > kLabRepeatMax)
    return fail(Errc::kInvalidArgument, fmt::format("--repeat is 1 to {}", kLabRepeatMax));
  return {};
}

// With delays a run is mostly waiting; without them it is the machine that is measured.
uint32_t usual_lanes(const LabOptions& options) {
  if (options.delays == "zero") return 1;
  return std::clamp<uint32_t>(kNodesAtOnce / options.nodes, 1, kLabLanesUsual);
}

void note_conditions(const LabOptions& options, Results* results) {
  results->version = options.version;
  results->nodes = options.nodes;
  results->repeat = options.repeat;
  results->lanes = options.lanes;
  results->service = options.service;
  results->delays = options.delays;
  results->lease_ms = std::chrono::duration<double, std::milli>(options.lease).count();
  results->seed = options.seed;
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const std::chrono::year_month_day date(today);
  results->date =
      fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  utsname machine{};
  if (::uname(&machine) == 0) results->kernel = machine.release;
}

// What to type to have the same again.
std::string command_of(const LabOptions& options) {
  return fmt::format(
      "atoll lab vip --mover {} --fault {} --nodes {} --domains {} --repeat {} --service {} "
      "--delays {} --lease-ms {} --seed {} --lanes {}{} --report {}",
      options.mover, options.fault, options.nodes, options.domains, options.repeat, options.service,
      options.delays, options.lease / 1ms, options.seed, options.lanes,
      options.references ? " --references" : "", options.report);
}

int complain(const Error& error, int status) {
  std::fprintf(stderr, "atoll lab: %s\n", error.to_string().c_str());
  return status;
}

}  // namespace

int run_lab(LabOptions options) {
  if (const Status good = check_options(options); !good) return complain(good.error(), 2);
  const Result<Plan> plan = make_plan(options);
  if (!plan) return complain(plan.error(), 2);
  // Before the quarter of an hour, not after it.
  if (const Status good = make_report_folder(options.report); !good)
    return complain(good.error(), 2);
  if (::geteuid() != 0)
    return complain(Error(Errc::kPermission, "network namespaces need root"), 1);
  if (options.program.empty()) {
    const Result<std::string> program = this_program();
    if (!program) return complain(program.error(), 1);
    options.program = *program;
  }
  if (options.lanes == 0) options.lanes = usual_lanes(options);
  stop_asked = false;
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGTERM, ask_to_stop);

  Results results;
  note_conditions(options, &results);
  results.skipped = plan->skipped;
  Folder folder(options.keep);
  const Status done = run_all(options, *plan, &folder, &results);
  if (!done && results.runs.empty()) return complain(done.error(), 1);
  const std::string out = options.json ? results_json(results) : results_text(results);
  std::fwrite(out.data(), 1, out.size(), stdout);
  if (!options.report.empty()) {
    const Status written =
        write_report_folder(options.report, results_json(results), command_of(options));
    if (!written) return complain(written.error(), 1);
  }
  if (!done) return complain(done.error(), 1);  // what there was is shown, and was not all
  if (results.good()) return 0;
  std::fprintf(stderr, "logs of the processes are in %s\n", folder.path().c_str());
  return 1;
}

int run_lab_process(const std::string& role, const std::string& config_path) {
  if (role == "node") return run_node(config_path);
  if (role == "controller") return run_controller(config_path);
  if (role == "client") return run_client(config_path);
  if (role == "responder") return run_plain_service(config_path);
  return complain(Error(Errc::kInvalidArgument, "there is no process " + role), 2);
}

}  // namespace atl::lab
