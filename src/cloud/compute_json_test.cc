// Answers as the API writes them, links, errors, and HTTP messages in pieces.
#include "cloud/compute_json.h"

#include <gtest/gtest.h>

#include "cloud/http_client.h"
#include "cloud/http_message.h"

namespace atl::cloud {
namespace {

TEST(ResourceLink, WholeAndPartialOnes) {
  for (const std::string text :
       {"https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i",
        "https://compute.googleapis.com/compute/v1/projects/p/zones/z/instances/i",
        "projects/p/zones/z/instances/i"}) {
    auto link = parse_link(text);
    ASSERT_TRUE(link) << text;
    EXPECT_EQ(link->project, "p");
    EXPECT_EQ(link->scope, Operation::Scope::kZone);
    EXPECT_EQ(link->location, "z");
    EXPECT_EQ(link->collection, "instances");
    EXPECT_EQ(link->name, "i");
    EXPECT_EQ(make_path(*link), "projects/p/zones/z/instances/i");
  }
  EXPECT_EQ(parse_link("zones/z/instances/i")->project, "");
  EXPECT_EQ(parse_link("projects/example.com:p/global/networks/n")->project, "example.com:p");
  EXPECT_EQ(parse_link("global/networks/n")->scope, Operation::Scope::kGlobal);
  EXPECT_EQ(parse_link("regions/r/subnetworks/s")->location, "r");
  EXPECT_EQ(name_in_link("https://www.googleapis.com/compute/v1/projects/p/zones/z").value(), "z");
  EXPECT_EQ(name_in_link("z").value(), "z");
  for (const std::string text :
       {"", "i", "zones/z", "zones/z/instances", "zones/z/instances/", "zones//instances/i",
        "planets/z/instances/i", "zones/z/instances/i/j", "https://x/zones/z/instances/i",
        "projects/../zones/z/instances/i", "zones/z/inst?ances/i"})
    EXPECT_FALSE(parse_link(text)) << text;
}

TEST(ComputeJson, AnInstanceAsTheApiWritesIt) {
  auto out = parse_instance(R"({
    "kind": "compute#instance", "id": "4466", "name": "n1", "status": "RUNNING",
    "zone": "https://www.googleapis.com/compute/v1/projects/p/zones/europe-west4-b",
    "canIpForward": true, "somethingNew": [{"a": null}],
    "networkInterfaces": [{
      "name": "nic0", "network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
      "subnetwork": "projects/host/regions/r/subnetworks/s", "networkIP": "10.0.0.2",
      "fingerprint": "abc=", "aliasIpRanges": [
        {"ipCidrRange": "10.0.0.9/32"},
        {"ipCidrRange": "10.9.0.0/28", "subnetworkRangeName": "vips"}]
    }, {"name": "nic1", "aliasIpRanges": null}]})");
  ASSERT_TRUE(out) << out.error().to_string();
  EXPECT_EQ(out->ref, (InstanceRef{"europe-west4-b", "n1"}));
  EXPECT_TRUE(out->can_ip_forward);
  ASSERT_EQ(out->interfaces.size(), 2u);
  const NetworkInterface& nic = out->interfaces.front();
  EXPECT_EQ(nic.subnetwork, "s");
  EXPECT_EQ(nic.fingerprint, "abc=");
  const std::vector<AliasRange> expected{{"10.0.0.9/32", ""}, {"10.9.0.0/28", "vips"}};
  EXPECT_EQ(nic.aliases, expected);
}

TEST(ComputeJson, OperationsAndTheirErrors) {
  auto running = parse_operation(
      R"({"name":"operation-1","status":"RUNNING","zone":"https://x/projects/p/zones/z","progress":10})");
  ASSERT_TRUE(running) << running.error().to_string();
  EXPECT_FALSE(running->done);
  EXPECT_EQ(running->scope, Operation::Scope::kZone);
  EXPECT_EQ(running->location, "z");
  struct Case {
    std::string code;
    Errc errc;
  };
  const std::vector<Case> cases{{"IP_IN_USE_BY_ANOTHER_RESOURCE", Errc::kConflict},
                                {"QUOTA_EXCEEDED", Errc::kNoSpace},
                                {"RESOURCE_NOT_FOUND", Errc::kNotFound},
                                {"INVALID_USAGE", Errc::kInvalidArgument},
                                {"INTERNAL_ERROR", Errc::kUnavailable}};
  for (const Case& one : cases) {
    auto done = parse_operation(fmt::format(
        R"({{"name":"o","status":"DONE","error":{{"errors":[{{"code":"{}","message":"m"}}]}}}})",
        one.code));
    ASSERT_TRUE(done && done->error);
    EXPECT_EQ(done->error->code, one.errc) << one.code;
    EXPECT_EQ(done->error->message, one.code + ": m");
  }
  // An error without a list is still one.
  auto bare = parse_operation(
      R"({"name":"o","status":"DONE","error":{},"httpErrorStatusCode":403,"httpErrorMessage":"no"})");
  ASSERT_TRUE(bare && bare->error);
  EXPECT_EQ(bare->error->code, Errc::kPermission);
  EXPECT_FALSE(parse_operation(R"({"name":"o","status":"FINISHED"})"));
}

TEST(ComputeJson, AProfileAllowsWhatItSays) {
  auto roce = parse_network_profile(R"({"name":"z-vpc-roce","features":{
    "allowAliasIpRanges":"ALIAS_IP_RANGES_ALLOWED","allowIpForwarding":"IP_FORWARDING_BLOCKED",
    "allowStaticRoutes":"SOMETHING_NEW"}})");
  ASSERT_TRUE(roce) << roce.error().to_string();
  EXPECT_TRUE(roce->alias_ip);
  EXPECT_FALSE(roce->ip_forwarding);
  EXPECT_FALSE(roce->static_routes);
  EXPECT_FALSE(roce->load_balancing);
  EXPECT_FALSE(parse_network_profile(R"({"name":"z-vpc-roce"})"));
}

TEST(ComputeJson, NumbersTokensAndLists) {
  EXPECT_EQ(parse_route(R"({"name":"r","destRange":"10.0.0.0/8","priority":"17"})")->priority, 17u);
  EXPECT_EQ(parse_route(R"({"name":"r","destRange":"10.0.0.0/8"})")->priority, 1000u);
  EXPECT_FALSE(parse_route(R"({"name":"r","destRange":"10.0.0.0/8","priority":65536})"));
  EXPECT_FALSE(parse_route(R"({"name":"r","destRange":"10.0.0.0/8","priority":1.5})"));
  EXPECT_EQ(parse_token(R"({"access_token":"t","expires_in":3599,"token_type":"Bearer"})")
                ->expires_in_seconds,
            3599u);
  auto page =
      parse_routes(R"({"nextPageToken":"x","items":[{"name":"r","destRange":"1.0.0.0/8"}]})");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->next_token, "x");
  EXPECT_EQ(page->items.size(), 1u);
  EXPECT_EQ(parse_routes("{}")->items.size(), 0u);  // an empty list is left out
  std::string many = R"({"items":[)";
  for (size_t i = 0; i <= kJsonListMax; ++i) many += R"({"name":"r","destRange":"1.0.0.0/8"},)";
  many.back() = ']';
  EXPECT_FALSE(parse_routes(many + "}"));
}

TEST(ComputeJson, BodiesOfChanges) {
  EXPECT_EQ(alias_body("f=", {}), R"({"fingerprint":"f=","aliasIpRanges":[]})");
  EXPECT_EQ(alias_body("f", {{"10.0.0.5/32", "vips"}}),
            R"({"fingerprint":"f","aliasIpRanges":[{"ipCidrRange":"10.0.0.5/32",)"
            R"("subnetworkRangeName":"vips"}]})");
  const std::string route = route_body("host", "p", {"r", "n", "10.9.0.5/32", 900, {"z", "i"}});
  EXPECT_NE(route.find("v1/projects/host/global/networks/n\""), std::string::npos) << route;
  EXPECT_NE(route.find("v1/projects/p/zones/z/instances/i\""), std::string::npos) << route;
}

TEST(HttpMessage, PiecesOfAnySizeGiveTheSameMessages) {
  const std::string bytes =
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello"
      "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    HttpReader reader(HttpKind::kResponse);
    std::vector<HttpMessage> got;
    for (size_t at = 0; at < bytes.size(); at += step) {
      ASSERT_TRUE(reader.feed(std::string_view(bytes).substr(at, step)));
      while (reader.done()) {
        got.push_back(reader.take());
        ASSERT_TRUE(reader.feed(""));
      }
    }
    ASSERT_EQ(got.size(), 2u) << step;
    EXPECT_EQ(got[0].body, "hello");
    EXPECT_EQ(got[0].header("x-a"), "b");
    EXPECT_EQ(got[1].status, 404);
    EXPECT_EQ(got[1].body, "abcde");
  }
}

TEST(HttpMessage, NothingIsSmuggledIntoARequest) {
  HttpMessage request;
  request.method = "GET";
  request.target = "/a";
  EXPECT_TRUE(request_bytes(request));
  request.headers["authorization"] = "x\r\nevil: 1";
  EXPECT_FALSE(request_bytes(request));
  request.headers.clear();
  for (const char* target : {"/a b", "/a\r\nx: y", "/a\n"}) {
    request.target = target;
    EXPECT_FALSE(request_bytes(request)) << target;
  }
  EXPECT_EQ(percent_encode("a b/\"=\""), "a%20b%2F%22%3D%22");
  EXPECT_EQ(percent_decode("a%20b%2f").value(), "a b/");
  for (const char* bad : {"%", "%1", "%zz", "a%2"}) EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(HttpOrigin, Texts) {
  auto api = HttpOrigin::parse("https://compute.googleapis.com/");
  ASSERT_TRUE(api);
  EXPECT_TRUE(api->tls);
  EXPECT_EQ(api->host, "compute.googleapis.com");
  EXPECT_EQ(api->port, 443);
  EXPECT_EQ(HttpOrigin::parse("http://[::1]:81")->host, "::1");
  EXPECT_EQ(HttpOrigin::parse("http://[::1]:81")->port, 81);
  EXPECT_EQ(HttpOrigin::parse("http://10.0.0.1")->port, 80);
  for (const char* bad :
       {"", "x", "ftp://x", "http://", "http://x:", "http://x:0", "http://x:65536", "http://x/y",
        "http://x y", "http://[::1", "http://[::1]x", "http://[x]", "http://u@x"})
    EXPECT_FALSE(HttpOrigin::parse(bad)) << bad;
}

}  // namespace
}  // namespace atl::cloud
