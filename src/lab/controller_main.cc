// A controller's process: controller, mover and the cloud's client.
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"
#include "cloud/gcp_compute.h"
#include "env/real_env.h"
#include "env/sync.h"
#include "lab/node.h"
#include "lab/process.h"
#include "lab/remote_coordinator.h"
#include "vip/controller.h"
#include "vip/movers/make_mover.h"

namespace atl::lab {
namespace {

// A mover that tells when a round begins and what came of it. Rounds that change nothing are not
// told.
class ToldMover final : public vip::Mover {
 public:
  ToldMover(env::Env& env, vip::Mover& mover) : env_(env), mover_(mover) {}

  std::string_view name() const override { return mover_.name(); }
  vip::GuestDuties duties() const override { return mover_.duties(); }
  bool floats() const override { return mover_.floats(); }
  Task<Status> check(const vip::Pool& pool) override { return mover_.check(pool); }

  Task<vip::Outcome> reconcile(const vip::Pool& pool, std::vector<vip::Wanted> wanted,
                               std::set<vip::Vip> urgent, vip::MayGoOn may) override {
    std::map<vip::Vip, vip::NodeName> asked;
    for (const vip::Wanted& want : wanted) asked[want.vip] = want.node;
    if (!urgent.empty()) tell_moving(urgent);
    vip::Outcome outcome =
        co_await mover_.reconcile(pool, std::move(wanted), urgent, std::move(may));
    if (!urgent.empty() || outcome.changes > 0 || !outcome.unfinished.empty())
      tell_event(env_, "api",
                 fmt::format("\"calls\":{},\"changes\":{},\"unfinished\":{}", outcome.api_calls,
                             outcome.changes, outcome.unfinished.size()));
    for (const vip::Unfinished& left : outcome.unfinished) {
      asked.erase(left.vip);
      told_.erase(left.vip);
    }
    for (const auto& [vip, node] : asked) {
      if (std::exchange(told_[vip], node) == node) continue;
      tell_event(env_, "delivered",
                 fmt::format("\"vip\":\"{}\",\"node\":{}", vip.to_string(), json_text(node)));
    }
    co_return outcome;
  }

 private:
  void tell_moving(const std::set<vip::Vip>& urgent) {
    std::string vips;
    for (const vip::Vip vip : urgent)
      vips += fmt::format("{}\"{}\"", vips.empty() ? "" : ",", vip.to_string());
    tell_event(env_, "moving", fmt::format("\"vips\":[{}]", vips));
  }

  env::Env& env_;
  vip::Mover& mover_;
  std::map<vip::Vip, vip::NodeName> told_;
};

Task<Result<bool>> end_of(std::shared_ptr<vip::Controller> controller) {
  co_await controller->stopped();
  co_return true;
}

Result<std::shared_ptr<cloud::TokenSource>> make_tokens(env::Env& env,
                                                        const ControllerConfig& config) {
  const bool google = config.metadata.empty() && config.compute.starts_with("https:");
  if (config.metadata.empty() && !google) return std::make_shared<cloud::NoToken>();
  const std::string endpoint = google ? std::string(cloud::kMetadataEndpoint) : config.metadata;
  ATOLL_TRY(std::shared_ptr<cloud::MetadataToken> tokens,
            cloud::MetadataToken::make(env, endpoint));
  tokens->start();
  return tokens;
}

Result<std::unique_ptr<cloud::GcpCompute>> make_compute(env::Env& env,
                                                        const ControllerConfig& config) {
  if (config.compute.empty()) return nullptr;
  cloud::GcpOptions options;
  options.endpoint = config.compute;
  options.project = config.project;
  ATOLL_TRY(std::shared_ptr<cloud::TokenSource> tokens, make_tokens(env, config));
  return cloud::GcpCompute::make(env, std::move(options), std::move(tokens));
}

Task<Status> lead(env::RealEnv& env, ControllerConfig config) {
  ATOLL_CO_TRY(const auto compute, make_compute(env, config));
  ATOLL_CO_TRY(const auto mover, vip::make_mover(config.pool.mover, env, compute.get()));
  ToldMover told(env, *mover);
  RemoteCoordinator coordinator(env, config.coordinator);
  vip::Controller::Options options;
  options.pool = config.pool;
  options.name = config.name;
  options.timing = vip::Timing::of(config.lease);
  options.observe = [&env](const vip::Event& event) { tell_event(env, event); };
  auto controller = std::make_shared<vip::Controller>(env, coordinator, told, std::move(options));
  ATOLL_CO_TRY_STATUS(co_await controller->start());
  tell_event(env, "ready");
  const int signal = co_await env.wait_for_signal();
  ATOLL_LOG(kInfo, "lab", "controller stops", {{"name", config.name}, {"signal", signal}});
  controller->stop();
  const Result<bool> ended = co_await env::with_timeout(env, kStopLimit, end_of(controller));
  if (!ended) {
    // What they use must not go before them.
    ATOLL_LOG(kError, "lab", "controller ends with tasks alive");
    ::_exit(1);
  }
  tell_event(env, "stopped");
  co_return Status();
}

}  // namespace

int run_controller(const std::string& config_path) {
  const Result<std::string> text = read_config(config_path);
  Result<ControllerConfig> config = text ? ControllerConfig::decode(*text) : fail(text.error());
  const Status planted = config ? plant(config->planted_bug) : fail(config.error());
  if (!planted) {
    ATOLL_LOG(kError, "lab", "bad configuration",
              {{"file", config_path}, {"why", planted.error().to_string()}});
    return 2;
  }
  env::RealEnv env;
  const Status led = env.run(lead(env, std::move(*config)));
  if (!led) ATOLL_LOG(kError, "lab", "controller failed", {{"why", led.error().to_string()}});
  return led ? 0 : 1;
}

}  // namespace atl::lab
