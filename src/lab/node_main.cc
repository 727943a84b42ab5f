// A node's process: holder, guest and responder.
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"
#include "cloud/gcp_compute.h"
#include "env/real_env.h"
#include "env/sync.h"
#include "lab/namespace.h"
#include "lab/node.h"
#include "lab/process.h"
#include "lab/remote_coordinator.h"
#include "vip/holder.h"
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
  return options;
}

vip::Holder::Options holder_options(env::Env& env, const NodeConfig& config,
                                    vip::GuestDuties duties) {
  vip::Holder::Options options;
  options.pool = config.pool;
  options.node = config.node;
  options.incarnation = config.incarnation;
  options.timing = vip::Timing::of(config.lease);
  options.timing.drain_limit = config.drain_limit;
  options.duties = duties;
  options.observe = [&env](const vip::Event& event) { tell_event(env, event); };
  return options;
}

Task<Result<bool>> end_of(std::shared_ptr<vip::Holder> holder) {
  co_await holder->stopped();
  co_return true;
}

Task<Status> serve(env::RealEnv& env, NodeConfig config) {
  ATOLL_CO_TRY(const vip::GuestDuties duties, duties_of(env, config.pool.mover));
  // So that the responder can listen at addresses that are not here yet.
  ATOLL_CO_TRY_STATUS(write_sysctl("net.ipv4.ip_nonlocal_bind", "1"));
  RemoteCoordinator coordinator(env, config.coordinator);
  vip::LinuxGuestOptions guest_options;
  guest_options.interface = config.interface;
  guest_options.fenced = config.fenced;
  vip::LinuxGuest guest(env, guest_options);
  Responder responder(env, responder_options(config, duties));
  auto holder = std::make_shared<vip::Holder>(env, coordinator, guest, responder,
                                              holder_options(env, config, duties));
  responder.ask([&env, holder = holder.get()](vip::Vip vip) {
    Standing standing;
    standing.answers = holder->answers_for(vip);
    standing.generation = holder->generation(vip);
    standing.lease_left = holder->valid_until() - env.now();
    return standing;
  });
  ATOLL_CO_TRY_STATUS(responder.start());
  ATOLL_CO_TRY_STATUS(co_await holder->start());
  tell_event(env, "ready");
  const int signal = co_await env.wait_for_signal();
  ATOLL_LOG(kInfo, "lab", "node stops", {{"node", config.node}, {"signal", signal}});
  holder->stop();
  const Result<bool> ended = co_await env::with_timeout(env, kStopLimit, end_of(holder));
  responder.stop();
  if (!ended) {
    // What they use must not go before them.
    ATOLL_LOG(kError, "lab", "node ends with tasks alive");
    ::_exit(1);
  }
  tell_event(env, "stopped");
  co_return Status();
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
  env::RealEnv env;
  const Status served = env.run(serve(env, std::move(*config)));
  if (!served) ATOLL_LOG(kError, "lab", "node failed", {{"why", served.error().to_string()}});
  return served ? 0 : 1;
}

}  // namespace atl::lab
