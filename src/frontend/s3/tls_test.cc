#include "frontend/s3/tls.h"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

#include "frontend/s3/server_test_util.h"

namespace atl::s3 {
namespace {

using testing::Client;
using testing::ServerWorld;

struct TlsWorld : ServerWorld {
  TlsWorld() {
    pem = make_self_signed("s3.example.com", env.wall_now()).value();
    auto context = TlsContext::for_server(pem);
    EXPECT_TRUE(context);
    EXPECT_TRUE(server.listen({"127.0.0.1", 9443}, *context));
  }
  std::unique_ptr<env::Stream> connect_plain() {
    return env.run(env.network().connect({"127.0.0.1", 9443})).value();
  }
  Client connect_tls(const std::string& host = "localhost") {
    auto context = TlsContext::for_client(pem.certificate);
    EXPECT_TRUE(context);
    return Client(env, (*context)->wrap_client(env, connect_plain(), host));
  }
  CertificateAndKey pem;
};

TEST(Tls, ServesRequests) {
  TlsWorld world;
  for (const char* host :
       {"localhost", "127.0.0.1", "::1", "s3.example.com", "b.s3.localhost", "b.s3.example.com"}) {
    Client client = world.connect_tls(host);
    EXPECT_EQ(client.exchange(world.get("/b/k")).body, "hello k") << host;
    EXPECT_EQ(client.exchange(world.put("/b/k", std::string(200'000, 't'))).status, 200);
    EXPECT_TRUE(client.exchange(world.get("/b/big")).body == world.handler.big);
  }
}

TEST(Tls, ClosesProperly) {
  TlsWorld world;
  Client client = world.connect_tls();
  const auto answer = client.exchange(world.head("GET", "/b/k", {{"Connection", "close"}}));
  EXPECT_TRUE(answer.says_close());
  EXPECT_TRUE(client.ended());
}

TEST(Tls, AClientChecksTheCertificate) {
  TlsWorld world;
  EXPECT_FALSE(world.connect_tls("elsewhere.org").send(world.get("/b/k")));
  TlsWorld other;
  world.pem.certificate = other.pem.certificate;
  EXPECT_FALSE(world.connect_tls().send(world.get("/b/k")));
  EXPECT_EQ(world.handler.calls, 0);
}

TEST(Tls, WhatIsNoTlsIsCutOff) {
  TlsWorld world;
  Client client(world.env, world.connect_plain());
  client.send(world.get("/b/k"));
  client.finish_sending();
  EXPECT_EQ(client.receive().status, 0);
  world.env.run_for(std::chrono::seconds(1));
  EXPECT_EQ(world.handler.calls, 0);
  EXPECT_EQ(world.server.connections(), 0u);
}

TEST(Tls, ABrokenRecordEndsTheConnection) {
  TlsWorld world;
  Client client = world.connect_tls();
  EXPECT_EQ(client.exchange(world.get("/b/k")).status, 200);
  // A client that handshakes and falls silent holds its connection no longer than others.
  Client silent(world.env, world.connect_plain());
  silent.send(std::string("\x16\x03\x01", 3));
  world.env.run_for(std::chrono::seconds(kIdleSecondsMax + 2));
  EXPECT_TRUE(silent.ended());
  EXPECT_EQ(world.server.connections(), 0u);
}

TEST(Tls, BadCertificatesAreRefused) {
  const auto one = make_self_signed("localhost", std::chrono::hours(24)).value();
  const auto two = make_self_signed("localhost", std::chrono::hours(24)).value();
  EXPECT_TRUE(TlsContext::for_server(one));
  EXPECT_EQ(TlsContext::for_server({one.certificate, two.key}).error().code,
            Errc::kInvalidArgument);
  EXPECT_FALSE(TlsContext::for_server({"nonsense", one.key}));
  EXPECT_FALSE(TlsContext::for_server({one.certificate, "nonsense"}));
  EXPECT_FALSE(TlsContext::for_server_files("/nonexistent/a", "/nonexistent/b"));
  EXPECT_FALSE(TlsContext::for_client("nonsense"));
  EXPECT_FALSE(make_self_signed("a b", std::chrono::hours(24)));

  const std::string path = ::testing::TempDir() + "/atoll_tls_test_";
  std::ofstream(path + "cert") << one.certificate;
  std::ofstream(path + "key") << one.key;
  EXPECT_TRUE(TlsContext::for_server_files(path + "cert", path + "key"));
  std::remove((path + "cert").c_str());
  std::remove((path + "key").c_str());
}

}  // namespace
}  // namespace atl::s3
