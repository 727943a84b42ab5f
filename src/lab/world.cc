#include "lab/world.h"

#include <csignal>
#include <fstream>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "lab/files.h"
#include "lab/lab_dns.h"
#include "vip/record.h"

namespace atl::lab {
World::World(env::Env& env, NetLab& lab, const ScenarioSpec& spec)
    : env_(env),
      lab_(lab),
      spec_(spec),
      pool_(make_lab_pool(spec.mover, lab)),
      random_(spec.seed),
      memory_(env),
      watched_(memory_),
      coord_server_(env, watched_, [this](const KeyChange& change) { note_change(change); }),
      clients_(env, lab, spec) {}

World::~World() = default;

// --- Coming up ---

Task<Status> World::start() {
  ATOLL_CO_TRY_STATUS(listen());
  ATOLL_CO_TRY_STATUS(start_oracle());
  for (size_t i = 1; i <= pool_.nodes.size(); ++i) ATOLL_CO_TRY_STATUS(start_node(i));
  // Controllers last: so that they find all nodes there, and give the addresses out evenly at once.
  for (const vip::NodeSpec& node : pool_.nodes) {
    std::string name = node.name;
    ATOLL_CO_TRY_STATUS(co_await wait_lease(std::move(name), 0, kStartLimit));
  }
  ATOLL_CO_TRY_STATUS(start_controllers());
  ATOLL_CO_TRY_STATUS(co_await wait_held(kStartLimit));
  ATOLL_CO_TRY_STATUS(clients_.start(pool_.addresses));
  std::set<std::string> nobody;
  ATOLL_CO_TRY_STATUS(co_await wait_steady(kStartLimit, std::move(nobody)));
  if (cloud_) cloud_->set_delays(spec_.delays);
  co_return Status{};
}

Status World::listen() {
  coord_server_.offer(memory_);
  ATOLL_TRY_STATUS(coord_server_.listen({kRunnerAddress, kCoordinatorPort}));
  if (!spec_.mover.cloud) return {};
  cloud_ = std::make_unique<CloudSide>(env_, lab_, ledger_, pool_, random_.next());
  return cloud_->start();
}

Status World::start_oracle() {
  Oracle::Options options;
  options.vips = pool_.addresses;
  if (cloud_ && pool_.mover == "gcp-garp")
    options.on_garp = [cloud = cloud_.get()](size_t node, vip::Vip vip) { cloud->garp(node, vip); };
  ATOLL_TRY(oracle_, Oracle::start(lab_, std::move(options)));
  return {};
}

Status World::start_node(size_t number) {
  NodeConfig config;
  config.node = node_name(number);
  config.incarnation = fmt::format("{}-{}", config.node, ++starts_[number]);
  config.pool = pool_;
  config.lease = spec_.lease;
  config.drain_limit = kLabDrainLimit;
  config.coordinator = {kRunnerAddress, kCoordinatorPort};
  config.control_host = node_place(number).management_address();
  config.dns = lab_dns_section(pool_, number);
  // A client, which refuses the connection: each of two nodes is the other's only witness.
  if (pool_.nodes.size() == 2) config.reach_hosts = {client_place(1).client_address() + ":9"};
  config.service = spec_.service;
  if (config.service == ServiceKind::kS3)
    config.data = path(config.node + std::string(kStoreSuffix));
  const std::string file = path(config.node + ".json");
  ATOLL_TRY_STATUS(write_text(file, config.encode()));
  ATOLL_TRY(nodes_[number],
            lab_.spawn(node_place(number), {spec_.program, "lab", "node", "--config", file},
                       path(config.node + ".log")));
  return {};
}

Status World::start_controllers() {
  for (size_t i = 1; i <= lab_.options().controllers; ++i) {
    ControllerConfig config;
    config.name = controller_place(i).name();
    config.pool = pool_;
    config.lease = spec_.lease;
    config.coordinator = {kRunnerAddress, kCoordinatorPort};
    config.compute =
        cloud_ ? fmt::format("http://{}:{}", kRunnerAddress, kCloudPort) : std::string();
    config.project = kProject;
    config.metadata = config.compute;  // the emulator is both
    const std::string file = path(config.name + ".json");
    ATOLL_TRY_STATUS(write_text(file, config.encode()));
    ATOLL_TRY(
        controllers_[config.name],
        lab_.spawn(controller_place(i), {spec_.program, "lab", "controller", "--config", file},
                   path(config.name + ".log")));
  }
  return {};
}

// --- Waiting ---

Task<Status> World::pause(Nanos span) {
  co_await env_.sleep(span);
  co_return look();
}

Status World::look() {
  if (spec_.stop != nullptr && *spec_.stop) return fail(Errc::kCancelled, "stopped by a signal");
  if (cloud_) cloud_->follow();
  return clients_.read();
}

Task<Status> World::wait_lease(std::string node, int64_t after_ns, Nanos limit) {
  const Nanos until = env_.now() + limit;
  const std::string lease = vip::node_lease(pool_.name, node);
  for (;;) {
    const WatchedCoordinator::Grant* grant = watched_.last_grant_to(lease, node + "#");
    if (grant != nullptr && grant->at_ns > after_ns) co_return Status{};
    if (env_.now() >= until)
      co_return fail(Errc::kTimeout,
                     fmt::format("{} has no lease: {}", node, log_tail(path(node + ".log"))));
    ATOLL_CO_TRY_STATUS(co_await pause(kLookInterval));
  }
}

Task<Status> World::wait_held(Nanos limit) {
  const Nanos until = env_.now() + limit;
  for (;;) {
    std::string without;
    for (const vip::Vip vip : pool_.addresses) {
      const std::string holder = ledger_.holder(vip);
      if (holder.empty() || (cloud_ && ledger_.delivered(vip) != holder))
        without += fmt::format(" {} ({}, delivered to {})", vip.to_string(),
                               holder.empty() ? "nobody" : holder, ledger_.delivered(vip));
    }
    if (without.empty()) co_return Status{};
    if (env_.now() >= until) {
      std::string logs;
      for (const auto& [name, pid] : controllers_)
        logs += fmt::format("; {}: {}", name, log_tail(path(name + ".log")));
      co_return fail(Errc::kTimeout, fmt::format("not served at the start:{}{}", without, logs));
    }
    ATOLL_CO_TRY_STATUS(co_await pause(kLookInterval));
  }
}

std::string World::missing(const std::set<std::string>& victims) const {
  std::string out;
  for (size_t v = 0; v < pool_.addresses.size(); ++v) {
    const vip::Vip vip = pool_.addresses[v];
    const std::string holder = ledger_.holder(vip);
    const bool steady = !holder.empty() && clients_.steady(v, holder, kSteady);
    // Answered all the same while another node sends on what arrives for it; but not there yet.
    const bool arrives = !cloud_ || ledger_.delivered(vip) == holder;
    if (steady && arrives && !victims.contains(holder)) continue;
    out += fmt::format(" {} (holder {}{})", vip.to_string(), holder.empty() ? "nobody" : holder,
                       cloud_ ? ", delivered to " + ledger_.delivered(vip) : std::string());
  }
  return out;
}

Task<Status> World::wait_steady(Nanos limit, std::set<std::string> victims) {
  const Nanos until = env_.now() + limit;
  for (;;) {
    ATOLL_CO_TRY_STATUS(co_await pause(kLookInterval));
    const std::string lacking = missing(victims);
    if (lacking.empty()) co_return Status{};
    if (env_.now() >= until)
      co_return fail(Errc::kTimeout,
                     fmt::format("not steady after {}:{}", format_duration(limit), lacking));
  }
}

Task<Status> World::wait_holds_nothing(std::string node, Nanos limit) {
  const Nanos until = env_.now() + limit;
  while (!ledger_.held_by(node).empty()) {
    if (env_.now() >= until)
      co_return fail(Errc::kTimeout,
                     fmt::format("{} still holds addresses after {}: {}", node,
                                 format_duration(limit), log_tail(path(node + ".log"))));
    ATOLL_CO_TRY_STATUS(co_await pause(kLookInterval));
  }
  co_return Status{};
}

// --- Doing ---

Status World::signal_node(size_t number, int signal) {
  const auto found = nodes_.find(number);
  if (found == nodes_.end())
    return fail(Errc::kNotFound, fmt::format("{} has no process", node_name(number)));
  return lab_.processes().signal_alone(found->second, signal);
}

Task<Status> World::stop_node(size_t number) {
  ATOLL_CO_TRY_STATUS(signal_node(number, SIGTERM));
  const pid_t pid = nodes_[number];
  const Nanos until = env_.now() + kEndLimit;
  for (;;) {
    ATOLL_CO_TRY(const std::optional<int> ended, lab_.processes().ended(pid));
    if (ended) co_return Status{};
    if (env_.now() >= until)
      co_return fail(Errc::kTimeout, fmt::format("{} does not end", node_name(number)));
    ATOLL_CO_TRY_STATUS(co_await pause(kLookInterval));
  }
}

Status World::kill_leader() {
  const WatchedCoordinator::Grant* grant = watched_.last_grant(vip::leader_lease(pool_.name));
  const auto found = grant == nullptr ? controllers_.end() : controllers_.find(grant->holder);
  if (found == controllers_.end())
    return fail(Errc::kNotFound, fmt::format("no controller of that name leads: {}",
                                             grant == nullptr ? "" : grant->holder));
  ATOLL_TRY_STATUS(lab_.processes().signal(found->second, SIGKILL));
  leader_killed_ = true;
  return {};
}

Task<Status> World::set_drain(std::string node, bool drain) {
  const std::string key = vip::drain_key(pool_.name, node);
  Result<coord::Versioned> there = co_await memory_.get(key);
  if (drain == there.has_value()) co_return Status{};
  if (!drain) co_return co_await memory_.erase(key, there->version);
  std::string value = "{}";
  Result<uint64_t> done = co_await memory_.compare_and_swap(key, 0, std::move(value));
  if (!done) co_return fail(std::move(done.error()));
  co_return Status{};
}

Task<Status> World::end() {
  Status ended = co_await clients_.stop();
  if (oracle_) oracle_->stop();
  std::vector<pid_t> all;
  for (const auto& [number, pid] : nodes_) all.push_back(pid);
  for (const auto& [name, pid] : controllers_) all.push_back(pid);
  const Status killed = lab_.processes().kill(all);
  if (!killed) ended = killed;
  remove_stores(spec_.folder);
  coord_server_.stop();
  if (cloud_) cloud_->http().stop();
  co_return ended;
}

// --- What is known ---

void World::note_change(const KeyChange& change) {
  const Result<vip::Vip> vip = vip::record_vip(pool_.name, change.key);
  if (!vip) return;
  const Result<vip::Record> record = vip::Record::decode(change.after);
  const std::string before = ledger_.holder(*vip);
  ledger_.note_holder(*vip, record ? record->holder : std::string(), change.at.count());
  if (next_change_ && ledger_.holder(*vip) != before) {
    std::function<void()> callback = std::move(next_change_);
    next_change_ = nullptr;
    callback();
  }
}

std::optional<int64_t> World::lease_end_ns(const std::string& node) const {
  const auto* grant = watched_.last_grant_to(vip::node_lease(pool_.name, node), node + "#");
  if (grant == nullptr) return std::nullopt;
  return grant->at_ns + spec_.lease.count();
}

void World::read_events() {
  for (const vip::NodeSpec& node : pool_.nodes) {
    std::ifstream file(path(node.name + ".log"));
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("{\"event\":\"taken\"")) continue;
      boost::system::error_code error;
      const boost::json::value event = boost::json::parse(line, error);
      if (error || !event.is_object()) continue;  // cut short by a kill
      const boost::json::value* at = event.as_object().if_contains("t_ns");
      const boost::json::value* address = event.as_object().if_contains("vip");
      if (at == nullptr || !at->is_int64() || address == nullptr || !address->is_string()) continue;
      const Result<vip::Vip> vip = vip::Vip::parse(address->as_string());
      if (vip) ledger_.note_taken(*vip, node.name, at->as_int64());
    }
  }
}

}  // namespace atl::lab
