#include "cloud/gcp_call.h"

#include "cloud/compute_json.h"

namespace atl::cloud {
namespace {

std::string target_of(const ApiCall& call) {
  std::string out = "/compute/v1/" + call.path;
  char separator = '?';
  for (const auto& [key, value] : call.query) {
    out.push_back(separator);
    out += key + "=" + percent_encode(value);
    separator = '&';
  }
  return out;
}

HttpMessage request_of(const ApiCall& call, const std::string& token) {
  HttpMessage out;
  out.method = call.method;
  out.target = target_of(call);
  out.body = call.body;
  out.headers["accept"] = "application/json";
  out.headers["user-agent"] = "Atoll";
  if (!call.body.empty()) out.headers["content-type"] = "application/json";
  if (!token.empty()) out.headers["authorization"] = "Bearer " + token;
  return out;
}

// Of the HTTP layer's errors, those that compute.h does not have.
Error as_compute_error(Error error) {
  if (error.code == Errc::kCorrupt || error.code == Errc::kTooLarge || error.code == Errc::kIo)
    error.code = Errc::kUnavailable;
  return error;
}

Nanos backoff(env::Env& env, int tries) {
  const Nanos longest = std::min(kReadBackoffMin * (1 << tries), kReadBackoffMax);
  return Nanos(1 + env.random() % static_cast<uint64_t>(longest.count()));
}

}  // namespace

ApiCall ApiCall::get(std::string path) {
  ApiCall out;
  out.method = "GET";
  out.path = std::move(path);
  out.read = true;
  return out;
}

Result<ApiCall> ApiCall::change(std::string method, std::string path, const std::string& request_id,
                                std::string body) {
  if (request_id.empty() || request_id.size() > kRequestIdBytesMax)
    return fail(Errc::kInvalidArgument, "a change needs a request id");
  ApiCall out;
  out.method = std::move(method);
  out.path = std::move(path);
  out.query["requestId"] = request_id;
  out.body = std::move(body);
  return out;
}

Task<Result<std::string>> send(std::shared_ptr<GcpCompute::Core> core, ApiCall call) {
  const Nanos deadline = core->env.now() + kCallDeadline;
  const std::string what = call.method + " " + call.path;
  bool token_was_refused = false;
  int tries = 0;
  while (true) {
    Result<std::string> token = co_await core->tokens->token();
    if (!token) co_return fail(std::move(token).error().with_context("access token"));
    const Nanos left = deadline - core->env.now();
    if (left <= Nanos(0)) co_return fail(Errc::kTimeout, what + ": deadline passed");
    HttpMessage request = request_of(call, *token);
    Result<HttpMessage> answer = co_await core->http.call(std::move(request), left);
    if (answer && answer->status >= 200 && answer->status <= 299) co_return std::move(answer->body);
    if (answer && answer->status == 401 && !token_was_refused && !token->empty()) {
      token_was_refused = true;  // nothing was done: any call may be repeated
      core->tokens->reject(*token);
      continue;
    }
    Error error = answer ? api_error(answer->status, answer->body) : std::move(answer).error();
    const bool again = call.read && error.code == Errc::kUnavailable && ++tries < kReadTries;
    const Nanos pause = backoff(core->env, tries);
    if (!again || core->env.now() + pause >= deadline)
      co_return fail(as_compute_error(std::move(error)).with_context(what));
    co_await core->env.sleep(pause);
  }
}

}  // namespace atl::cloud
