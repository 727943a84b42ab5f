#include "vip/dns/section.h"

#include <set>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "vip/dns/responder.h"
#include "vip/dns/zone.h"

namespace atl::vip::dns {
namespace {

namespace json = boost::json;

Error wrong(std::string_view key, std::string_view what) {
  return Error(Errc::kInvalidArgument, fmt::format("dns section: {:?} {}", key, what));
}

Result<Vip> address_of(std::string_view key, const json::value& value) {
  const json::string* text = value.if_string();
  if (!text) return fail(wrong(key, "is not a string"));
  Result<Vip> vip = Vip::parse(*text);
  if (!vip) return fail(wrong(key, vip.error().message));
  return vip;
}

Result<uint64_t> number_of(std::string_view key, const json::value& value, uint64_t most) {
  const int64_t* number = value.if_int64();
  if (!number || *number < 1 || static_cast<uint64_t>(*number) > most)
    return fail(wrong(key, fmt::format("is not a number from 1 to {}", most)));
  return static_cast<uint64_t>(*number);
}

// "10.0.0.2:53"
Result<env::Endpoint> endpoint_of(std::string_view key, const json::value& value) {
  const json::string* string = value.if_string();
  if (!string) return fail(wrong(key, "is not a string"));
  const std::string text(*string);
  const size_t colon = text.find(':');
  env::Endpoint out;
  out.host = text.substr(0, colon);
  uint32_t port = 0;
  bool good = colon != std::string::npos && colon + 1 < text.size();
  for (size_t i = colon + 1; good && i < text.size(); ++i) {
    good = text[i] >= '0' && text[i] <= '9';
    port = port * 10 + static_cast<uint32_t>(text[i] - '0');
    good = good && port <= 65535;
  }
  const Result<Vip> vip = Vip::parse(out.host);
  if (!good || !vip || vip->number == 0)
    return fail(wrong(key, fmt::format("has {:?}, which is not like 10.0.0.2:53", text)));
  out.port = static_cast<uint16_t>(port);
  return out;
}

Status take_rdma(const json::value& value, RdmaService* rdma) {
  const json::object* object = value.if_object();
  if (!object) return fail(wrong("rdma", "is not an object"));
  for (const auto& field : *object)
    if (field.key() != "port" && field.key() != "nodes")
      return fail(wrong(field.key(), "is not known in rdma"));
  const json::value* port = object->if_contains("port");
  const json::value* nodes = object->if_contains("nodes");
  if (!port || !nodes || !nodes->is_object())
    return fail(wrong("rdma", "needs \"port\" and an object \"nodes\""));
  ATOLL_TRY(const uint64_t number, number_of("port", *port, 65535));
  rdma->port = static_cast<uint16_t>(number);
  for (const auto& node : nodes->get_object()) {
    const json::array* list = node.value().if_array();
    if (!list || list->size() > kNodeRdmaMax)
      return fail(
          wrong(node.key(), fmt::format("is not a list of at most {} addresses", kNodeRdmaMax)));
    auto& addresses = rdma->nodes[std::string(node.key())];
    for (const json::value& address : *list) {
      ATOLL_TRY(const Vip vip, address_of(node.key(), address));
      addresses.push_back(vip);
    }
  }
  return {};
}

Status take_listen(const json::value& value, std::vector<env::Endpoint>* listen) {
  const json::array* list = value.if_array();
  if (!list || list->empty() || list->size() > kListenMax)
    return fail(wrong("listen", fmt::format("is not a list of 1 to {} addresses", kListenMax)));
  for (const json::value& at : *list) {
    ATOLL_TRY(env::Endpoint endpoint, endpoint_of("listen", at));
    listen->push_back(std::move(endpoint));
  }
  return {};
}

Status take_servers(const json::value& value, std::vector<NameServer>* servers) {
  if (!value.is_object()) return fail(wrong("servers", "is not an object"));
  for (const auto& server : value.get_object()) {
    ATOLL_TRY(const Vip vip, address_of(server.key(), server.value()));
    servers->push_back({std::string(server.key()), vip});
  }
  return {};
}

Status take(std::string_view key, const json::value& value, Section* out) {
  if (key == "listen") return take_listen(value, &out->listen);
  if (key == "servers") return take_servers(value, &out->servers);
  if (key == "rdma") return take_rdma(value, &out->rdma);
  if (key == "zone") {
    const json::string* text = value.if_string();
    if (!text) return fail(wrong(key, "is not a string"));
    out->zone = std::string(*text);
  } else if (key == "ttl_s") {
    ATOLL_TRY(const uint64_t number, number_of(key, value, kTtlSecondsMax));
    out->ttl_s = static_cast<uint32_t>(number);
  } else if (key == "addresses_per_answer") {
    ATOLL_TRY(out->addresses_per_answer, number_of(key, value, kAddressesPerAnswerMax));
  } else {
    return fail(wrong(key, "is not known"));
  }
  return {};
}

}  // namespace

Result<Section> decode_section(std::string_view text) {
  if (text.size() > kSectionBytesMax)
    return fail(Errc::kInvalidArgument,
                fmt::format("dns section: more than {} bytes", kSectionBytesMax));
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object())
    return fail(Errc::kInvalidArgument, "dns section: not a JSON object");
  const json::object& object = value.get_object();
  for (const std::string_view key : {"zone", "listen", "servers"})
    if (!object.contains(key)) return fail(wrong(key, "is missing"));
  Section out;
  for (const auto& field : object) ATOLL_TRY_STATUS(take(field.key(), field.value(), &out));
  ZoneSnapshot empty = zone_snapshot(out, {}, 1);
  empty.pools.clear();
  if (Result<std::shared_ptr<const Zone>> zone = Zone::make(empty); !zone)
    return fail(std::move(zone).error().with_context("dns section"));
  return out;
}

ZoneSnapshot zone_snapshot(const Section& section, PoolSnapshot pool, uint32_t serial) {
  ZoneSnapshot out;
  out.zone = section.zone;
  out.servers = section.servers;
  out.ttl_s = section.ttl_s;
  out.addresses_per_answer = section.addresses_per_answer;
  out.serial = serial;
  out.pools.push_back(std::move(pool));
  return out;
}

}  // namespace atl::vip::dns
