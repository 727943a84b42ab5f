#include "admin/routes.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "admin/http_server.h"
#include "env/sim_env.h"

namespace atl::admin {
namespace {

namespace json = boost::json;

// Remembers what it was asked; answers as told.
class FakeControl final : public Control {
 public:
  std::string asked;
  Task<Result<json::value>> status() override {
    asked = "status";
    co_return json::value(json::object());
  }
  Task<Status> domain_fail(DomainId d) override {
    asked = fmt::format("fail {}", d);
    co_return Status{};
  }
  Task<Status> domain_drain(DomainId d) override {
    asked = fmt::format("drain {}", d);
    co_return fail(Errc::kUnavailable, "no room");
  }
  Task<Status> domain_return(DomainId d) override {
    asked = fmt::format("return {}", d);
    co_return Status{};
  }
  Task<Result<json::value>> device_replace(std::vector<DeviceId> ids, bool force) override {
    asked = fmt::format("replace {} {}", ids.size(), force);
    co_return json::value(json::array());
  }
  Task<Status> scrub_start() override {
    asked = "scrub";
    co_return fail(Errc::kBusy, "running");
  }
  json::value scrub_state() override { return json::object(); }
  Task<Result<NewSecret>> user_create(std::string name) override {
    asked = "create " + name;
    NewSecret out;
    out.user.access_key = "AK";
    out.secret_key = "SK";
    co_return out;
  }
  Task<Result<std::vector<User>>> user_list() override { co_return std::vector<User>(); }
  Task<Result<NewSecret>> user_rotate(std::string key) override {
    asked = "rotate " + key;
    co_return fail(Errc::kNotFound, "none");
  }
  Task<Status> user_delete(std::string key) override {
    asked = "delete " + key;
    co_return Status{};
  }
  Task<Status> checkpoint() override {
    asked = "checkpoint";
    co_return Status{};
  }
  Task<Status> destage() override {
    asked = "destage";
    co_return Status{};
  }
};

struct RoutesTest : testing::Test {
  env::SimEnv env{1};
  FakeControl control;
  ApiResponse call(std::string method, std::string path, std::string body = {}) {
    ApiRequest request{std::move(method), std::move(path), std::move(body)};
    return env.run(route(control, std::move(request)));
  }
};

TEST_F(RoutesTest, EveryCallReachesItsOperation) {
  EXPECT_EQ(call("GET", "/v1/status").status, 200);
  EXPECT_EQ(call("POST", "/v1/domains/3/fail").status, 200);
  EXPECT_EQ(control.asked, "fail 3");
  EXPECT_EQ(call("POST", "/v1/domains/3/drain").status, 503);
  EXPECT_EQ(call("POST", "/v1/domains/3/return").status, 200);
  EXPECT_EQ(call("POST", "/v1/devices/replace", R"({"devices":[4,5],"force":true})").status, 200);
  EXPECT_EQ(control.asked, "replace 2 true");
  EXPECT_EQ(call("POST", "/v1/devices/replace").status, 200);
  EXPECT_EQ(control.asked, "replace 0 false");
  EXPECT_EQ(call("POST", "/v1/scrub").status, 409);
  const ApiResponse made = call("POST", "/v1/users", R"({"name":"ann"})");
  EXPECT_EQ(made.status, 201);
  EXPECT_NE(made.body.find("\"secret_key\":\"SK\""), std::string::npos);
  EXPECT_EQ(call("POST", "/v1/users/AK/rotate").status, 404);
  EXPECT_EQ(call("DELETE", "/v1/users/AK").status, 200);
  EXPECT_EQ(control.asked, "delete AK");
}

TEST_F(RoutesTest, BadInputIsRefusedAndDoesNothing) {
  for (const char* path : {"/", "/v1", "/v1/nothing", "/v1/domains/3", "/v1/domains/3/explode"})
    EXPECT_EQ(call("POST", path).status, 404) << path;
  EXPECT_EQ(call("POST", "/v1/domains/x/fail").status, 400);
  EXPECT_EQ(call("POST", "/v1/domains/0/fail").status, 400);
  EXPECT_EQ(call("GET", "/v1/domains/3/fail").status, 404);
  EXPECT_EQ(call("POST", "/v1/devices/replace", "{").status, 400);
  EXPECT_EQ(call("POST", "/v1/devices/replace", "[]").status, 400);
  EXPECT_EQ(call("POST", "/v1/devices/replace", R"({"devices":["x"]})").status, 400);
  EXPECT_EQ(call("POST", "/v1/devices/replace", R"({"surprise":1})").status, 400);
  EXPECT_EQ(call("POST", "/v1/users", R"({"name":7})").status, 400);
  EXPECT_EQ(control.asked, "");
}

TEST(ParseAddress, TakesHostAndPortOnly) {
  EXPECT_EQ(parse_address("127.0.0.1:80")->second, 80);
  EXPECT_EQ(parse_address("[::1]:9")->first, "::1");
  for (const char* bad : {"", ":", "127.0.0.1", "127.0.0.1:", ":80", "h:70000", "h:8x"})
    EXPECT_FALSE(parse_address(bad)) << bad;
}

}  // namespace
}  // namespace atl::admin
