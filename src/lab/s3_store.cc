#include "lab/s3_store.h"

#include <fmt/format.h>

#include "fabric/in_process_fabric.h"
#include "frontend/s3/service.h"
#include "frontend/s3/url.h"
#include "lab/service_kind.h"
#include "server/local_cluster.h"

namespace atl::lab {
namespace {

constexpr int kConflictStatus = 409;  // the bucket is there from the start before

Task<Status> put(env::Env& env, s3::Handler& handler, std::string target, std::string bytes) {
  s3::Request request;
  request.method = "PUT";
  request.target = target;
  request.headers.add("Host", "127.0.0.1");
  std::optional<s3::S3Error> wrong = s3::parse_target(&request);
  if (!wrong) wrong = s3::resolve_bucket_and_key({}, &request);
  if (wrong) co_return fail(Errc::kInternal, target + " is no target");
  request.access_key = kS3AccessKey;
  request.request_id = "0000000000000000";
  request.wall_time = env.wall_now();
  request.content_length = bytes.size();
  s3::MemoryBody body(std::move(bytes));
  const s3::Response response = co_await handler.handle(request, body);
  if (response.status == 200) co_return Status{};
  if (request.key.empty() && response.status == kConflictStatus) co_return Status{};
  co_return fail(Errc::kInternal,
                 fmt::format("PUT {}: {} {}", target, response.status, response.body));
}

}  // namespace

struct S3Store::Parts {
  explicit Parts(env::Env& env) : fabric(env) {}
  fabric::InProcessFabric fabric;
  std::unique_ptr<server::LocalCluster> cluster;
  std::unique_ptr<s3::Service> service;
};

S3Store::S3Store(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
S3Store::~S3Store() = default;

Task<Result<std::unique_ptr<S3Store>>> S3Store::open(env::Env& env, std::string node,
                                                     std::string folder) {
  auto parts = std::make_unique<Parts>(env);
  server::ClusterOptions options;
  options.data_dir = std::move(folder);
  options.domains = 1;
  options.protection.k = 1;
  options.protection.m = 0;
  options.device_bytes = kS3DeviceBytes;
  ATOLL_CO_TRY(parts->cluster, co_await server::LocalCluster::start(env, parts->fabric, options));
  parts->service = std::make_unique<s3::Service>(env, parts->cluster->client());
  std::unique_ptr<S3Store> store(new S3Store(std::move(parts)));
  s3::Handler& handler = store->handler();
  const std::string bucket = fmt::format("/{}", kS3Bucket);
  std::string nothing;
  Status filled = co_await put(env, handler, bucket, std::move(nothing));
  if (filled) {
    std::string target = fmt::format("{}/{}", bucket, kS3WhoKey);
    std::string who = fmt::format("{{\"node\":\"{}\"}}", node);
    filled = co_await put(env, handler, std::move(target), std::move(who));
  }
  if (filled) {
    std::string target = fmt::format("{}/{}", bucket, kS3LongKey);
    std::string bytes(kLongTransferBytes, 'x');
    filled = co_await put(env, handler, std::move(target), std::move(bytes));
  }
  if (filled) co_return std::move(store);
  (void)co_await store->close();
  co_return fail(std::move(filled.error()).with_context("filling the S3 store"));
}

s3::Handler& S3Store::handler() {
  return *parts_->service;
}

Task<Status> S3Store::close() {
  return parts_->cluster->stop();
}

std::optional<std::string> S3LabUsers::secret_for(std::string_view access_key) {
  if (access_key != kS3AccessKey) return std::nullopt;
  return std::string(kS3SecretKey);
}

}  // namespace atl::lab
