#include "cloud/metadata_token.h"

#include "base/log.h"
#include "cloud/compute_json.h"
#include "env/sync.h"

namespace atl::cloud {
namespace {

constexpr std::string_view kTokenPath =
    "/computeMetadata/v1/instance/service-accounts/default/token";

// A fetch under way and those who wait for it.
struct Flight {
  Status result;
  env::Event done;
};

}  // namespace

struct MetadataToken::Core {
  Core(env::Env& e, HttpOrigin origin, HttpClientOptions options)
      : env(e), http(e, std::move(origin), std::move(options)) {}

  env::Env& env;
  HttpClient http;
  std::string token;
  Nanos expires{};
  std::string rejected;  // the last one that the API refused
  std::shared_ptr<Flight> flight;
  env::TimerId timer;
  Nanos retry = kTokenRetryMin;
  bool stopped = false;
  uint64_t fetches = 0;

  bool usable() const { return !token.empty() && expires - env.now() >= kTokenLifeMin; }
};

namespace {

using CorePtr = std::shared_ptr<MetadataToken::Core>;

Task<Status> fetch(CorePtr core) {
  HttpMessage request;
  request.method = "GET";
  request.target = kTokenPath;
  request.headers["metadata-flavor"] = "Google";
  ++core->fetches;
  const Nanos asked = core->env.now();
  Result<HttpMessage> answer = co_await core->http.call(std::move(request), kTokenDeadline);
  if (!answer) co_return fail(std::move(answer).error());
  if (answer->status != 200) co_return fail(api_error(answer->status, answer->body));
  // Proof that this was the metadata server and not whoever has its address on another network.
  if (answer->header("metadata-flavor") != "Google")
    co_return fail(Errc::kUnavailable, "this is not the metadata server");
  ATOLL_CO_TRY(AccessToken token, parse_token(answer->body));
  const auto life_max = std::chrono::duration_cast<std::chrono::seconds>(kTokenLifeMax).count();
  const uint64_t life =
      std::min<uint64_t>(token.expires_in_seconds, static_cast<uint64_t>(life_max));
  core->token = std::move(token.token);
  core->expires = asked + std::chrono::seconds(life);
  co_return Status{};
}

void set_timer(CorePtr core, Nanos delay);

Task<void> fly(CorePtr core, std::shared_ptr<Flight> flight) {
  Status done = co_await fetch(core);
  core->flight.reset();
  if (done) {
    core->retry = kTokenRetryMin;
    const Nanos life = core->expires - core->env.now();
    set_timer(core, std::max(kTokenRefreshMin, life * 3 / 4));
  } else {
    if (!core->stopped)
      ATOLL_LOG(kWarn, "cloud", "no access token", {{"error", done.error().to_string()}});
    set_timer(core, core->retry);
    core->retry = std::min(core->retry * 2, kTokenRetryMax);
  }
  flight->result = std::move(done);
  flight->done.set();
}

// The one flight; many may wait for it.
std::shared_ptr<Flight> take_off(const CorePtr& core) {
  if (core->flight) return core->flight;
  core->flight = std::make_shared<Flight>();
  core->env.spawn("cloud_token", fly(core, core->flight));
  return core->flight;
}

void set_timer(CorePtr core, Nanos delay) {
  if (core->stopped) return;
  core->env.cancel_timer(core->timer);
  std::weak_ptr<MetadataToken::Core> weak = core;
  core->timer = core->env.start_timer(delay, [weak] {
    if (const CorePtr there = weak.lock(); there && !there->stopped) take_off(there);
  });
}

}  // namespace

Result<std::unique_ptr<MetadataToken>> MetadataToken::make(env::Env& env, std::string endpoint) {
  ATOLL_TRY(HttpOrigin origin, HttpOrigin::parse(endpoint));
  if (origin.tls) return fail(Errc::kInvalidArgument, "the metadata server speaks plain HTTP");
  HttpClientOptions options;
  if (endpoint == kMetadataEndpoint) options.fallback_address = kMetadataAddress;
  auto core = std::make_shared<Core>(env, std::move(origin), std::move(options));
  return std::unique_ptr<MetadataToken>(new MetadataToken(std::move(core)));
}

MetadataToken::~MetadataToken() {
  core_->stopped = true;
  core_->env.cancel_timer(core_->timer);
  core_->http.stop();
}

void MetadataToken::start() {
  take_off(core_);
}

Task<Result<std::string>> MetadataToken::token() {
  CorePtr core = core_;
  if (core->usable()) co_return core->token;
  // A flight that began before a rejection may bring the rejected token: that is for the API to
  // say again.
  const std::shared_ptr<Flight> flight = take_off(core);
  co_await flight->done.wait();
  if (core->usable()) co_return core->token;
  if (!flight->result) co_return fail(flight->result.error());
  co_return fail(Errc::kUnavailable, "the metadata server has no token that lasts");
}

void MetadataToken::reject(const std::string& token) {
  // A second rejection of the same token is no news: without this, an API that refuses everything
  // would have the metadata server asked for every call.
  if (token != core_->token || token == core_->rejected) return;
  core_->rejected = token;
  core_->token.clear();
}

uint64_t MetadataToken::fetches() const {
  return core_->fetches;
}

}  // namespace atl::cloud
