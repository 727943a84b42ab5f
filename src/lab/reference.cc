#include "lab/reference.h"

#include <unistd.h>

#include <csignal>

#include <fmt/format.h>

#include "env/random.h"
#include "env/real_env.h"
#include "lab/client_group.h"
#include "lab/cloud_side.h"
#include "lab/command.h"
#include "lab/files.h"
#include "lab/oracle.h"
#include "lab/plain_service.h"

namespace atl::lab {
namespace {

constexpr std::string_view kKeepalived = "/usr/sbin/keepalived";
constexpr std::string_view kHaproxy = "/usr/sbin/haproxy";
// VRRP's priorities of backups; the owner's would be 255.
constexpr size_t kPriorityMax = 250;
// The router's own address on the segment, which HAProxy speaks to its servers from.
constexpr std::string_view kBalancerAddress = "10.0.0.2";
constexpr std::string_view kSegmentBridge = "br0";

double seconds(Nanos span) {
  return std::chrono::duration<double>(span).count();
}

class Reference {
 public:
  Reference(env::Env& env, NetLab& lab, const ScenarioSpec& spec)
      : env_(env),
        lab_(lab),
        spec_(spec),
        pool_(make_lab_pool(spec.mover, lab)),
        random_(spec.seed),
        clients_(env, lab, spec) {}

  Task<Status> play(RunResult* result);
  Task<void> end(RunResult* result);

 private:
  bool balanced() const { return spec_.mover.name == "ref-haproxy"; }
  std::string path(const std::string& name) const { return spec_.folder + "/" + name; }
  Status start_service(size_t node);
  Status start_keepalived(size_t node);
  Status start_haproxy();
  std::string keepalived_text(size_t node) const;
  std::string haproxy_text() const;
  Task<Status> wait_steady(Nanos limit, std::string victim);
  Status strike(size_t victim);

  env::Env& env_;
  NetLab& lab_;
  const ScenarioSpec& spec_;
  vip::Pool pool_;
  env::Random random_;
  ClientGroup clients_;
  std::vector<pid_t> balancer_;
  std::set<size_t> concerned_;  // indices of addresses
  int64_t fault_ns_ = 0;
  int64_t recovered_ns_ = 0;
};

Status Reference::start_service(size_t node) {
  PlainConfig config;
  config.node = node_name(node);
  config.addresses = pool_.addresses;
  if (balanced()) {
    ATOLL_TRY(const vip::Vip own, vip::Vip::parse(node_place(node).client_address()));
    config.addresses = {own};
  }
  const std::string file = path(config.node + ".json");
  ATOLL_TRY_STATUS(write_text(file, config.encode()));
  ATOLL_TRY([[maybe_unused]] const pid_t pid,
            lab_.spawn(node_place(node), {spec_.program, "lab", "responder", "--config", file},
                       path(config.node + ".log")));
  return {};
}

// Address v is at node v mod N at first, then at the one after it, and so on.
std::string Reference::keepalived_text(size_t node) const {
  const size_t nodes = pool_.nodes.size();
  // Down after kMissedChecks advertisements and the skew, a few hundredths of one.
  const double interval = seconds(spec_.lease) / kMissedChecks;
  std::string text = fmt::format(
      "global_defs {{\n  router_id {}\n  vrrp_version 3\n  vrrp_garp_master_refresh 10\n"
      "  vrrp_iptables\n}}\n",
      node_name(node));
  for (size_t v = 0; v < pool_.addresses.size(); ++v) {
    const size_t rank = (node - 1 + nodes - v % nodes) % nodes;
    text += fmt::format(
        "vrrp_instance v{0} {{\n  interface eth0\n  state BACKUP\n  virtual_router_id {0}\n"
        "  priority {1}\n  advert_int {2:.2f}\n  virtual_ipaddress {{\n    {3}/32 dev eth0\n"
        "  }}\n}}\n",
        v + 1, kPriorityMax - rank, interval, pool_.addresses[v].to_string());
  }
  return text;
}

Status Reference::start_keepalived(size_t node) {
  const std::string name = node_name(node);
  const std::string file = path(name + ".keepalived.conf");
  ATOLL_TRY_STATUS(write_text(file, keepalived_text(node)));
  std::vector<std::string> argv = {std::string(kKeepalived),
                                   "--dont-fork",
                                   "--log-console",
                                   "--vrrp",
                                   "--use-file",
                                   file,
                                   "--pid",
                                   path(name + ".pid"),
                                   "--vrrp_pid",
                                   path(name + ".vrrp.pid")};
  ATOLL_TRY([[maybe_unused]] const pid_t pid,
            lab_.spawn(node_place(node), std::move(argv), path(name + ".keepalived.log")));
  return {};
}

std::string Reference::haproxy_text() const {
  const int64_t check_ms = spec_.lease / kMissedChecks / 1ms;
  std::string text = fmt::format(
      "global\n  maxconn 4096\n"
      "defaults\n  mode http\n  option redispatch 1\n  retries 3\n  timeout connect 100ms\n"
      "  timeout client 30s\n  timeout server 30s\n  timeout check {}ms\n"
      "frontend door\n",
      check_ms);
  for (const vip::Vip vip : pool_.addresses) text += fmt::format("  bind {}:80\n", vip.to_string());
  text +=
      "  default_backend nodes\nbackend nodes\n  balance roundrobin\n"
      "  option httpchk GET /ping\n";
  text += fmt::format("  default-server inter {}ms fall {} rise 1\n", check_ms, kMissedChecks);
  for (size_t i = 1; i <= pool_.nodes.size(); ++i)
    text += fmt::format("  server {} {}:80 check\n", node_name(i), node_place(i).client_address());
  return text;
}

Status Reference::start_haproxy() {
  ATOLL_TRY(const Namespace* router, lab_.space(router_place()));
  std::string lines = fmt::format("addr replace {}/16 dev {}\n", kBalancerAddress, kSegmentBridge);
  for (const vip::Vip vip : pool_.addresses)
    lines += fmt::format("addr replace {}/32 dev {}\n", vip.to_string(), kSegmentBridge);
  const std::vector<std::string> batch = {"ip", "-batch", "-"};
  ATOLL_TRY([[maybe_unused]] const std::string said, run_command(batch, lines, router->fd()));
  const std::string file = path("haproxy.cfg");
  ATOLL_TRY_STATUS(write_text(file, haproxy_text()));
  Launch launch;
  launch.argv = {std::string(kHaproxy), "-db", "-f", file};
  launch.namespace_fd = router->fd();
  launch.output = path("haproxy.log");
  ATOLL_TRY(const pid_t pid, lab_.processes().start(std::move(launch)));
  balancer_.push_back(pid);
  return {};
}

Task<Status> Reference::wait_steady(Nanos limit, std::string victim) {
  const Nanos until = env_.now() + limit;
  for (;;) {
    co_await env_.sleep(kLookInterval);
    if (spec_.stop != nullptr && *spec_.stop)
      co_return fail(Errc::kCancelled, "stopped by a signal");
    ATOLL_CO_TRY_STATUS(clients_.read());
    std::string missing;
    for (size_t v = 0; v < pool_.addresses.size(); ++v) {
      const std::string node = clients_.node_of(v);
      // A balancer answers from any server; keepalived's master is one node.
      const std::string by = balanced() ? std::string() : node;
      if (node.empty() || node == victim || !clients_.steady(v, by, kSteady))
        missing += " " + pool_.addresses[v].to_string();
    }
    if (missing.empty()) co_return Status{};
    if (env_.now() >= until)
      co_return fail(Errc::kTimeout,
                     fmt::format("not steady after {}:{}; {}", format_duration(limit), missing,
                                 log_tail(path("node1.keepalived.log"))));
  }
}

Status Reference::strike(size_t victim) {
  switch (spec_.fault) {
    case FaultKind::kKill:
      return lab_.processes().kill(lab_.running(node_place(victim)));
    case FaultKind::kPower:
      return lab_.power_off(victim);
    case FaultKind::kLink:
      return lab_.set_client_link(victim, false);
    case FaultKind::kStop:
    case FaultKind::kCutCoordinator:
    case FaultKind::kCutClients:
    case FaultKind::kDomain:
    case FaultKind::kController:
    case FaultKind::kApiSlow:
    case FaultKind::kApiFail:
    case FaultKind::kApiLimit:
    case FaultKind::kApiLies:
    case FaultKind::kStuckAlias:
    case FaultKind::kClock:
    case FaultKind::kDrain:
    case FaultKind::kUpgrade:
    case FaultKind::kReplace:
      break;
  }
  return fail(Errc::kUnsupported, "references are measured with kill, power and link only");
}

Task<Status> Reference::play(RunResult* result) {
  for (size_t i = 1; i <= pool_.nodes.size(); ++i) {
    ATOLL_CO_TRY_STATUS(start_service(i));
    if (!balanced()) ATOLL_CO_TRY_STATUS(start_keepalived(i));
  }
  if (balanced()) ATOLL_CO_TRY_STATUS(start_haproxy());
  ATOLL_CO_TRY_STATUS(clients_.start(pool_.addresses));
  std::string nobody;
  ATOLL_CO_TRY_STATUS(co_await wait_steady(kStartLimit, std::move(nobody)));
  co_await env_.sleep(random_.between(Nanos(0), spec_.lease));
  const size_t victim = 1 + random_.below(pool_.nodes.size());
  result->victim = node_name(victim);
  ATOLL_CO_TRY_STATUS(clients_.read());
  for (size_t v = 0; v < pool_.addresses.size(); ++v)
    if (balanced() || clients_.node_of(v) == result->victim) concerned_.insert(v);
  fault_ns_ = real_now().count();
  ATOLL_CO_TRY_STATUS(strike(victim));
  co_await env_.sleep(spec_.lease);
  std::string gone = result->victim;
  ATOLL_CO_TRY_STATUS(co_await wait_steady(spec_.recover_limit(), std::move(gone)));
  recovered_ns_ = real_now().count();
  result->recovered = true;
  co_return Status{};
}

Task<void> Reference::end(RunResult* result) {
  const Status stopped = co_await clients_.stop();
  if (!stopped && result->trouble.empty()) result->trouble = stopped.error().to_string();
  if (!balancer_.empty()) (void)lab_.processes().kill(balancer_);
  if (fault_ns_ == 0) co_return;
  if (recovered_ns_ == 0) recovered_ns_ = real_now().count();
  for (const size_t v : concerned_) {
    if (!result->recovered) break;  // they have no end
    const std::vector<Away> aways =
        find_aways(clients_.log_of(v).probes, clients_.target_of(v), fault_ns_);
    if (const std::optional<Away> away = longest(aways))
      result->gaps.push_back(split_gap(pool_.addresses[v], *away, Milestones{}));
  }
  for (size_t c = 0; c < clients_.size(); ++c) {
    const RequestCounts counts = count_requests(clients_.log(c).probes);
    result->requests += counts.requests;
    result->failed_requests += counts.failed_requests;
    result->failed_attempts += counts.failed_attempts;
  }
  for (const size_t v : concerned_)
    result->in_flight.add(
        count_in_flight(clients_.log_of(v).transfers, clients_.target_of(v), fault_ns_, {}));
}

Task<void> run(Reference* reference, RunResult* result) {
  const Status played = co_await reference->play(result);
  if (!played) result->trouble = played.error().to_string();
  co_await reference->end(result);
}

}  // namespace

std::optional<std::string> reference_missing(const MoverInfo& mover) {
  const std::string_view program = mover.name == "ref-haproxy" ? kHaproxy : kKeepalived;
  if (::access(std::string(program).c_str(), X_OK) == 0) return std::nullopt;
  return fmt::format("{} is not installed", program);
}

void play_reference(NetLab& lab, const ScenarioSpec& spec, RunResult* result) {
  env::RealEnv env;
  Reference reference(env, lab, spec);
  env.run(run(&reference, result));
}

}  // namespace atl::lab
