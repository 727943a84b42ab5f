// Any bytes as an answer of the API or the metadata server: nothing outside them is read, lists and
// depth are bounded, and names that come out are names.
//
// The first byte picks the parser; with 0 the bytes are HTTP instead.

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cloud/compute_json.h"
#include "cloud/http_message.h"

namespace {

using namespace atl;
using namespace atl::cloud;

void expect_name(const std::string& name) {
  ATOLL_CHECK(name.empty() || check_name("name", name).has_value());
}

void read_http(std::string_view bytes) {
  HttpReader reader(HttpKind::kResponse);
  // In two parts, so that the seams are reached too.
  if (!reader.feed(bytes.substr(0, bytes.size() / 2))) return;
  if (!reader.feed(bytes.substr(bytes.size() / 2)) || !reader.feed_end()) return;
  const HttpMessage message = reader.take();
  ATOLL_CHECK(message.body.size() <= kHttpBodyBytesMax);
  (void)api_error(message.status, message.body);
}

void read_json(uint8_t which, std::string_view text) {
  if (which == 1) {
    if (auto value = parse_instance(text)) expect_name(value->ref.zone);
  } else if (which == 2) {
    if (auto value = parse_operation(text)) expect_name(value->location);
  } else if (which == 3) {
    if (auto value = parse_route(text)) {
      expect_name(value->network);
      ATOLL_CHECK(value->priority <= 65535);
    }
  } else if (which == 4) {
    if (auto value = parse_backend_service(text))
      ATOLL_CHECK(value->groups.size() == value->service.groups.size());
  } else if (which == 5) {
    (void)parse_subnetwork(text);
    (void)parse_network_profile_name(text);
    (void)parse_network_profile(text);
  } else if (which == 6) {
    (void)parse_routes(text);
    (void)parse_forwarding_rules(text);
    (void)parse_managed_instances(text);
    (void)parse_instances(text);
  } else if (which == 7) {
    (void)parse_health(text);
    (void)parse_token(text);
  } else {
    ATOLL_CHECK(!api_error(which * 100 % 600, text).message.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest = as_string_view(ByteSpan(data, size)).substr(1);
  if (data[0] == 0)
    read_http(rest);
  else
    read_json(data[0] % 9, rest);
  return 0;
}
