#include "lab/plain_service.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/log.h"
#include "env/real_env.h"
#include "lab/namespace.h"
#include "lab/process.h"
#include "lab/responder.h"

namespace atl::lab {
namespace {

Task<Status> serve(env::RealEnv& env, PlainConfig config) {
  ATOLL_CO_TRY_STATUS(write_sysctl("net.ipv4.ip_nonlocal_bind", "1"));
  Responder::Options options;
  options.node = config.node;
  options.addresses = config.addresses;
  Responder responder(env, options);
  responder.ask([](vip::Vip) { return Standing{.answers = true}; });
  ATOLL_CO_TRY_STATUS(responder.start());
  for (const vip::Vip address : config.addresses) responder.begin(address, 1);
  tell_event(env, "ready");
  [[maybe_unused]] const int signal = co_await env.wait_for_signal();
  responder.stop();
  co_return Status();
}

}  // namespace

std::string PlainConfig::encode() const {
  boost::json::array list;
  for (const vip::Vip address : addresses) list.emplace_back(address.to_string());
  boost::json::object out;
  out["node"] = node;
  out["addresses"] = std::move(list);
  return boost::json::serialize(out);
}

Result<PlainConfig> PlainConfig::decode(std::string_view json) {
  PlainConfig config;
  try {
    const boost::json::value parsed = boost::json::parse(json);
    config.node = parsed.at("node").as_string();
    for (const boost::json::value& text : parsed.at("addresses").as_array()) {
      ATOLL_TRY(const vip::Vip address, vip::Vip::parse(text.as_string()));
      config.addresses.push_back(address);
    }
  } catch (const std::exception& wrong) {
    return fail(Errc::kInvalidArgument, fmt::format("a responder's file: {}", wrong.what()));
  }
  if (config.node.empty() || config.addresses.empty())
    return fail(Errc::kInvalidArgument, "a responder's file: no name or no address");
  return config;
}

int run_plain_service(const std::string& config_path) {
  const Result<std::string> text = read_config(config_path);
  Result<PlainConfig> config = text ? PlainConfig::decode(*text) : fail(text.error());
  if (!config) {
    ATOLL_LOG(kError, "lab", config.error().to_string());
    return 2;
  }
  env::RealEnv env;
  const Status served = env.run(serve(env, std::move(*config)));
  if (!served) ATOLL_LOG(kError, "lab", served.error().to_string());
  return served ? 0 : 1;
}

}  // namespace atl::lab
