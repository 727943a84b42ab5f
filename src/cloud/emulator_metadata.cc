// The emulated metadata server.
#include "cloud/emulator_http_core.h"
#include "cloud/emulator_json.h"

namespace atl::cloud {
namespace {

constexpr std::string_view kPrefix = "/computeMetadata/v1/";

HttpMessage text_answer(int status, std::string text) {
  HttpMessage out;
  out.status = status;
  out.headers["content-type"] = "application/text";
  out.headers["metadata-flavor"] = "Google";
  out.body = std::move(text);
  return out;
}

HttpMessage with_flavor(HttpMessage message) {
  message.headers["metadata-flavor"] = "Google";
  return message;
}

HttpMessage new_token(EmulatorHttp::Core& core) {
  while (core.tokens.size() >= kEmulatorTokensMax) core.tokens.erase(core.tokens.begin());
  // Numbered so that the oldest sorts first.
  const std::string token = fmt::format("emulated-{:012}", ++core.tokens_made);
  core.tokens[token] = core.env.now() + core.options.token_life;
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(core.options.token_life);
  return with_flavor(json_answer(200, token_json(token, static_cast<uint64_t>(life.count()))));
}

}  // namespace

bool token_is_good(const EmulatorHttp::Core& core, std::string_view authorization) {
  constexpr std::string_view kBearer = "Bearer ";
  if (!authorization.starts_with(kBearer)) return false;
  const auto it = core.tokens.find(std::string(authorization.substr(kBearer.size())));
  return it != core.tokens.end() && core.env.now() < it->second;
}

Task<std::optional<HttpMessage>> answer_metadata(EmulatorPtr core, HttpMessage request,
                                                 env::Endpoint remote) {
  // Without it a web page in a browser on the machine could ask, so the real one refuses too.
  if (request.header("metadata-flavor") != "Google")
    co_return text_answer(403, "Missing Metadata-Flavor:Google header.");
  Result<SplitTarget> target = split_target(request.target);
  if (!target || request.method != "GET" || !target->path.starts_with(kPrefix))
    co_return text_answer(404, "not found");
  const std::string path = target->path.substr(kPrefix.size());
  if (path == "instance/service-accounts/default/token") co_return new_token(*core);
  if (path == "project/project-id") co_return text_answer(200, core->options.project);
  std::optional<InstanceRef> who;
  if (core->who_asks) who = core->who_asks(remote);
  if (!who) co_return text_answer(404, "no instance has this address");
  if (path == "instance/name") co_return text_answer(200, who->name);
  if (path == "instance/maintenance-event") co_return text_answer(200, "NONE");
  if (path == "instance/zone")
    co_return text_answer(200,
                          fmt::format("projects/{}/zones/{}", core->options.project, who->zone));
  if (path != "instance/network-interfaces/") co_return text_answer(404, "not found");
  InstanceRef ref = *who;
  Result<Instance> instance = co_await core->compute.instance(std::move(ref));
  if (!instance) co_return text_answer(503, instance.error().message);
  co_return with_flavor(json_answer(200, metadata_interfaces_json(*instance)));
}

}  // namespace atl::cloud
