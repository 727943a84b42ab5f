// The emulated API as a server: what is not well-formed, what is not there, and the twin's faults.
#include "cloud/emulator_http.h"

#include "cloud/gcp_test_world.h"

namespace atl::cloud {
namespace {

using namespace testing;

struct EmulatorHttpTest : ::testing::Test {
  GcpWorld<env::SimEnv> w;

  std::unique_ptr<env::Stream> connect() {
    const HttpOrigin at = HttpOrigin::parse(w.server.endpoint()).value();
    return w.env.run(w.env.network().connect({at.host, at.port})).value();
  }
  // The answer to raw bytes.
  Result<HttpMessage> exchange(const std::string& bytes) {
    auto stream = connect();
    std::vector<ByteSpan> parts(1, as_bytes(bytes));
    (void)w.env.run(stream->write_all(std::move(parts)));
    HttpReader reader(HttpKind::kResponse);
    return w.env.run(read_message(*stream, reader));
  }
  int status_of(const std::string& method, const std::string& path, const std::string& body = "") {
    auto answer = exchange(fmt::format("{} {} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{}",
                                       method, path, body.size(), body));
    return answer ? answer->status : 0;
  }
};

TEST_F(EmulatorHttpTest, WhatIsNoRequestIsRefused) {
  EXPECT_EQ(exchange("\x16\x03\x01\r\n\r\n")->status, 400);
  EXPECT_EQ(exchange("GET / HTTP/9\r\n\r\n")->status, 400);
  EXPECT_EQ(exchange("GET / HTTP/1.1\r\nx: " + std::string(kHttpHeadBytesMax, 'y'))->status, 413);
  EXPECT_EQ(exchange("POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n")->status, 413);
  w.env.run_for(1s);
  EXPECT_EQ(w.server.connections(), 0u);
}

TEST_F(EmulatorHttpTest, WhatIsNotPartOfTheApiIsNotFound) {
  const std::string lab = "/compute/v1/projects/lab";
  EXPECT_EQ(status_of("GET", lab + "/zones/europe-west4-b/instances/n1"), 200);
  EXPECT_EQ(status_of("GET", "/compute/v1/projects/other/zones/europe-west4-b/instances/n1"), 404);
  EXPECT_EQ(status_of("GET", lab + "/zones/europe-west4-b/instances/n1/extra/x"), 404);
  EXPECT_EQ(status_of("GET", lab + "/aggregated/instances"), 404);
  EXPECT_EQ(status_of("POST", lab + "/global/operations/o/wait"), 404);
  EXPECT_EQ(status_of("DELETE", lab + "/zones/europe-west4-b/instances/n1"), 404);
  EXPECT_EQ(status_of("GET", lab + "/zones/europe-west4-b/instances/N1"), 400);
  EXPECT_EQ(status_of("GET", lab + "/zones/europe-west4-b/instances?filter=x"), 400);
  EXPECT_EQ(status_of("GET", lab + "/global/routes?filter=%zz"), 400);
  EXPECT_EQ(status_of("GET", lab), 404);
  EXPECT_EQ(status_of("GET", "/"), 404);
  for (const char* body : {"", "{", "[]", R"({"name":"r"})", R"({"name":"../r"})"})
    EXPECT_EQ(status_of("POST", lab + "/global/routes?requestId=" + uuid(1), body), 400) << body;
}

TEST_F(EmulatorHttpTest, SilentConnectionsAreClosed) {
  auto silent = connect();
  w.env.run_for(1s);
  EXPECT_EQ(w.server.connections(), 1u);
  w.env.run_for(kEmulatorIdleMax);
  EXPECT_EQ(w.server.connections(), 0u);
}

TEST_F(EmulatorHttpTest, ConnectionsAreBounded) {
  std::vector<std::unique_ptr<env::Stream>> many;
  for (size_t i = 0; i < kEmulatorConnectionsMax + 5; ++i) many.push_back(connect());
  w.env.run_for(1s);
  EXPECT_EQ(w.server.connections(), kEmulatorConnectionsMax);
}

TEST_F(EmulatorHttpTest, TheTwinsFaultsComeThrough) {
  const auto fault = [&](Fault::Kind kind) { w.cloud.inject({.kind = kind}); };
  const std::vector<AliasRange> list{{"10.0.0.99/32", ""}};
  fault(Fault::Kind::kRateLimit);
  EXPECT_EQ(w.env.run(w.gcp->instance(kN1)).error().code, Errc::kBusy);
  fault(Fault::Kind::kFailBefore);
  EXPECT_TRUE(w.env.run(w.gcp->instance(kN1)));  // read again
  fault(Fault::Kind::kFailBefore);
  EXPECT_EQ(w.set_aliases(kN1, list, 1).error().code, Errc::kUnavailable);
  EXPECT_TRUE(w.aliases(kN1).empty());
  fault(Fault::Kind::kHangBefore);
  EXPECT_EQ(w.env.run(w.gcp->instance(kN1)).error().code, Errc::kTimeout);
  fault(Fault::Kind::kHangAfter);
  EXPECT_EQ(w.set_aliases(kN1, list, 2).error().code, Errc::kTimeout);
  w.env.run_for(1s);
  EXPECT_EQ(w.aliases(kN1), list);
  fault(Fault::Kind::kDoneNothing);
  auto nothing = w.set_aliases(kN1, {}, 3);
  ASSERT_TRUE(nothing) << nothing.error().to_string();
  EXPECT_FALSE(w.finish(*nothing).error);
  EXPECT_EQ(w.aliases(kN1), list);
  fault(Fault::Kind::kNeverDone);
  auto never = w.set_aliases(kN1, {}, 4);
  ASSERT_TRUE(never);
  w.env.run_for(kOperationDeadline);
  auto still = w.env.run(w.gcp->operation(never->scope, never->location, never->name));
  ASSERT_TRUE(still);
  EXPECT_FALSE(still->done);
}

TEST_F(EmulatorHttpTest, TheSameRequestIdIsOneChange) {
  const std::string before = w.fingerprint(kN1);
  const std::vector<AliasRange> list{{"10.0.0.99/32", ""}};
  auto first = w.env.run(w.gcp->set_aliases(kN1, "nic0", before, list, uuid(1)));
  auto second = w.env.run(w.gcp->set_aliases(kN1, "nic0", before, list, uuid(1)));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->name, second->name);
}

TEST(EmulatorHttpEnd, ItMayEndWithTwinsCallsUnderWay) {
  GcpWorld<env::SimEnv> w;
  w.cloud.inject({.kind = Fault::Kind::kHangBefore});
  std::vector<Task<Result<Instance>>> calls;
  calls.push_back(w.gcp->instance(kN1));
  w.env.start_timer(1s, [&w] { w.server.stop(); });
  auto got = w.env.run(env::when_all(w.env, std::move(calls)));
  EXPECT_EQ(got.front().error().code, Errc::kUnavailable);
  EXPECT_LT(w.env.now(), kCallDeadline);
}

}  // namespace
}  // namespace atl::cloud
