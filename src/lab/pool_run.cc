#include "lab/pool_run.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "coord/memory.h"
#include "env/random.h"
#include "env/real_env.h"
#include "lab/client_group.h"
#include "lab/cloud_side.h"
#include "lab/coord_server.h"
#include "lab/files.h"
#include "lab/ledger.h"
#include "lab/node.h"
#include "lab/oracle.h"
#include "vip/record.h"

namespace atl::lab {
namespace {

constexpr std::string_view kGroup = "group";
// Closed connections unwind their tasks in a few turns of the reactor.
constexpr Nanos kUnwind = 30ms;

class PoolRun {
 public:
  PoolRun(env::Env& env, NetLab& lab, const ScenarioSpec& spec);
  Task<Status> play(RunResult* result);
  Task<void> end(RunResult* result);

 private:
  Status build();
  Task<Status> start_instance(size_t node, size_t address);
  Task<Status> write_record(size_t node, size_t address, bool holds);
  Task<Status> replace(size_t victim);
  Task<Status> wait_steady(Nanos limit);
  std::string pool_name(size_t node, size_t address) const;
  void note_change(const KeyChange& change);
  void follow();
  std::vector<Probe> requests_of_clients() const;

  env::Env& env_;
  NetLab& lab_;
  const ScenarioSpec& spec_;
  env::Random random_;
  std::vector<vip::Vip> addresses_;
  std::map<size_t, size_t> address_of_;  // node -> index in addresses_
  Ledger ledger_;
  coord::MemoryCoordinator memory_;
  CoordServer coord_server_;
  cloud::EmulatedCompute compute_;
  std::unique_ptr<Oracle> oracle_;
  ClientGroup clients_;
  std::vector<pid_t> processes_;
  std::optional<std::string> replaced_by_;  // the primary address of the instance that was made
  size_t old_address_ = 0;
  size_t new_address_ = 0;
  int64_t fault_ns_ = 0;
  int64_t recovered_ns_ = 0;
};

PoolRun::PoolRun(env::Env& env, NetLab& lab, const ScenarioSpec& spec)
    : env_(env),
      lab_(lab),
      spec_(spec),
      random_(spec.seed),
      memory_(env),
      coord_server_(env, memory_, [this](const KeyChange& change) { note_change(change); }),
      compute_(env, spec.seed, cloud::Delays::zero()),
      clients_(env, lab, spec) {
  for (size_t i = 1; i <= lab.options().nodes + kSpareAddresses; ++i)
    addresses_.push_back(lab_vip(i));
}

std::string PoolRun::pool_name(size_t node, size_t address) const {
  return fmt::format("{}-{}", node_name(node), addresses_[address].to_string());
}

Status PoolRun::build() {
  cloud::NetworkFeatures features;
  features.network = kVpc;
  ATOLL_TRY_STATUS(compute_.add_network(features));
  cloud::Subnetwork subnetwork;
  subnetwork.name = kSubnetName;
  subnetwork.network = kVpc;
  subnetwork.cidr = kSubnet;
  ATOLL_TRY_STATUS(compute_.add_subnetwork(std::string(kRegion), subnetwork));
  cloud::ManagedGroup group;
  group.zone = kZone;
  group.name = kGroup;
  group.autohealing_delay = kGroupNotices;
  for (const vip::Vip vip : addresses_) group.reserved.push_back(vip.to_string());
  for (size_t i = 1; i <= lab_.options().nodes; ++i) {
    address_of_[i] = i - 1;
    cloud::NetworkInterface nic;
    nic.name = "nic0";
    nic.network = kVpc;
    nic.subnetwork = kSubnetName;
    nic.network_ip = addresses_[i - 1].to_string();
    cloud::Instance instance;
    instance.ref = instance_ref(node_name(i));
    instance.interfaces.push_back(nic);
    ATOLL_TRY_STATUS(compute_.add_instance(instance));
    group.instances.push_back(instance.ref);
  }
  ATOLL_TRY_STATUS(compute_.add_managed_group(group));
  compute_.on_data_plane_change([this] { follow(); });
  compute_.on_instance_change([this](const cloud::Instance& instance) {
    if (fault_ns_ != 0 && instance.status == "RUNNING")
      replaced_by_ = instance.interfaces.front().network_ip;
  });
  follow();
  return {};
}

void PoolRun::follow() {
  for (const vip::Vip vip : addresses_) {
    const std::optional<cloud::InstanceRef> at = compute_.delivered_to(kVpc, vip.to_string());
    const std::string node = at ? at->name : std::string();
    if (ledger_.delivered(vip) == node) continue;
    const size_t number = node_number(node);
    const Status done =
        lab_.deliver(vip, number == 0 ? std::nullopt : std::optional<size_t>(number));
    if (!done) ATOLL_LOG(kWarn, "lab", done.error().to_string());
    ledger_.note_delivery(vip, node, real_now().count());
  }
}

void PoolRun::note_change(const KeyChange& change) {
  for (const auto& [node, address] : address_of_) {
    const Result<vip::Vip> vip = vip::record_vip(pool_name(node, address), change.key);
    if (!vip) continue;
    const Result<vip::Record> record = vip::Record::decode(change.after);
    ledger_.note_holder(*vip, record ? record->holder : "", change.at.count());
  }
}

// The runner's own changes do not come through the server: noted here, just before.
Task<Status> PoolRun::write_record(size_t node, size_t address, bool holds) {
  const std::string key = vip::record_key(pool_name(node, address), addresses_[address]);
  Result<coord::Versioned> before = co_await memory_.get(key);
  vip::Record record;
  if (before) {
    ATOLL_CO_TRY(record, vip::Record::decode(before->value));
  }
  record.holder = holds ? node_name(node) : std::string();
  ++record.generation;
  std::string value = record.encode();
  const uint64_t version = before ? before->version : 0;
  ledger_.note_holder(addresses_[address], record.holder, real_now().count());
  ATOLL_CO_TRY([[maybe_unused]] const uint64_t written,
               co_await memory_.compare_and_swap(key, version, std::move(value)));
  co_return Status{};
}

Task<Status> PoolRun::start_instance(size_t node, size_t address) {
  address_of_[node] = address;
  NodeConfig config;
  config.node = node_name(node);
  config.incarnation = pool_name(node, address);
  config.pool.name = pool_name(node, address);
  config.pool.serves = "lab";
  config.pool.mover = spec_.mover.name;
  config.pool.addresses = {addresses_[address]};
  vip::NodeSpec self;
  self.name = config.node;
  self.domain = lab_.domain_of(node);
  self.instance = instance_ref(config.node);
  config.pool.nodes = {self};
  config.pool.network = kVpc;
  config.pool.subnetwork = kSubnetName;
  config.pool.region = kRegion;
  config.lease = spec_.lease;
  config.coordinator = {kRunnerAddress, kCoordinatorPort};
  config.control_host = node_place(node).management_address();
  config.service = spec_.service;
  // The replaced instance is another machine: its disk is its own.
  if (config.service == ServiceKind::kS3)
    config.data = fmt::format("{}/{}{}", spec_.folder, config.incarnation, kStoreSuffix);
  const std::string file = spec_.folder + "/" + config.incarnation + ".json";
  ATOLL_CO_TRY_STATUS(write_text(file, config.encode()));
  ATOLL_CO_TRY_STATUS(co_await write_record(node, address, true));
  std::vector<std::string> argv = {spec_.program, "lab", "node", "--config", file};
  ATOLL_CO_TRY(const pid_t pid, lab_.spawn(node_place(node), std::move(argv),
                                           spec_.folder + "/" + config.node + ".log"));
  processes_.push_back(pid);
  co_return Status{};
}

Task<Status> PoolRun::wait_steady(Nanos limit) {
  const Nanos until = env_.now() + limit;
  for (;;) {
    co_await env_.sleep(kLookInterval);
    if (spec_.stop != nullptr && *spec_.stop)
      co_return fail(Errc::kCancelled, "stopped by a signal");
    ATOLL_CO_TRY_STATUS(clients_.read());
    std::string missing;
    for (const auto& [node, address] : address_of_)
      if (!clients_.steady(address, node_name(node), kSteady))
        missing += fmt::format(" {} ({})", addresses_[address].to_string(), node_name(node));
    if (missing.empty()) co_return Status{};
    if (env_.now() >= until)
      co_return fail(Errc::kTimeout,
                     fmt::format("not steady after {}:{}; {}", format_duration(limit), missing,
                                 log_tail(spec_.folder + "/node1.log")));
  }
}

// Off; the group notices, deletes it, makes it anew; it boots with the address that it was given.
Task<Status> PoolRun::replace(size_t victim) {
  fault_ns_ = real_now().count();
  ATOLL_CO_TRY_STATUS(lab_.power_off(victim));
  cloud::InstanceRef ref = instance_ref(node_name(victim));
  ATOLL_CO_TRY_STATUS(compute_.power(std::move(ref), cloud::Power::kOff));
  const Nanos until = env_.now() + spec_.recover_limit();
  while (!replaced_by_) {
    co_await env_.sleep(kLookInterval);
    if (spec_.stop != nullptr && *spec_.stop)
      co_return fail(Errc::kCancelled, "stopped by a signal");
    if (env_.now() >= until) co_return fail(Errc::kTimeout, "the group did not replace it");
  }
  ATOLL_CO_TRY(const vip::Vip vip, vip::Vip::parse(*replaced_by_));
  const auto found = std::ranges::find(addresses_, vip);
  if (found == addresses_.end())
    co_return fail(Errc::kInternal, fmt::format("{} is no reserved address", *replaced_by_));
  new_address_ = static_cast<size_t>(found - addresses_.begin());
  ATOLL_CO_TRY_STATUS(co_await write_record(victim, old_address_, false));
  ATOLL_CO_TRY_STATUS(lab_.power_on(victim));
  co_return co_await start_instance(victim, new_address_);
}

Task<Status> PoolRun::play(RunResult* result) {
  ATOLL_CO_TRY_STATUS(coord_server_.listen({kRunnerAddress, kCoordinatorPort}));
  ATOLL_CO_TRY_STATUS(build());
  Oracle::Options options;
  options.vips = addresses_;
  ATOLL_CO_TRY(oracle_, Oracle::start(lab_, std::move(options)));
  for (size_t i = 1; i <= lab_.options().nodes; ++i)
    ATOLL_CO_TRY_STATUS(co_await start_instance(i, i - 1));
  ATOLL_CO_TRY_STATUS(clients_.start(addresses_));
  ATOLL_CO_TRY_STATUS(co_await wait_steady(kStartLimit));
  compute_.set_delays(spec_.delays);
  co_await env_.sleep(random_.between(Nanos(0), spec_.lease));
  const size_t victim = 1 + random_.below(lab_.options().nodes);
  old_address_ = new_address_ = address_of_[victim];
  result->victim = node_name(victim);
  ATOLL_CO_TRY_STATUS(co_await replace(victim));
  ATOLL_CO_TRY_STATUS(co_await wait_steady(spec_.recover_limit()));
  recovered_ns_ = real_now().count();
  result->recovered = true;
  co_return Status{};
}

// What a client that knows all reserved addresses asks for: the new address takes the place of the
// old one from its first good answer on; spare ones are nobody's requests.
std::vector<Probe> PoolRun::requests_of_clients() const {
  std::vector<Probe> all;
  int64_t told_ns = recovered_ns_;
  for (const Probe& probe : clients_.log_of(new_address_).probes)
    if (probe.target == clients_.target_of(new_address_) && probe.end == ProbeEnd::kOk)
      told_ns = std::min(told_ns, probe.start_ns);
  for (size_t v = 0; v < addresses_.size(); ++v) {
    const bool spare = v >= lab_.options().nodes && v != new_address_;
    const bool moved = new_address_ != old_address_;
    if (spare) continue;
    for (Probe probe : clients_.log_of(v).probes) {
      if (probe.target != clients_.target_of(v)) continue;
      if (moved && v == old_address_ && probe.start_ns >= told_ns) continue;
      if (moved && v == new_address_ && probe.start_ns < told_ns) continue;
      probe.target = static_cast<uint32_t>(v == new_address_ ? old_address_ : v);
      all.push_back(std::move(probe));
    }
  }
  return all;
}

Task<void> PoolRun::end(RunResult* result) {
  const Status stopped = co_await clients_.stop();
  if (!stopped && result->trouble.empty()) result->trouble = stopped.error().to_string();
  if (oracle_) oracle_->stop();
  (void)lab_.processes().kill(processes_);
  coord_server_.stop();
  remove_stores(spec_.folder);
  if (fault_ns_ == 0) co_return;
  if (recovered_ns_ == 0) recovered_ns_ = real_now().count();
  const std::vector<Probe> probes = requests_of_clients();
  const RequestCounts counts = count_requests(probes);
  result->requests = counts.requests;
  result->failed_requests = counts.failed_requests;
  result->failed_attempts = counts.failed_attempts;
  const std::vector<Away> aways =
      find_aways(probes, static_cast<uint32_t>(old_address_), fault_ns_);
  if (const std::optional<Away> away = longest(aways); away && result->recovered) {
    const Milestones milestones = ledger_.milestones(addresses_[new_address_], *away);
    result->gaps.push_back(split_gap(addresses_[old_address_], *away, milestones));
  }
  result->in_flight = count_in_flight(clients_.log_of(old_address_).transfers,
                                      clients_.target_of(old_address_), fault_ns_, {});
  note_verdict(*oracle_, ledger_, result);
}

Task<void> run(PoolRun* pool, RunResult* result) {
  const Status played = co_await pool->play(result);
  if (!played) result->trouble = played.error().to_string();
  co_await pool->end(result);
}

Task<void> unwind(env::Env* env) {
  co_await env->sleep(kUnwind);
}

}  // namespace

void play_pool(NetLab& lab, const ScenarioSpec& spec, RunResult* result) {
  env::RealEnv env;
  {
    PoolRun pool(env, lab, spec);
    env.run(run(&pool, result));
  }
  env.run(unwind(&env));
}

}  // namespace atl::lab
