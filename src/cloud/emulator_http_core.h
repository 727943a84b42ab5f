// What the emulator's connections and handlers share. Inside of EmulatorHttp.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cloud/emulator_http.h"
#include "cloud/resource_link.h"

namespace atl::cloud {

struct EmulatorHttp::Core {
  Core(env::Env& e, Compute& c, EmulatorOptions o) : env(e), compute(c), options(std::move(o)) {}

  env::Env& env;
  Compute& compute;  // not to be used once `stopped`
  EmulatorOptions options;
  FaultHook fault_hook;
  WhoAsks who_asks;
  std::map<std::string, EmulatedGroup> groups;
  std::map<std::string, std::string> network_of_profile;  // as networks.get has told
  std::map<std::string, Nanos> tokens;                    // given out, with their ends
  uint64_t tokens_made = 0;
  std::vector<std::shared_ptr<env::Listener>> listeners;
  std::set<env::Stream*> streams;
  uint64_t requests = 0;
  bool stopped = false;
};

using EmulatorPtr = std::shared_ptr<EmulatorHttp::Core>;

// A request to the API, taken apart.
struct EmulatorCall {
  std::string method;
  Operation::Scope scope = Operation::Scope::kGlobal;
  std::string location;
  std::string collection;
  std::string name;  // "" for the collection itself
  std::string verb;  // "getHealth"
  std::map<std::string, std::string> query;
  std::string body;
  std::string query_value(const std::string& key) const;
};

// "/a/b?c=d" -> the path and the decoded query. kInvalidArgument.
struct SplitTarget {
  std::string path;
  std::map<std::string, std::string> query;
};
Result<SplitTarget> split_target(std::string_view target);

HttpMessage json_answer(int status, std::string body);

// The API's answer; nothing when there shall never be one.
Task<std::optional<HttpMessage>> answer_api(EmulatorPtr core, HttpMessage request);
Task<std::optional<HttpMessage>> answer_metadata(EmulatorPtr core, HttpMessage request,
                                                 env::Endpoint remote);
bool token_is_good(const EmulatorHttp::Core& core, std::string_view authorization);

}  // namespace atl::cloud
