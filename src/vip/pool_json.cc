#include "vip/pool_json.h"

#include <fmt/format.h>
#include <boost/json.hpp>

namespace atl::vip {
namespace {

namespace json = boost::json;

// Takes fields out of an object; what is left at the end is unknown. Remembers the first trouble.
class Fields {
 public:
  Fields(const json::value& value, std::string where, std::string* trouble)
      : where_(std::move(where)), trouble_(trouble) {
    if (const json::object* object = value.if_object())
      left_ = *object;
    else
      wrong("is not an object");
  }

  std::string text(std::string_view key, std::string otherwise = "") {
    const json::value* value = find(key);
    if (!value) return otherwise;
    if (const json::string* text = value->if_string()) return std::string(*text);
    wrong(fmt::format("{:?} is not a string", key));
    return otherwise;
  }
  std::string required(std::string_view key) {
    std::string text = this->text(key);
    if (text.empty()) wrong(fmt::format("{:?} is missing", key));
    return text;
  }
  json::array list(std::string_view key) {
    const json::value* value = find(key);
    if (value && value->is_array()) return value->get_array();
    wrong(fmt::format("{:?} {}", key, value ? "is not a list" : "is missing"));
    return {};
  }
  json::object object(std::string_view key) {
    const json::value* value = find(key);
    if (value && !value->is_object()) wrong(fmt::format("{:?} is not an object", key));
    return value && value->is_object() ? value->get_object() : json::object();
  }
  Vip address(std::string_view text) {
    const Result<Vip> vip = Vip::parse(text);
    if (!vip) wrong(vip.error().message);
    return vip ? *vip : Vip();
  }
  void end() {
    for (const auto& field : left_)
      if (!seen_.contains(field.key()))
        wrong(fmt::format("{:?} is not known", std::string_view(field.key())));
  }
  void wrong(const std::string& what) {
    if (trouble_->empty()) *trouble_ = where_ + ": " + what;
  }

 private:
  const json::value* find(std::string_view key) {
    seen_.insert(std::string(key));
    return left_.if_contains(key);
  }

  json::object left_;
  std::set<std::string, std::less<>> seen_;
  std::string where_;
  std::string* trouble_;
};

NodeSpec decode_node(const json::value& value, std::string* trouble) {
  Fields in(value, "a node of the pool", trouble);
  NodeSpec node;
  node.name = in.required("name");
  node.domain = in.text("domain");
  node.instance.zone = in.text("zone");
  node.instance.name = in.text("instance", node.name);
  node.nic = in.text("nic", node.nic);
  node.endpoint_group = in.text("endpoint_group");
  node.address = in.text("address");
  in.end();
  return node;
}

Pool decode_fields(const json::value& value, std::string* trouble) {
  Fields in(value, "the pool", trouble);
  Pool pool;
  pool.name = in.required("name");
  pool.serves = in.text("serves");
  pool.mover = in.required("mover");
  pool.network = in.text("network");
  pool.subnetwork = in.text("subnetwork");
  pool.region = in.text("region");
  pool.alias_range = in.text("alias_range");
  for (const json::value& address : in.list("addresses")) {
    if (const json::string* text = address.if_string())
      pool.addresses.push_back(in.address(*text));
    else
      in.wrong("an address is not a string");
  }
  for (const json::value& node : in.list("nodes")) pool.nodes.push_back(decode_node(node, trouble));
  for (const auto& [address, service] : in.object("services")) {
    const Vip vip = in.address(address);
    if (const json::string* name = service.if_string())
      pool.services[vip] = std::string(*name);
    else
      in.wrong("a service is not a string");
  }
  in.end();
  return pool;
}

}  // namespace

std::string encode_pool(const Pool& pool) {
  json::object out;
  out["name"] = pool.name;
  out["serves"] = pool.serves;
  out["mover"] = pool.mover;
  out["network"] = pool.network;
  out["subnetwork"] = pool.subnetwork;
  out["region"] = pool.region;
  out["alias_range"] = pool.alias_range;
  json::array addresses;
  for (const Vip vip : pool.addresses) addresses.emplace_back(vip.to_string());
  out["addresses"] = std::move(addresses);
  json::array nodes;
  for (const NodeSpec& spec : pool.nodes) {
    json::object node;
    node["name"] = spec.name;
    node["domain"] = spec.domain;
    node["zone"] = spec.instance.zone;
    node["instance"] = spec.instance.name;
    node["nic"] = spec.nic;
    node["endpoint_group"] = spec.endpoint_group;
    node["address"] = spec.address;
    nodes.emplace_back(std::move(node));
  }
  out["nodes"] = std::move(nodes);
  json::object services;
  for (const auto& [vip, service] : pool.services) services[vip.to_string()] = service;
  out["services"] = std::move(services);
  return json::serialize(out);
}

Result<Pool> decode_pool(std::string_view text) {
  if (text.size() > kPoolJsonMax)
    return fail(Errc::kInvalidArgument,
                fmt::format("the pool has more than {} bytes", kPoolJsonMax));
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error) return fail(Errc::kInvalidArgument, "the pool is not JSON: " + error.message());
  std::string trouble;
  Pool pool = decode_fields(value, &trouble);
  if (!trouble.empty()) return fail(Errc::kInvalidArgument, trouble);
  ATOLL_TRY_STATUS(check_pool(pool));
  return pool;
}

}  // namespace atl::vip
