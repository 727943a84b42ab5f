// A node's process: holder, guest and responder.
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"
#include "cloud/gcp_compute.h"
#include "env/real_env.h"
#include "env/sync.h"
#include "lab/namespace.h"
#include "lab/node.h"
#include "lab/node_reach.h"
#include "lab/places.h"
#include "lab/process.h"
#include "lab/remote_coordinator.h"
#include "lab/s3_service.h"
#include "lab/s3_store.h"
#include "vip/dns/feed.h"
#include "vip/guardian.h"
#include "vip/holder.h"
#include "vip/last_will.h"
#include "vip/linux_guest.h"
#include "vip/movers/make_mover.h"

namespace atl::lab {
namespace {

// The mover works in the controllers; here it is only asked what it expects of a guest, and its
// cloud is never called.
Result<vip::GuestDuties> duties_of(env::Env& env, const std::string& mover) {
  cloud::GcpOptions options;
  options.endpoint = "http://127.0.0.1:1";
  options.project = "none";
  ATOLL_TRY(const auto compute,
            cloud::GcpCompute::make(env, std::move(options), std::make_shared<cloud::NoToken>()));
  ATOLL_TRY(const auto made, vip::make_mover(mover, env, compute.get()));
  return made->duties();
}

Responder::Options responder_options(const NodeConfig& config, vip::GuestDuties duties) {
  Responder::Options options;
  options.node = config.node;
  options.addresses = config.pool.addresses;
  options.port = config.port;
  options.health_port = duties.health_port ? config.health_port : 0;
  options.control_host = config.control_host;
  options.control_port = config.control_port;
  options.serve = config.service == ServiceKind::kHttp;
  return options;
}

// Atoll's own S3 door in place of the responder.
struct S3Node {
  S3LabUsers users;
  std::unique_ptr<S3Store> store;
  std::unique_ptr<S3Service> service;
};

Task<Status> open_s3(env::Env& env, NodeConfig config, Responder& side, S3Node* out) {
  ATOLL_CO_TRY(out->store, co_await S3Store::open(env, config.node, config.data));
  S3Service::Options options;
  options.node = config.node;
  options.addresses = config.pool.addresses;
  options.port = config.port;
  out->service = std::make_unique<S3Service>(env, out->store->handler(), out->users, side, options);
  co_return Status();
}

Task<void> close_s3(S3Node* s3) {
  if (!s3->service) co_return;
  co_await s3->service->stop();
  const Status closed = co_await s3->store->close();
  if (!closed) ATOLL_LOG(kWarn, "lab", closed.error().to_string());
}

vip::Holder::Options holder_options(env::Env& env, const NodeConfig& config,
                                    vip::GuestDuties duties, std::shared_ptr<NodeReach> reach) {
  vip::Holder::Options options;
  options.pool = config.pool;
  options.node = config.node;
  options.incarnation = config.incarnation;
  options.timing = vip::Timing::of(config.lease);
  options.timing.drain_limit = config.drain_limit;
  options.duties = duties;
  options.observe = [&env](const vip::Event& event) { tell_event(env, event); };
  options.cut = [reach = std::move(reach)] { return reach->cut(); };
  return options;
}

vip::LinuxGuestOptions guest_options(const NodeConfig& config, vip::GuestDuties duties) {
  vip::LinuxGuestOptions options;
  options.interface = config.interface;
  options.fenced = config.fenced;
  options.table = "atoll-" + config.pool.name;
  if (duties.forward) options.forwarding = vip::LinuxForwarding::of(config.pool, config.node);
  // The laboratory's load balancer asks from there.
  if (options.forwarding)
    options.forwarding->probers.push_back(
        vip::Prefix::parse(std::string(kGateway) + "/32").value());
  return options;
}

Result<std::shared_ptr<vip::dns::DnsFeed>> start_dns(env::Env& env, RemoteCoordinator& coordinator,
                                                     const NodeConfig& config) {
  if (config.dns.empty()) return nullptr;
  vip::dns::DnsFeed::Options options;
  options.pool = config.pool;
  ATOLL_TRY(options.section, vip::dns::decode_section(config.dns));
  auto feed =
      std::make_shared<vip::dns::DnsFeed>(env, coordinator, coordinator, std::move(options));
  ATOLL_TRY_STATUS(feed->start());
  return feed;
}

Task<Result<bool>> end_of(std::shared_ptr<vip::Holder> holder,
                          std::shared_ptr<vip::dns::DnsFeed> dns,
                          std::shared_ptr<NodeReach> reach) {
  co_await holder->stopped();
  co_await reach->stopped();
  if (dns) co_await dns->stopped();
  co_return true;
}

Task<Status> serve(env::RealEnv& env, NodeConfig config, vip::Guardian* guardian) {
  ATOLL_CO_TRY(const vip::GuestDuties duties, duties_of(env, config.pool.mover));
  // So that the responder can listen at addresses that are not here yet.
  ATOLL_CO_TRY_STATUS(write_sysctl("net.ipv4.ip_nonlocal_bind", "1"));
  RemoteCoordinator coordinator(env, config.coordinator);
  vip::LinuxGuest guest(env, guest_options(config, duties));
  Responder responder(env, responder_options(config, duties));
  S3Node s3;
  if (config.service == ServiceKind::kS3)
    ATOLL_CO_TRY_STATUS(co_await open_s3(env, config, responder, &s3));
  vip::Service& service = s3.service ? static_cast<vip::Service&>(*s3.service) : responder;
  ATOLL_CO_TRY(const std::shared_ptr<NodeReach> reach, NodeReach::start(env, coordinator, config));
  vip::Holder::Options holding = holder_options(env, config, duties, reach);
  if (guardian != nullptr)
    holding.acquires = [guardian](uint64_t attempt) { guardian->note(attempt); };
  auto holder = std::make_shared<vip::Holder>(env, coordinator, guest, service, std::move(holding));
  const Responder::Ask ask = [&env, holder = holder.get()](vip::Vip vip) {
    Standing standing;
    standing.answers = holder->answers_for(vip);
    standing.generation = holder->generation(vip);
    standing.lease_left = holder->valid_until() - env.now();
    return standing;
  };
  responder.ask(ask);
  ATOLL_CO_TRY_STATUS(responder.start());
  if (s3.service) {
    s3.service->ask(ask);
    ATOLL_CO_TRY_STATUS(s3.service->start());
  }
  ATOLL_CO_TRY_STATUS(co_await holder->start());
  ATOLL_CO_TRY(const std::shared_ptr<vip::dns::DnsFeed> dns, start_dns(env, coordinator, config));
  tell_event(env, "ready");
  const int signal = co_await env.wait_for_signal();
  ATOLL_LOG(kInfo, "lab", "node stops", {{"node", config.node}, {"signal", signal}});
  holder->stop();
  reach->stop();
  if (dns) dns->stop();
  const Result<bool> ended =
      co_await env::with_timeout(env, kStopLimit, end_of(holder, dns, reach));
  responder.stop();
  if (ended) co_await close_s3(&s3);
  if (!ended) {
    // What they use must not go before them.
    ATOLL_LOG(kError, "lab", "node ends with tasks alive");
    ::_exit(1);
  }
  tell_event(env, "stopped");
  co_return Status();
}

// In a process of its own, when this one has ended.
Status leave(const NodeConfig& config, uint64_t attempt) {
  env::RealEnv env;
  RemoteCoordinator coordinator(env, config.coordinator);
  ATOLL_TRY(const vip::GuestDuties duties, duties_of(env, config.pool.mover));
  vip::LinuxGuest guest(env, guest_options(config, duties));
  vip::LastWill will{config.pool, config.node, config.incarnation, attempt,
                     vip::Timing::of(config.lease)};
  return env.run(vip::carry_out(env, coordinator, guest, std::move(will)));
}

}  // namespace

int run_node(const std::string& config_path) {
  const Result<std::string> text = read_config(config_path);
  Result<NodeConfig> config = text ? NodeConfig::decode(*text) : fail(text.error());
  const Status planted = config ? plant(config->planted_bug) : fail(config.error());
  if (!planted) {
    ATOLL_LOG(kError, "lab", "bad configuration",
              {{"file", config_path}, {"why", planted.error().to_string()}});
    return 2;
  }
  auto guardian =
      vip::Guardian::start([config = *config](uint64_t attempt) { return leave(config, attempt); });
  if (!guardian) ATOLL_LOG(kError, "lab", "no guardian", {{"why", guardian.error().to_string()}});
  env::RealEnv env;
  const Status served = env.run(serve(env, std::move(*config), guardian ? &*guardian : nullptr));
  if (served && guardian) guardian->dismiss();
  if (!served) ATOLL_LOG(kError, "lab", "node failed", {{"why", served.error().to_string()}});
  return served ? 0 : 1;
}

}  // namespace atl::lab
