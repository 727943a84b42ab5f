// Tokens: fetched ahead of need, never on the path of a call while one is good.
#include "cloud/metadata_token.h"

#include "cloud/gcp_test_world.h"

namespace atl::cloud {
namespace {

using namespace testing;
using Kind = HttpFault::Kind;

struct MetadataTokenTest : ::testing::Test {
  GcpWorld<env::SimEnv> w{EmulatorOptions{
      .project = "lab", .networks = {"net"}, .require_token = true, .token_life = 1h}};
  std::shared_ptr<MetadataToken> tokens = make(w.server.endpoint());

  MetadataTokenTest() { w.connect(tokens); }

  std::shared_ptr<MetadataToken> make(const std::string& endpoint) {
    return std::shared_ptr<MetadataToken>(MetadataToken::make(w.env, endpoint).value());
  }
  Result<std::string> token() { return w.env.run(tokens->token()); }
  // Faults of the metadata server alone.
  void metadata_fault(HttpFault fault) {
    w.fault = [fault](const HttpMessage& request) -> std::optional<HttpFault> {
      if (!request.target.starts_with("/computeMetadata")) return std::nullopt;
      return fault;
    };
  }
};

TEST_F(MetadataTokenTest, CallsCarryTheTokenAndShareIt) {
  std::vector<Task<Result<Instance>>> calls;
  for (int i = 0; i < 10; ++i) calls.push_back(w.gcp->instance(kN1));
  for (const auto& one : w.env.run(env::when_all(w.env, std::move(calls))))
    EXPECT_TRUE(one) << one.error().to_string();
  EXPECT_EQ(tokens->fetches(), 1u);
  EXPECT_EQ(w.seen.back().header("authorization"), "Bearer " + *token());
}

TEST_F(MetadataTokenTest, WithoutATokenTheApiRefuses) {
  w.connect(std::make_shared<NoToken>());
  EXPECT_EQ(w.env.run(w.gcp->instance(kN1)).error().code, Errc::kPermission);
}

TEST_F(MetadataTokenTest, ItIsRefreshedInTheBackgroundAtThreeQuartersOfItsLife) {
  tokens->start();
  w.env.run_for(1s);
  EXPECT_EQ(tokens->fetches(), 1u);
  const std::string first = *token();
  w.env.run_for(44min);
  EXPECT_EQ(tokens->fetches(), 1u);
  w.env.run_for(2min);
  EXPECT_EQ(tokens->fetches(), 2u);
  const Nanos before = w.env.now();
  EXPECT_NE(*token(), first);
  EXPECT_EQ(w.env.now(), before);  // from memory
}

TEST_F(MetadataTokenTest, AMetadataServerThatHangsHoldsNobodyUpWhileATokenIsGood) {
  tokens->start();
  w.env.run_for(1s);
  metadata_fault({.kind = Kind::kHang});
  for (int minute = 0; minute < 58; ++minute) {
    w.env.run_for(1min);
    const Nanos before = w.env.now();
    EXPECT_TRUE(token());
    EXPECT_EQ(w.env.now(), before) << minute;
  }
  EXPECT_GT(tokens->fetches(), 2u);    // it goes on trying,
  EXPECT_LT(tokens->fetches(), 100u);  // with pauses
  w.env.run_for(2min);
  const Nanos before = w.env.now();
  EXPECT_EQ(token().error().code, Errc::kTimeout);
  EXPECT_LE(w.env.now() - before, kTokenDeadline);
  w.fault = nullptr;
  w.env.run_for(kTokenRetryMax + kTokenDeadline);
  EXPECT_TRUE(token());
}

TEST_F(MetadataTokenTest, A401ForcesOneRefresh) {
  ASSERT_TRUE(w.env.run(w.gcp->instance(kN1)));
  EXPECT_EQ(tokens->fetches(), 1u);
  w.server.revoke_tokens();
  auto out = w.env.run(w.gcp->instance(kN1));
  EXPECT_TRUE(out) << out.error().to_string();
  EXPECT_EQ(tokens->fetches(), 2u);
  // A change too: a 401 means that nothing was done.
  w.server.revoke_tokens();
  EXPECT_TRUE(w.set_aliases(kN1, {{"10.0.0.99/32", ""}}, 1));
  EXPECT_EQ(tokens->fetches(), 3u);
}

TEST_F(MetadataTokenTest, AnApiThatRefusesEverythingDoesNotLoop) {
  ASSERT_TRUE(token());
  w.seen.clear();
  w.fault = [](const HttpMessage& request) -> std::optional<HttpFault> {
    if (request.target.starts_with("/computeMetadata")) return std::nullopt;
    return HttpFault{.kind = Kind::kStatus, .status = 401};
  };
  EXPECT_EQ(w.env.run(w.gcp->instance(kN1)).error().code, Errc::kPermission);
  EXPECT_EQ(w.seen.size(), 3u);  // the call, a token, the call
}

TEST_F(MetadataTokenTest, WhatIsNotTheMetadataServerIsNotBelieved) {
  const std::string evil = R"({"access_token":"evil","expires_in":3600,"token_type":"Bearer"})";
  metadata_fault(
      {.kind = Kind::kRaw,
       .text = fmt::format("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", evil.size(), evil)});
  auto out = token();
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().message.find("not the metadata server"), std::string::npos)
      << out.error().to_string();
  for (const char* body : {"", "{}", R"({"access_token":"a b","expires_in":10})",
                           R"({"access_token":"a","expires_in":-1})", R"({"access_token":7})",
                           R"({"access_token":"a\r\nx: y","expires_in":3600})"}) {
    metadata_fault({.kind = Kind::kBody, .text = body});
    EXPECT_FALSE(token()) << body;
  }
  w.fault = nullptr;
  EXPECT_TRUE(token());
}

TEST_F(MetadataTokenTest, NoMetadataServer) {
  tokens = make("http://10.255.0.1");
  EXPECT_EQ(token().error().code, Errc::kUnavailable);
  EXPECT_FALSE(MetadataToken::make(w.env, "https://x"));
  EXPECT_FALSE(MetadataToken::make(w.env, "x"));
}

TEST_F(MetadataTokenTest, TheEmulatedServerTellsWhoAsks) {
  HttpClient client(w.env, HttpOrigin::parse(w.server.endpoint()).value(), {});
  const auto get = [&](const std::string& path, bool flavor) {
    HttpMessage request;
    request.method = "GET";
    request.target = "/computeMetadata/v1/" + path;
    if (flavor) request.headers["metadata-flavor"] = "Google";
    return w.env.run(client.call(request, 5s)).value();
  };
  EXPECT_EQ(get("project/project-id", true).body, "lab");
  EXPECT_EQ(get("project/project-id", false).status, 403);
  EXPECT_EQ(get("instance/name", true).status, 404);
  w.server.set_who_asks([](const env::Endpoint&) { return kN2; });
  EXPECT_EQ(get("instance/name", true).body, "n2");
  EXPECT_EQ(get("instance/zone", true).body, "projects/lab/zones/europe-west4-b");
  EXPECT_NE(get("instance/network-interfaces/?recursive=true", true).body.find("10.0.0.12"),
            std::string::npos);
}

}  // namespace
}  // namespace atl::cloud
