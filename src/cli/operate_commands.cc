// Commands that change the cluster: domains, devices, scrub, users.
#include <cstdio>
#include <thread>

#include <boost/json.hpp>

#include "base/units.h"
#include "cli/admin_call.h"
#include "device/dump.h"
#include "env/real_env.h"

namespace atl::cli {
namespace json = boost::json;
namespace {

constexpr Nanos kPollInterval = 200ms;

int print_json(const json::value& value) {
  fmt::print("{}\n", json::serialize(value));
  return 0;
}

double as_double(const json::value& v) {
  if (v.is_double()) return v.as_double();
  if (v.is_int64()) return static_cast<double>(v.as_int64());
  if (v.is_uint64()) return static_cast<double>(v.as_uint64());
  return 0;
}

// Waits until the rebuild is over, with a progress bar.
Status wait_for_protection(const Target& target) {
  ProgressBar bar("rebuild");
  while (true) {
    ATOLL_TRY(const json::value status, admin_call(target, "GET", "/v1/status"));
    const json::object& object = status.as_object();
    if (object.at("fully_protected").as_bool()) {
      bar.show(1, "fully protected");
      return {};
    }
    const json::object& rebuild = object.at("rebuild").as_object();
    const double total = as_double(rebuild.at("stripes_total"));
    bar.show(
        total > 0 ? as_double(rebuild.at("stripes_done")) / total : 0,
        fmt::format("{}/s, {} left",
                    format_bytes(static_cast<uint64_t>(as_double(rebuild.at("bytes_per_second")))),
                    format_duration(std::chrono::seconds(
                        static_cast<int64_t>(as_double(rebuild.at("seconds_left")))))));
    std::this_thread::sleep_for(kPollInterval);
  }
}

void print_secret(const json::value& value) {
  const json::object& user = value.as_object();
  fmt::print("access key  {}\nsecret key  {}\n(the secret is not shown again)\n",
             std::string(user.at("access_key").as_string()),
             std::string(user.at("secret_key").as_string()));
}

int user_call(const Target& target, const std::string& method, const std::string& path,
              const std::string& body) {
  const Result<json::value> reply = admin_call(target, method, path, body);
  if (!reply) return report(reply.error());
  if (target.json) return print_json(*reply);
  print_secret(*reply);
  return 0;
}

}  // namespace

int run_domain(const Target& target, const std::string& verb, uint32_t domain) {
  const Result<json::value> reply =
      admin_call(target, "POST", fmt::format("/v1/domains/{}/{}", domain, verb));
  if (!reply) return report(reply.error());
  if (target.json) return print_json(*reply);
  const char* said = verb == "fail"    ? "no longer used; `atoll domain return` brings it back"
                     : verb == "drain" ? "gets no new data; what it holds is still read"
                                       : "in use again; what it missed is being rebuilt";
  fmt::print("domain {}: {}\n", domain, said);
  return 0;
}

int run_device_replace(const Target& target, const std::vector<uint32_t>& devices,
                       const std::vector<uint32_t>& domains, bool force, bool wait) {
  json::array ids;
  for (const uint32_t id : devices) ids.push_back(id);
  if (!domains.empty()) {
    const Result<json::value> status = admin_call(target, "GET", "/v1/status");
    if (!status) return report(status.error());
    for (const uint32_t wanted : domains) {
      bool found = false;
      for (const json::value& d : status->as_object().at("domains").as_array()) {
        if (as_double(d.as_object().at("id")) != wanted) continue;
        found = true;
        for (const json::value& device : d.as_object().at("devices").as_array())
          ids.push_back(device.as_object().at("id"));
      }
      if (!found)
        return report(Error(Errc::kNotFound, fmt::format("there is no domain {}", wanted)));
    }
  }
  json::object body;
  body["devices"] = ids;
  body["force"] = force;
  const Result<json::value> reply =
      admin_call(target, "POST", "/v1/devices/replace", json::serialize(body));
  if (!reply) return report(reply.error());
  if (wait) {
    if (const Status done = wait_for_protection(target); !done) return report(done.error());
  }
  if (target.json) return print_json(*reply);
  const json::array& replaced = reply->as_array();
  if (replaced.empty()) fmt::print("no device is failed: nothing to replace\n");
  for (const json::value& r : replaced) {
    const json::object& one = r.as_object();
    fmt::print("domain {}: device {} replaced by device {}{}\n", as_double(one.at("domain")),
               as_double(one.at("old_device")), as_double(one.at("new_device")),
               wait ? "" : "; rebuilding (atoll status shows how far)");
  }
  return 0;
}

int run_device_dump(const std::string& path, bool records) {
  env::RealEnv env;
  device::DumpOptions options;
  options.records = records;
  const Result<std::string> text = env.run(device::dump_device(env, path, options));
  if (!text) return report(text.error());
  std::fwrite(text->data(), 1, text->size(), stdout);
  return 0;
}

int run_scrub(const Target& target, bool wait) {
  Result<json::value> reply = admin_call(target, "POST", "/v1/scrub");
  if (!reply && reply.error().message.find("running") == std::string::npos)
    return report(reply.error());
  if (!wait) {
    if (target.json) return print_json(json::object{{"started", reply.has_value()}});
    fmt::print("{}\n", reply ? "scrub started; `atoll scrub --wait` shows how far"
                             : "a scrub is running already");
    return 0;
  }
  json::value state;
  {
    ProgressBar bar("scrub");
    while (true) {
      reply = admin_call(target, "GET", "/v1/scrub");
      if (!reply) return report(reply.error());
      state = *reply;
      bar.show(as_double(state.as_object().at("progress")), "");
      if (!state.as_object().at("running").as_bool()) break;
      std::this_thread::sleep_for(kPollInterval);
    }
  }
  const json::object& object = state.as_object();
  const bool failed = !object.at("error").is_null();
  if (target.json) {
    print_json(state);
  } else if (failed) {
    fmt::print("scrub failed: {}\n", std::string(object.at("error").as_string()));
  } else {
    const json::object& r = object.at("report").as_object();
    fmt::print("checked {} records, {}\n", as_double(r.at("records")),
               format_bytes(static_cast<uint64_t>(as_double(r.at("bytes")))));
    fmt::print("damaged: {} shards, {} journal segments, {} metadata blocks; missing: {} shards\n",
               as_double(r.at("bad_shards")), as_double(r.at("bad_segments")),
               as_double(r.at("bad_metadata")), as_double(r.at("missing_shards")));
    fmt::print("repaired: {}; waiting for room or a device: {}; beyond repair: {}\n",
               as_double(r.at("repaired")), as_double(r.at("deferred")),
               as_double(r.at("unrepairable")));
  }
  const bool lost = !failed && as_double(object.at("report").as_object().at("unrepairable")) > 0;
  return failed || lost ? 1 : 0;
}

int run_user_create(const Target& target, const std::string& name) {
  json::object body;
  body["name"] = name;
  const int status = user_call(target, "POST", "/v1/users", json::serialize(body));
  if (status == 0 && !target.json)
    fmt::print(
        "users are not separated: each key pair may do everything, and an access list of `private` "
        "means: nobody without a key\n");
  return status;
}

int run_user_rotate(const Target& target, const std::string& access_key) {
  return user_call(target, "POST", "/v1/users/" + access_key + "/rotate", {});
}

int run_user_list(const Target& target) {
  const Result<json::value> reply = admin_call(target, "GET", "/v1/users");
  if (!reply) return report(reply.error());
  if (target.json) return print_json(*reply);
  fmt::print("{:22}  {}\n", "access key", "name");
  for (const json::value& v : reply->as_array()) {
    const json::object& user = v.as_object();
    fmt::print("{:22}  {}\n", std::string(user.at("access_key").as_string()),
               std::string(user.at("name").as_string()));
  }
  return 0;
}

int run_user_delete(const Target& target, const std::string& access_key) {
  const Result<json::value> reply = admin_call(target, "DELETE", "/v1/users/" + access_key);
  if (!reply) return report(reply.error());
  if (target.json) return print_json(*reply);
  fmt::print("deleted {}\n", access_key);
  return 0;
}

}  // namespace atl::cli
