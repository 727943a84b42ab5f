// The whole of S3 but the wire: Service over a real partition, journal, stripes and devices on
// simulated disks. A small language for tests:
//
//   TestService s3;
//   s3.put("/b");                                  // CreateBucket
//   s3.put("/b/k", "bytes", {{"x-amz-meta-a", "1"}});
//   EXPECT_EQ(s3.get("/b/k").body, "bytes");
//   EXPECT_EQ(s3.error("GET", "/b/none"), "NoSuchKey");
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include "base/check.h"
#include "frontend/s3/service.h"
#include "frontend/s3/url.h"
#include "stripe/test_cluster.h"

namespace atl::s3 {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Answer {
  int status = 0;
  std::string body;
  Fields headers;
  std::optional<uint64_t> content_length;  // of HEAD

  std::string header(std::string_view name) const {
    for (const auto& [n, value] : headers)
      if (equals_ignore_case(n, name)) return value;
    return {};
  }
  bool has(std::string_view name) const {
    for (const auto& field : headers)
      if (equals_ignore_case(field.first, name)) return true;
    return false;
  }
  // The error's code; "" when it is no error.
  std::string code() const { return status >= 300 ? text("Code") : std::string(); }
  // The text of the first element of that name, unescaped only as tests need it.
  std::string text(std::string_view tag) const {
    const auto all = texts(tag);
    return all.empty() ? std::string() : all.front();
  }
  std::vector<std::string> texts(std::string_view tag) const {
    std::vector<std::string> out;
    const std::string open = "<" + std::string(tag) + ">";
    const std::string close = "</" + std::string(tag) + ">";
    for (size_t at = body.find(open); at != body.npos; at = body.find(open, at)) {
      at += open.size();
      out.push_back(body.substr(at, body.find(close, at) - at));
    }
    return out;
  }
};

class TestService {
 public:
  explicit TestService(uint64_t device_bytes = 256u << 20, std::string region = "us-east-1")
      : cluster_(options(device_bytes)), rocksdb_env_(rocksdb::NewMemEnv(rocksdb::Env::Default())) {
    ns::PartitionOptions partition;
    partition.view_path = "/view";
    partition.rocksdb_env = rocksdb_env_.get();
    partition.deterministic = true;
    auto opened =
        cluster_.run(ns::Partition::open(cluster_.view(), cluster_.store(), std::move(partition)));
    ATOLL_CHECK(opened.has_value(), opened ? "" : opened.error().to_string());
    partition_ = std::move(*opened);
    client_ = std::make_unique<client::Client>(cluster_.env(), *partition_, cluster_.store());
    ServiceOptions service;
    service.region = std::move(region);
    service_ = std::make_unique<Service>(cluster_.env(), *client_, service);
  }
  ~TestService() {
    cluster_.env().run_for(1s);  // what was discarded is freed
    const Status closed = cluster_.run(partition_->close());
    EXPECT_TRUE(closed.has_value()) << closed.error().to_string();
  }

  stripe::TestCluster& cluster() { return cluster_; }
  ns::Partition& partition() { return *partition_; }
  client::Client& client() { return *client_; }
  Service& service() { return *service_; }

  // One request. `trailers` come after the body, as with aws-chunked.
  Answer call(std::string_view method, const std::string& target, std::string body = {},
              Fields headers = {}, Fields trailers = {}) {
    MemoryBody memory(body);
    for (const auto& [name, value] : trailers) memory.mutable_trailers().add(name, value);
    Request request;
    for (const auto& [name, value] : trailers)
      request.trailer_names.push_back(to_lower_ascii(name));
    request.content_length = body.size();
    return run(method, target, headers, &request, &memory);
  }
  // The body breaks off with `error` after `body`, of which more was promised.
  Answer call_broken(std::string_view method, const std::string& target, std::string body,
                     S3Error error, uint64_t promised) {
    MemoryBody memory(std::move(body), std::move(error));
    Request request;
    request.content_length = promised;
    return run(method, target, {}, &request, &memory);
  }
  Answer call_with(std::string_view method, const std::string& target, const Fields& headers,
                   Request* request, RequestBody* body) {
    return run(method, target, headers, request, body);
  }

  Answer get(const std::string& target, Fields headers = {}) {
    return call("GET", target, {}, std::move(headers));
  }
  Answer head(const std::string& target, Fields headers = {}) {
    return call("HEAD", target, {}, std::move(headers));
  }
  Answer put(const std::string& target, std::string body = {}, Fields headers = {}) {
    return call("PUT", target, std::move(body), std::move(headers));
  }
  Answer post(const std::string& target, std::string body = {}, Fields headers = {}) {
    return call("POST", target, std::move(body), std::move(headers));
  }
  Answer del(const std::string& target, Fields headers = {}) {
    return call("DELETE", target, {}, std::move(headers));
  }
  std::string error(std::string_view method, const std::string& target, std::string body = {},
                    Fields headers = {}) {
    const Answer answer = call(method, target, std::move(body), std::move(headers));
    return answer.status < 300 ? "ok" : answer.code();
  }

  std::string access_key = "AKIDEXAMPLE";

 private:
  static stripe::TestClusterOptions options(uint64_t device_bytes) {
    stripe::TestClusterOptions out;
    out.device_bytes = device_bytes;
    return out;
  }

  Answer run(std::string_view method, const std::string& target, const Fields& headers,
             Request* request, RequestBody* body) {
    request->method = method;
    request->target = target;
    request->headers.add("Host", "127.0.0.1:9000");
    for (const auto& [name, value] : headers) request->headers.add(name, value);
    ATOLL_CHECK(!parse_target(request).has_value(), "the test's target is malformed");
    ATOLL_CHECK(!resolve_bucket_and_key({}, request).has_value());
    request->access_key = access_key;
    request->request_id = "0123456789ABCDEF";
    request->wall_time = cluster_.env().wall_now();
    return cluster_.run(drive(service_.get(), request, body));
  }

  static Task<Answer> drive(Service* service, Request* request, RequestBody* body) {
    Response response = co_await service->handle(*request, *body);
    Answer answer;
    answer.status = response.status;
    answer.headers = response.headers;
    answer.body = std::move(response.body);
    answer.content_length = response.content_length;
    if (response.stream) {
      while (true) {
        auto piece = co_await response.stream->next();
        EXPECT_TRUE(piece.has_value()) << (piece ? "" : piece.error().to_string());
        if (!piece || piece->empty()) break;
        answer.body.append(piece->view());
      }
      EXPECT_EQ(answer.body.size(), response.stream_length);
    }
    co_return answer;
  }

  stripe::TestCluster cluster_;
  std::unique_ptr<rocksdb::Env> rocksdb_env_;
  std::unique_ptr<ns::Partition> partition_;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<Service> service_;
};

// `size` bytes that tell their seed and place.
inline std::string bytes_of(uint64_t seed, size_t size) {
  return std::string(stripe::pattern(seed, size).view());
}

}  // namespace atl::s3
