// What GcpCompute makes of an API, or of a network before it, that misbehaves. In virtual time.
#include <gtest/gtest.h>

#include "cloud/gcp_test_world.h"

namespace atl::cloud {
namespace {

using namespace testing;
using Kind = HttpFault::Kind;

struct GcpFault : ::testing::Test {
  GcpWorld<env::SimEnv> w;

  void always(HttpFault fault) {
    w.fault = [fault](const HttpMessage&) { return fault; };
  }
  void times(int n, HttpFault fault) {
    w.fault = [fault, n](const HttpMessage&) mutable {
      return n-- > 0 ? std::optional(fault) : std::nullopt;
    };
  }
  Error read_error() {
    auto out = w.env.run(w.gcp->instance(kN1));
    EXPECT_FALSE(out);
    return out ? Error() : out.error();
  }
};

std::string api_body(int code, const std::string& reason) {
  return fmt::format(
      R"({{"error":{{"code":{},"message":"so it is","errors":[{{"reason":"{}"}}]}}}})", code,
      reason);
}

TEST_F(GcpFault, StatusesMeanWhatComputeHSays) {
  struct Case {
    int status;
    std::string reason;
    Errc code;
  };
  const std::vector<Case> cases{
      {400, "invalid", Errc::kInvalidArgument},  {400, "resourceNotReady", Errc::kUnavailable},
      {401, "authError", Errc::kPermission},     {403, "rateLimitExceeded", Errc::kBusy},
      {403, "quotaExceeded", Errc::kNoSpace},    {403, "QUOTA_EXCEEDED", Errc::kNoSpace},
      {403, "LIMIT_EXCEEDED", Errc::kNoSpace},   {403, "forbidden", Errc::kPermission},
      {404, "notFound", Errc::kNotFound},        {409, "alreadyExists", Errc::kExists},
      {412, "conditionNotMet", Errc::kConflict}, {500, "backendError", Errc::kUnavailable},
      {503, "backendError", Errc::kUnavailable},
  };
  for (const Case& one : cases) {
    HttpFault fault;
    fault.status = one.status;
    fault.text = api_body(one.status, one.reason);
    always(fault);
    const Error error = read_error();
    EXPECT_EQ(error.code, one.code) << one.status << " " << one.reason;
    EXPECT_NE(error.message.find("so it is"), std::string::npos) << error.message;
    fault.text = "<html>not the API</html>";
    always(fault);
    EXPECT_FALSE(read_error().message.empty());
  }
}

TEST_F(GcpFault, ReadsAreTriedAgain) {
  times(2, {.kind = Kind::kStatus, .status = 503});
  const Nanos start = w.env.now();
  EXPECT_TRUE(w.env.run(w.gcp->instance(kN1)));
  EXPECT_EQ(w.seen.size(), 3u);
  EXPECT_GT(w.env.now(), start);
  w.seen.clear();
  always({.kind = Kind::kStatus, .status = 503});
  EXPECT_EQ(read_error().code, Errc::kUnavailable);
  EXPECT_EQ(w.seen.size(), static_cast<size_t>(kReadTries));
}

TEST_F(GcpFault, ARateLimitIsNotHammered) {
  always({.kind = Kind::kStatus, .status = 403, .text = api_body(403, "rateLimitExceeded")});
  EXPECT_EQ(read_error().code, Errc::kBusy);
  EXPECT_EQ(w.seen.size(), 1u);
}

TEST_F(GcpFault, ChangesAreNotRepeatedWhenTheApiFails) {
  always({.kind = Kind::kStatus, .status = 503});
  auto out = w.set_aliases(kN1, {{"10.0.0.99/32", ""}}, 1);
  EXPECT_EQ(out.error().code, Errc::kUnavailable);
  EXPECT_EQ(w.seen.size(), 1u);
}

TEST_F(GcpFault, AHangingCallEndsAtItsDeadline) {
  always({.kind = Kind::kHang});
  const Nanos start = w.env.now();
  EXPECT_EQ(read_error().code, Errc::kTimeout);
  EXPECT_EQ(w.env.now() - start, kCallDeadline);
  EXPECT_EQ(w.seen.size(), 1u);
  // Its connection is gone on both sides, and later calls are served.
  w.env.run_for(1s);
  EXPECT_EQ(w.server.connections(), 0u);
  w.fault = nullptr;
  EXPECT_TRUE(w.env.run(w.gcp->instance(kN1)));
}

TEST_F(GcpFault, CallsThatWaitForAConnectionHaveTheSameDeadline) {
  always({.kind = Kind::kHang});
  const Nanos start = w.env.now();
  std::vector<Task<Result<Instance>>> calls;
  for (size_t i = 0; i < kConnectionsMax + kWaitingCallsMax + 3; ++i)
    calls.push_back(w.gcp->instance(kN1));
  size_t busy = 0;
  for (const auto& one : w.env.run(env::when_all(w.env, std::move(calls)))) {
    ASSERT_FALSE(one);
    if (one.error().code == Errc::kBusy)
      ++busy;
    else
      EXPECT_EQ(one.error().code, Errc::kTimeout);
  }
  EXPECT_EQ(busy, 3u);
  EXPECT_EQ(w.env.now() - start, kCallDeadline);
  w.fault = nullptr;
  EXPECT_TRUE(w.env.run(w.gcp->instance(kN1)));
}

// The outcome is unknown: here the change was made, once, and the caller has to read.
TEST_F(GcpFault, AChangeWhoseAnswerIsCutIsUnknownAndNotRepeated) {
  for (const size_t bytes : {1u, 20u, 120u, 200u}) {
    if (bytes > 20) {
      ASSERT_TRUE(w.env.run(w.gcp->instance(kN1)));  // so that it goes over a kept connection
    }
    w.seen.clear();
    const int id = static_cast<int>(bytes);
    times(1, {.kind = Kind::kCut, .bytes = bytes});
    auto out = w.set_aliases(kN1, {{fmt::format("10.0.1.{}/32", bytes), ""}}, id);
    ASSERT_FALSE(out) << bytes;
    EXPECT_EQ(out.error().code, Errc::kUnavailable) << out.error().to_string();
    EXPECT_EQ(w.seen.size(), 1u);
    w.env.run_for(5s);
    EXPECT_EQ(w.aliases(kN1).front().cidr, fmt::format("10.0.1.{}/32", bytes));
  }
}

// A front end that closes a kept connection just as the next change is sent: the same change goes
// over a new connection, with the same id.
TEST_F(GcpFault, ADeadKeptConnectionIsReplacedUnderTheSameRequestId) {
  ASSERT_TRUE(w.env.run(w.gcp->instance(kN1)));
  w.seen.clear();
  times(1, {.kind = Kind::kCut, .bytes = 0});
  auto out = w.set_aliases(kN1, {{"10.0.0.99/32", ""}}, 5);
  ASSERT_TRUE(out) << out.error().to_string();
  ASSERT_EQ(w.seen.size(), 2u);
  EXPECT_EQ(w.seen[0].target, w.seen[1].target);
  EXPECT_EQ(w.seen[0].body, w.seen[1].body);
  EXPECT_FALSE(w.finish(*out).error);
  EXPECT_EQ(w.gcp->connections_made(), 2u);
}

TEST_F(GcpFault, AnswersThatMakeNoSenseAreSaidSo) {
  const std::vector<std::string> bodies{
      R"({"name":"n1","status":"RUNN)",
      "",
      "null",
      "[]",
      "<html></html>",
      R"({"name":7,"status":"RUNNING"})",
      R"({"status":"RUNNING"})",
      R"({"name":"n1","status":"RUNNING","networkInterfaces":{}})",
      R"({"name":"n1","status":"RUNNING","networkInterfaces":[7]})",
      R"({"name":"n1","status":"RUNNING","networkInterfaces":[{"name":"nic0","aliasIpRanges":[{}]}]})",
      R"({"name":"n1","status":"RUNNING","zone":"https://x/y/../.."})",
      R"({"name":"n1","status":"RUNNING","x":)" + std::string(100, '[') + std::string(100, ']') +
          "}",
  };
  for (const std::string& body : bodies) {
    always({.kind = Kind::kBody, .text = body});
    const Error error = read_error();
    EXPECT_EQ(error.code, Errc::kUnavailable) << body;
    EXPECT_NE(error.message.find("cannot be understood"), std::string::npos) << error.message;
  }
}

TEST_F(GcpFault, WhatIsNoHttpOrTooLargeIsRefused) {
  always({.kind = Kind::kRaw, .text = "SSH-2.0-OpenSSH_9\r\n\r\n"});
  EXPECT_EQ(read_error().code, Errc::kUnavailable);
  always({.kind = Kind::kRaw, .text = "HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n{}"});
  Error error = read_error();
  EXPECT_EQ(error.code, Errc::kUnavailable);
  EXPECT_NE(error.message.find("limit"), std::string::npos) << error.message;
  always({.kind = Kind::kRaw,
          .text = "HTTP/1.1 200 OK\r\nx: " + std::string(kHttpHeadBytesMax, 'x') + "\r\n\r\n{}"});
  EXPECT_EQ(read_error().code, Errc::kUnavailable);
  always({.kind = Kind::kBody, .text = std::string(kHttpBodyBytesMax + 1, ' ')});
  error = read_error();
  EXPECT_NE(error.message.find("limit"), std::string::npos) << error.message;
  always({.kind = Kind::kRaw,
          .text = "HTTP/1.1 302 Found\r\nlocation: x\r\ncontent-length: 0\r\n\r\n"});
  EXPECT_EQ(read_error().code, Errc::kUnavailable);
}

TEST_F(GcpFault, AConnectionThatWasIdleTooLongIsNotUsedAgain) {
  ASSERT_TRUE(w.env.run(w.gcp->instance(kN1)));
  w.env.run_for(kIdleConnectionMax - 1s);
  ASSERT_TRUE(w.env.run(w.gcp->instance(kN1)));
  EXPECT_EQ(w.gcp->connections_made(), 1u);
  w.env.run_for(kIdleConnectionMax + 1s);
  ASSERT_TRUE(w.env.run(w.gcp->instance(kN1)));
  EXPECT_EQ(w.gcp->connections_made(), 2u);
}

TEST_F(GcpFault, NobodyListens) {
  w.server.stop();
  EXPECT_EQ(read_error().code, Errc::kUnavailable);
}

Task<void> keep(Task<Result<Instance>> task, std::optional<Result<Instance>>* out) {
  Result<Instance> got = co_await std::move(task);
  out->emplace(std::move(got));
}

TEST_F(GcpFault, ItMayEndWithCallsUnderWay) {
  always({.kind = Kind::kHang});
  std::optional<Result<Instance>> out;
  w.env.spawn("call", keep(w.gcp->instance(kN1), &out));
  w.env.run_for(1s);
  ASSERT_FALSE(out);
  w.gcp.reset();
  w.env.run_for(1ms);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->error().code, Errc::kCancelled);
}

TEST_F(GcpFault, NamesAreResolvedOnceAndKeptWhenTheResolverFails) {
  const HttpOrigin server = HttpOrigin::parse(w.server.endpoint()).value();
  int asked = 0;
  bool broken = false;
  GcpOptions options;
  options.project = "lab";
  options.endpoint = fmt::format("http://api.example:{}", server.port);
  options.resolve = [&](const std::string& host) -> Result<std::vector<std::string>> {
    EXPECT_EQ(host, "api.example");
    ++asked;
    if (broken) return fail(Errc::kUnavailable, "no resolver");
    return std::vector<std::string>{"127.0.0.9", "127.0.0.1"};  // the first does not answer
  };
  auto gcp = GcpCompute::make(w.env, std::move(options), std::make_shared<NoToken>()).value();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(w.env.run(gcp->instance(kN1)));
  EXPECT_EQ(asked, 1);
  broken = true;
  w.env.run_for(kIdleConnectionMax + kResolveInterval);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(w.env.run(gcp->instance(kN1)));
    w.env.run_for(kIdleConnectionMax + 1s);
  }
  EXPECT_GT(asked, 1);
}

}  // namespace
}  // namespace atl::cloud
