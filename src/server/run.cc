// `atoll up`: a LocalCluster, the S3 door and the admin API in one process, until SIGTERM or
// SIGINT.
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <cstdio>
#include <fstream>

#include <boost/json.hpp>

#include "admin/http_server.h"
#include "base/log.h"
#include "cluster/placement.h"
#include "env/real_env.h"
#include "fabric/in_process_fabric.h"
#include "frontend/s3/server.h"
#include "frontend/s3/service.h"
#include "frontend/s3/tls.h"
#include "server/control.h"
#include "server/local_cluster.h"
#include "server/server.h"
#include "server/status.h"
#include "server/users.h"

namespace atl::server {
namespace {

// Running requests get this long to end after a stop signal.
constexpr Nanos kStopGrace = 10s;
constexpr uint64_t kDefaultDeviceMax = 16_GiB;

int complain(const Error& error) {
  std::fprintf(stderr, "atoll: %s\n",
               error.message.empty() ? error.to_string().c_str() : error.message.c_str());
  return 1;
}

// Where the commands find this cluster; readable by its owner alone, since it holds root's secret.
Status write_run_file(const Options& options, const admin::NewSecret& root,
                      const std::string& s3_url, const std::string& admin_address) {
  boost::json::object run;
  run["s3"] = s3_url;
  run["admin"] = admin_address;
  run["access_key"] = root.user.access_key;
  run["secret_key"] = root.secret_key;
  const std::string path = options.data_dir + "/run.json";
  const std::string fresh = path + ".new";
  const mode_t old_mask = umask(077);
  std::ofstream file(fresh, std::ios::trunc);
  umask(old_mask);
  file << boost::json::serialize(run) << "\n";
  file.close();
  if (!file || std::rename(fresh.c_str(), path.c_str()) != 0)
    return fail(Errc::kIo, "cannot write " + path);
  return {};
}

void print_banner(const Options& options, LocalCluster& cluster, const admin::NewSecret& root,
                  const std::string& s3_url, const std::string& admin_address) {
  const cluster::Exposure exposure = cluster.exposure();
  char self[4096];
  const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  std::string program = n > 0 ? std::string(self, static_cast<size_t>(n)) : "atoll";
  char here[4096];
  if (getcwd(here, sizeof here) != nullptr && program.starts_with(std::string(here) + "/"))
    program = program.substr(std::string(here).size() + 1);
  const std::string data = options.data_dir == "data" ? "" : " --data " + options.data_dir;
  fmt::print("Atoll  {} domains, protection {}: any {} domain(s) can be lost without losing data",
             options.domains, cluster::format_protection(options.protection),
             exposure.losable_domains_by_design);
  if (exposure.losable_domains_now != exposure.losable_domains_by_design)
    fmt::print("; now, with {} down or being rebuilt, {} more", exposure.domains_down,
               exposure.losable_domains_now);
  fmt::print(
      "\n\n  S3          {}\n  admin       http://{}   (status, metrics)\n  data        {}\n"
      "  access key  {}\n  secret key  {}\n\n",
      s3_url, admin_address, options.data_dir, root.user.access_key,
      options.root_secret_key.empty() ? root.secret_key : "(ATOLL_SECRET_KEY)");
  if (options.tls_certificate_path.empty()) {
    fmt::print(
        "Try, in another terminal:\n\n  {0} put /etc/os-release first/hello.txt{1} && {0} get "
        "first/hello.txt{1}\n"
        "  {0} status{1}\n\n",
        program, data);
  }
  fmt::print(
      "Any S3 client works:\n\n  AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={} \\\n"
      "    aws --endpoint-url {} --region {} s3 ls\n\n",
      root.user.access_key, options.root_secret_key.empty() ? root.secret_key : "$ATOLL_SECRET_KEY",
      s3_url, options.region);
  fmt::print("Ctrl-C stops it; the data stays.\n\nready\n");
  std::fflush(stdout);
}

Task<Status> fill_in(env::RealEnv& env, Options* options) {
  if (options->device_bytes == 0 && options->raw_devices.size() < options->domains) {
    ATOLL_CO_TRY_STATUS(env.create_directories(options->data_dir));
    ATOLL_CO_TRY(options->device_bytes, default_device_bytes(options->data_dir, options->domains));
  }
  options->device_bytes = round_down(options->device_bytes, env::kBlockSize);
  if (options->raw_devices.size() < options->domains &&
      options->device_bytes < device::kMinDeviceBytes)
    co_return fail(
        Errc::kInvalidArgument,
        fmt::format("a device of {} is too small: at least {} each",
                    format_bytes(options->device_bytes), format_bytes(device::kMinDeviceBytes)));
  co_return Status{};
}

Task<Result<int>> serve(env::RealEnv& env, Options options) {
  // From here on a signal means an orderly stop, also while the cluster is starting.
  env::Event stop_asked;
  struct Waiter {
    static Task<void> wait(env::RealEnv* env, env::Event* event) {
      (void)co_await env->wait_for_signal();
      event->set();
    }
  };
  env.spawn("signals", Waiter::wait(&env, &stop_asked));
  ATOLL_CO_TRY_STATUS(co_await fill_in(env, &options));

  fabric::InProcessFabric fabric(env);
  ClusterOptions cluster_options;
  cluster_options.data_dir = options.data_dir;
  cluster_options.domains = options.domains;
  cluster_options.protection = options.protection;
  cluster_options.device_bytes = options.device_bytes;
  cluster_options.raw_devices = options.raw_devices;
  ATOLL_CO_TRY(std::unique_ptr<LocalCluster> cluster,
               co_await LocalCluster::start(env, fabric, cluster_options));

  Users users(env, cluster->coordinator());
  Status users_ready = co_await users.load();
  Result<admin::NewSecret> root = fail(Errc::kInternal);
  if (users_ready)
    root = co_await users.ensure_root(options.root_access_key, options.root_secret_key);

  s3::ServiceOptions service_options;
  service_options.region = options.region;
  s3::Service service(env, cluster->client(), service_options);
  s3::ServerOptions server_options;
  server_options.regions = {options.region};
  if (!options.s3_domain.empty()) server_options.domains.push_back(options.s3_domain);
  s3::Server s3(env, service, users, server_options);
  ServerControl control(*cluster, users);
  admin::HttpServer admin_api(env, control, [&cluster] { update_gauges(*cluster); });

  Status ready = users_ready;
  if (ready && !root) ready = fail(root.error());
  std::string s3_url;
  if (ready) {
    std::shared_ptr<s3::TlsContext> tls;
    Result<std::pair<std::string, uint16_t>> at = admin::parse_address(options.s3_listen);
    if (!at) ready = fail(at.error());
    if (ready && !options.tls_certificate_path.empty()) {
      auto loaded =
          s3::TlsContext::for_server_files(options.tls_certificate_path, options.tls_key_path);
      if (loaded)
        tls = std::move(*loaded);
      else
        ready = fail(loaded.error());
    }
    if (ready) {
      env::Endpoint endpoint{at->first == "localhost" ? "127.0.0.1" : at->first, at->second};
      Result<env::Endpoint> bound = s3.listen(endpoint, tls);
      if (!bound)
        ready = fail(std::move(bound.error()).with_context("S3 door"));
      else
        s3_url = fmt::format("{}://{}:{}", tls ? "https" : "http", bound->host, bound->port);
    }
  }
  if (ready) ready = admin_api.listen(options.admin_listen);
  auto note_root = [&](const admin::NewSecret& now) {
    return write_run_file(options, now, s3_url, admin_api.address());
  };
  if (ready) ready = note_root(*root);
  if (ready) {
    // The secret has changed by now: who asked must have it, whatever becomes of the file.
    users.on_new_root([&note_root](const admin::NewSecret& now) {
      const Status noted = note_root(now);
      if (!noted)
        ATOLL_LOG(kError, "server", "root's new secret is not in run.json",
                  {{"why", noted.error().to_string()}});
    });
    print_banner(options, *cluster, *root, s3_url, admin_api.address());
    ATOLL_LOG(kInfo, "server", "ready",
              {{"s3", s3_url}, {"admin", admin_api.address()}, {"io", env.io_engine_name()}});
    co_await stop_asked.wait();
    ATOLL_LOG(kInfo, "server", "stopping");
  }
  admin_api.stop();
  Status stopped = co_await s3.stop(kStopGrace);
  if (!stopped) stopped = co_await s3.stop(kStopGrace);
  co_await control.idle();
  Status closed = co_await cluster->stop();
  if (!ready) co_return fail(ready.error());
  if (!closed) co_return fail(std::move(closed.error()).with_context("stopping"));
  ATOLL_LOG(kInfo, "server", "stopped");
  // What was stored is on the devices; frames of background tasks need no taking apart.
  std::fflush(nullptr);
  _exit(0);
}

}  // namespace

Result<uint64_t> default_device_bytes(const std::string& data_dir, uint32_t domains) {
  struct statvfs fs {};
  if (statvfs(data_dir.c_str(), &fs) != 0)
    return fail(Errc::kIo, "cannot see how much space there is at " + data_dir);
  const uint64_t free_bytes = static_cast<uint64_t>(fs.f_bavail) * fs.f_frsize;
  const uint64_t share = round_down(free_bytes / 2 / domains, 64_MiB);
  if (share == 0)
    return fail(Errc::kNoSpace, fmt::format("{} has too little free space for {} domains of 64 MiB",
                                            data_dir, domains));
  return std::min(share, kDefaultDeviceMax);
}

int run(const Options& options) {
  env::RealEnv env;
  Result<int> result = env.run(serve(env, options));
  if (!result) {
    // As at an orderly end: what is left of background tasks is not taken apart.
    complain(result.error());
    std::fflush(nullptr);
    _exit(1);
  }
  return *result;
}

}  // namespace atl::server
