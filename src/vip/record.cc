#include "vip/record.h"

#include <boost/json.hpp>

namespace atl::vip {
namespace json = boost::json;

std::string Record::encode() const {
  json::object out;
  out["holder"] = holder;
  out["next"] = next;
  out["generation"] = generation;
  return json::serialize(out);
}

Result<Record> Record::decode(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  const json::object* object = error ? nullptr : value.if_object();
  const json::value* holder = object ? object->if_contains("holder") : nullptr;
  const json::value* next = object ? object->if_contains("next") : nullptr;
  const json::value* generation = object ? object->if_contains("generation") : nullptr;
  if (!holder || !holder->is_string() || !next || !next->is_string() || !generation)
    return fail(Errc::kCorrupt, "not a record of an address: " + std::string(text.substr(0, 200)));
  Record record;
  record.holder = holder->as_string().c_str();
  record.next = next->as_string().c_str();
  record.generation = generation->to_number<uint64_t>(error);
  if (error) return fail(Errc::kCorrupt, "a record's generation is not a number");
  return record;
}

std::string pool_prefix(const std::string& pool) {
  return "vip/" + pool + "/";
}
std::string record_prefix(const std::string& pool) {
  return pool_prefix(pool) + "address/";
}
std::string record_key(const std::string& pool, Vip vip) {
  return record_prefix(pool) + vip.to_string();
}
std::string drain_prefix(const std::string& pool) {
  return pool_prefix(pool) + "drain/";
}
std::string drain_key(const std::string& pool, const NodeName& node) {
  return drain_prefix(pool) + node;
}
std::string cut_prefix(const std::string& pool) {
  return pool_prefix(pool) + "cut/";
}
std::string cut_key(const std::string& pool, const NodeName& node) {
  return cut_prefix(pool) + node;
}
std::string lease_prefix(const NodeName& node) {
  return node + "#";
}

std::string lease_holder(const NodeName& node, const std::string& incarnation, uint64_t attempt) {
  return fmt::format("{}{}#{}", lease_prefix(node), incarnation, attempt);
}

std::string node_lease(const std::string& pool, const NodeName& node) {
  return pool_prefix(pool) + "node/" + node;
}
std::string leader_lease(const std::string& pool) {
  return pool_prefix(pool) + "leader";
}

Result<Vip> record_vip(const std::string& pool, std::string_view key) {
  const std::string prefix = record_prefix(pool);
  if (!key.starts_with(prefix))
    return fail(Errc::kCorrupt, "not the key of an address: " + std::string(key));
  key.remove_prefix(prefix.size());
  Result<Vip> vip = Vip::parse(key);
  if (!vip) return fail(Errc::kCorrupt, vip.error().message);
  return vip;
}

}  // namespace atl::vip
