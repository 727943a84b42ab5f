// TLS as the real API speaks it: a server with a certificate of its own, on loopback.
#include "cloud/tls_client.h"

#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cloud/gcp_compute.h"
#include "env/real_env.h"

namespace atl::cloud {
namespace {

// A blocking TLS server on a thread, with a fresh certificate for `names`.
class TlsServer {
 public:
  explicit TlsServer(const std::string& names, std::string answer) : answer_(std::move(answer)) {
    make_certificate(names);
    context_ = SSL_CTX_new(TLS_server_method());
    EXPECT_EQ(SSL_CTX_use_certificate(context_, certificate_), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context_, key_), 1);
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    socklen_t size = sizeof at;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~TlsServer() {
    shutdown(listener_, SHUT_RDWR);  // ends accept()
    thread_.join();
    close(listener_);
    SSL_CTX_free(context_);
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  std::string pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate_);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<size_t>(size));
    BIO_free(bio);
    return out;
  }
  uint16_t port = 0;
  std::string seen;  // of the last request; read it after the server's end

 private:
  void make_certificate(const std::string& names) {
    key_ = EVP_EC_gen("P-256");
    certificate_ = X509_new();
    X509_set_version(certificate_, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate_), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600);
    X509_set_pubkey(certificate_, key_);
    X509_NAME* name = X509_get_subject_name(certificate_);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate_, name);
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(certificate_, extension, -1);
    X509_EXTENSION_free(extension);
    EXPECT_GT(X509_sign(certificate_, key_, EVP_sha256()), 0);
  }

  void serve() {
    while (true) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      SSL* ssl = SSL_new(context_);
      SSL_set_fd(ssl, fd);
      if (SSL_accept(ssl) == 1) {
        // Requests until the client leaves, so that connections are kept.
        char space[4096];
        while (true) {
          const int n = SSL_read(ssl, space, sizeof space);
          if (n <= 0) break;
          seen.assign(space, static_cast<size_t>(n));
          const size_t size = answer_.size();
          if (SSL_write(ssl, answer_.data(), static_cast<int>(size)) <= 0 || cut_) break;
        }
      }
      ERR_clear_error();
      SSL_free(ssl);
      close(fd);
    }
  }

  std::string answer_;
  bool cut_ = answer_.find("content-length") == std::string::npos;
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
  SSL_CTX* context_ = nullptr;
  int listener_ = -1;
  std::thread thread_;
};

std::string http_answer(const std::string& body) {
  return fmt::format("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", body.size(), body);
}

const std::string kInstance = R"({"name":"n1","zone":"zones/z1","status":"RUNNING"})";

Result<std::unique_ptr<GcpCompute>> connect(env::Env& env, const TlsServer& server,
                                            const std::string& host, std::string trusted) {
  GcpOptions options;
  options.endpoint = fmt::format("https://{}:{}", host, server.port);
  options.project = "lab";
  options.resolve = [](const std::string&) -> Result<std::vector<std::string>> {
    return std::vector<std::string>{"127.0.0.1"};
  };
  ATOLL_TRY(options.tls, TlsClient::with_authorities(trusted));
  return GcpCompute::make(env, std::move(options), std::make_shared<NoToken>());
}

TEST(TlsClient, CallsGoOverTlsToTheNamedServer) {
  for (const std::string host : {"api.example", "127.0.0.1"}) {
    TlsServer server("DNS:api.example,IP:127.0.0.1", http_answer(kInstance));
    env::RealEnv env;
    auto gcp = connect(env, server, host, server.pem()).value();
    for (int i = 0; i < 3; ++i) {
      auto out = env.run(gcp->instance({"z1", "n1"}));
      EXPECT_TRUE(out) << out.error().to_string();
    }
    EXPECT_EQ(gcp->connections_made(), 1u);
  }
}

TEST(TlsClient, AnotherNameOrAnUnknownAuthorityIsRefused) {
  TlsServer server("DNS:api.example", http_answer(kInstance));
  TlsServer other("DNS:api.example", http_answer(kInstance));
  env::RealEnv env;
  const auto why = [&](const std::string& host, const std::string& trusted) {
    auto gcp = connect(env, server, host, trusted).value();
    auto out = env.run(gcp->instance({"z1", "n1"}));
    EXPECT_FALSE(out);
    if (out) return std::string();
    EXPECT_EQ(out.error().code, Errc::kUnavailable);
    return out.error().message;
  };
  EXPECT_NE(why("other.example", server.pem()).find("ostname mismatch"), std::string::npos);
  EXPECT_NE(why("api.example", other.pem()).find("certificate"), std::string::npos);
  EXPECT_FALSE(TlsClient::with_authorities("nonsense"));
}

// Without a closing message an end may be anybody's doing: a body that ends with the connection
// must not pass for a whole one.
TEST(TlsClient, ACutConnectionIsNoEnd) {
  TlsServer server("DNS:api.example", "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + kInstance);
  env::RealEnv env;
  auto gcp = connect(env, server, "api.example", server.pem()).value();
  auto out = env.run(gcp->instance({"z1", "n1"}));
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().message.find("cut"), std::string::npos) << out.error().to_string();
}

}  // namespace
}  // namespace atl::cloud
