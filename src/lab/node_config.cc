// The configuration files of the node and controller processes.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/planted_bug.h"
#include "lab/node.h"
#include "lab/process.h"
#include "vip/timing.h"

namespace atl::lab {
namespace {

namespace json = boost::json;

json::object encode_endpoint(const env::Endpoint& endpoint) {
  json::object out;
  out["host"] = endpoint.host;
  out["port"] = endpoint.port;
  return out;
}

// Overwrites what the object names; remembers the first trouble.
class Reader {
 public:
  explicit Reader(const json::object& object) : object_(object) {}

  void text(std::string_view key, std::string* out) {
    const json::value* value = find(key);
    if (!value) return;
    if (value->is_string())
      *out = std::string(value->get_string());
    else
      wrong(key, "is not a string");
  }
  void number(std::string_view key, uint64_t most, uint64_t* out) {
    const json::value* value = find(key);
    if (!value) return;
    boost::system::error_code error;
    const auto number = value->to_number<uint64_t>(error);
    if (error || number > most)
      wrong(key, fmt::format("is not a number from 0 to {}", most));
    else
      *out = number;
  }
  void port(std::string_view key, uint16_t* out) {
    uint64_t number_read = *out;
    number(key, UINT16_MAX, &number_read);
    *out = static_cast<uint16_t>(number_read);
  }
  void milliseconds(std::string_view key, Nanos* out) {
    uint64_t ms = static_cast<uint64_t>(*out / 1ms);
    number(key, 24ull * 3600 * 1000, &ms);
    *out = std::chrono::milliseconds(ms);
  }
  void endpoint(std::string_view key, env::Endpoint* out) {
    const json::value* value = find(key);
    if (!value) return;
    if (!value->is_object()) return wrong(key, "is not an object");
    Reader in(value->get_object());
    in.text("host", &out->host);
    in.port("port", &out->port);
    const Status end = in.end();
    if (!end) wrong(key, end.error().message);
  }
  void texts(std::string_view key, std::vector<std::string>* out) {
    const json::value* value = find(key);
    if (!value) return;
    if (!value->is_array()) return wrong(key, "is not a list");
    out->clear();
    for (const json::value& one : value->get_array()) {
      if (!one.is_string()) return wrong(key, "has something that is not a string");
      out->emplace_back(one.get_string());
    }
  }
  void pool(std::string_view key, vip::Pool* out) {
    const json::value* value = find(key);
    if (!value) return wrong(key, "is missing");
    Result<vip::Pool> pool = vip::decode_pool(json::serialize(*value));
    if (!pool) return wrong(key, pool.error().message);
    *out = std::move(*pool);
  }
  void wrong(std::string_view key, std::string_view what) {
    if (trouble_.empty()) trouble_ = fmt::format("{:?} {}", key, what);
  }
  Status end() {
    for (const auto& field : object_)
      if (!seen_.contains(std::string(field.key()))) wrong(field.key(), "is not known");
    if (!trouble_.empty()) return fail(Errc::kInvalidArgument, trouble_);
    return {};
  }

 private:
  const json::value* find(std::string_view key) {
    seen_.insert(std::string(key));
    return object_.if_contains(key);
  }
  const json::object& object_;
  std::set<std::string> seen_;
  std::string trouble_;
};

Result<json::object> parse(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object())
    return fail(Errc::kInvalidArgument, "the configuration is not a JSON object");
  return std::move(value.get_object());
}

}  // namespace

std::string NodeConfig::encode() const {
  json::object out;
  out["node"] = node;
  out["incarnation"] = incarnation;
  out["pool"] = json::parse(vip::encode_pool(pool));
  out["lease_ms"] = lease / 1ms;
  out["drain_limit_ms"] = drain_limit / 1ms;
  out["coordinator"] = encode_endpoint(coordinator);
  out["interface"] = interface;
  out["fenced"] = json::array(fenced.begin(), fenced.end());
  out["control_host"] = control_host;
  out["port"] = port;
  out["health_port"] = health_port;
  out["control_port"] = control_port;
  out["reach_port"] = reach_port;
  out["reach_hosts"] = json::array(reach_hosts.begin(), reach_hosts.end());
  out["service"] = service_kind_name(service);
  out["data"] = data;
  out["dns"] = dns;
  out["planted_bug"] = planted_bug;
  return json::serialize(out);
}

Result<NodeConfig> NodeConfig::decode(std::string_view text) {
  ATOLL_TRY(const json::object object, parse(text));
  Reader in(object);
  NodeConfig config;
  in.text("node", &config.node);
  in.text("incarnation", &config.incarnation);
  in.pool("pool", &config.pool);
  in.milliseconds("lease_ms", &config.lease);
  in.milliseconds("drain_limit_ms", &config.drain_limit);
  in.endpoint("coordinator", &config.coordinator);
  in.text("interface", &config.interface);
  in.texts("fenced", &config.fenced);
  in.text("control_host", &config.control_host);
  in.port("port", &config.port);
  in.port("health_port", &config.health_port);
  in.port("control_port", &config.control_port);
  in.port("reach_port", &config.reach_port);
  in.texts("reach_hosts", &config.reach_hosts);
  std::string service(service_kind_name(config.service));
  in.text("service", &service);
  const Result<ServiceKind> kind = find_service_kind(service);
  if (kind)
    config.service = *kind;
  else
    in.wrong("service", "is neither http nor s3");
  in.text("data", &config.data);
  in.text("dns", &config.dns);
  if (config.service == ServiceKind::kS3 && config.data.empty()) in.wrong("data", "is missing");
  in.text("planted_bug", &config.planted_bug);
  if (config.node.empty()) in.wrong("node", "is missing");
  if (config.incarnation.empty()) in.wrong("incarnation", "is missing");
  ATOLL_TRY_STATUS(in.end());
  return config;
}

std::string ControllerConfig::encode() const {
  json::object out;
  out["name"] = name;
  out["pool"] = json::parse(vip::encode_pool(pool));
  out["lease_ms"] = lease / 1ms;
  out["coordinator"] = encode_endpoint(coordinator);
  out["compute"] = compute;
  out["project"] = project;
  out["metadata"] = metadata;
  out["planted_bug"] = planted_bug;
  return json::serialize(out);
}

Result<ControllerConfig> ControllerConfig::decode(std::string_view text) {
  ATOLL_TRY(const json::object object, parse(text));
  Reader in(object);
  ControllerConfig config;
  in.text("name", &config.name);
  in.pool("pool", &config.pool);
  in.milliseconds("lease_ms", &config.lease);
  in.endpoint("coordinator", &config.coordinator);
  in.text("compute", &config.compute);
  in.text("project", &config.project);
  in.text("metadata", &config.metadata);
  in.text("planted_bug", &config.planted_bug);
  if (config.name.empty()) in.wrong("name", "is missing");
  ATOLL_TRY_STATUS(in.end());
  return config;
}

}  // namespace atl::lab
