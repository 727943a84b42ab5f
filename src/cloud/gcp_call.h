// One HTTP call to the API: token, deadline, repetition of reads, errors. Inside of GcpCompute.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "cloud/gcp_compute.h"
#include "cloud/resource_link.h"

namespace atl::cloud {

struct GcpCompute::Core {
  Core(env::Env& e, HttpOrigin origin, HttpClientOptions http_options)
      : env(e), http(e, std::move(origin), std::move(http_options)) {}

  env::Env& env;
  HttpClient http;
  std::string project;
  std::string network_project;
  std::shared_ptr<TokenSource> tokens;
};

struct ApiCall {
  std::string method;
  std::string path;  // below /compute/v1/
  std::map<std::string, std::string> query;
  std::string body;
  bool read = false;  // changes nothing: may be repeated

  static ApiCall get(std::string path);
  // A change; kInvalidArgument when the request id is none.
  static Result<ApiCall> change(std::string method, std::string path, const std::string& request_id,
                                std::string body);
};

// The body of an answer with a 2xx status.
Task<Result<std::string>> send(std::shared_ptr<GcpCompute::Core> core, ApiCall call);

}  // namespace atl::cloud
