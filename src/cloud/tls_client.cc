#include "cloud/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/check.h"

namespace atl::cloud {
namespace {

constexpr size_t kReadBytes = 16u << 10;  // one record

std::string openssl_reason(std::string_view otherwise) {
  char text[256];
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return std::string(otherwise);
  ERR_error_string_n(code, text, sizeof text);
  return text;
}

// What a stream and the handshake's work on another thread share.
struct Session {
  Session(std::shared_ptr<TlsClient> c, std::unique_ptr<env::Stream> l, SSL* s)
      : client(std::move(c)), lower(std::move(l)), ssl(s) {
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    ATOLL_CHECK(in != nullptr && out != nullptr);
    BIO_set_mem_eof_return(in, -1);  // "not yet" rather than "the end"
    SSL_set_bio(ssl, in, out);       // owned by ssl from here on
  }
  ~Session() { SSL_free(ssl); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::shared_ptr<TlsClient> client;
  std::unique_ptr<env::Stream> lower;
  SSL* ssl;
  std::vector<uint8_t> space = std::vector<uint8_t>(kReadBytes);
};

Task<Status> send_records(std::shared_ptr<Session> session) {
  BIO* out = SSL_get_wbio(session->ssl);
  const size_t size = BIO_ctrl_pending(out);
  if (size == 0) co_return Status{};
  std::vector<uint8_t> records(size);
  size_t got = 0;
  ATOLL_CHECK(BIO_read_ex(out, records.data(), size, &got) == 1 && got == size);
  std::vector<ByteSpan> parts(1, ByteSpan(records));
  co_return co_await session->lower->write_all(std::move(parts));
}

// False at the end of what the peer sends.
Task<Result<bool>> receive_records(std::shared_ptr<Session> session) {
  const MutableByteSpan into(session->space);
  Result<size_t> got = co_await session->lower->read_some(into);
  if (!got) co_return fail(std::move(got).error());
  if (*got == 0) co_return false;
  size_t put = 0;
  BIO* in = SSL_get_rbio(session->ssl);
  ATOLL_CHECK(BIO_write_ex(in, session->space.data(), *got, &put) == 1 && put == *got);
  co_return true;
}

struct Step {
  int error = SSL_ERROR_NONE;
  std::string reason;
};

void handshake_step(Session& session, Step* step) {
  ERR_clear_error();
  step->error = SSL_get_error(session.ssl, SSL_do_handshake(session.ssl));
  if (step->error != SSL_ERROR_SSL) return;
  step->reason = openssl_reason("refused");
  const long verified = SSL_get_verify_result(session.ssl);
  if (verified != X509_V_OK) step->reason = X509_verify_cert_error_string(verified);
}

Task<Status> handshake(env::Env& env, std::shared_ptr<Session> session) {
  while (true) {
    auto step = std::make_shared<Step>();
    std::function<void()> work = [session, step] { handshake_step(*session, step.get()); };
    co_await env.offload(std::move(work));
    Status sent = co_await send_records(session);  // also the alert that says why it failed
    if (step->error == SSL_ERROR_SSL) co_return fail(Errc::kUnavailable, "TLS: " + step->reason);
    if (!sent) co_return sent;
    if (step->error == SSL_ERROR_NONE) co_return Status{};
    if (step->error != SSL_ERROR_WANT_READ)
      co_return fail(Errc::kUnavailable, "TLS: the handshake failed");
    Result<bool> more = co_await receive_records(session);
    if (!more) co_return fail(std::move(more).error());
    if (!*more) co_return fail(Errc::kUnavailable, "TLS: the peer left during the handshake");
  }
}

class TlsStream final : public env::Stream {
 public:
  explicit TlsStream(std::shared_ptr<Session> session) : session_(std::move(session)) {}
  ~TlsStream() override { session_->lower->close(); }

  Task<Result<size_t>> read_some(MutableByteSpan into) override {
    auto session = session_;
    while (true) {
      size_t got = 0;
      ERR_clear_error();
      const int ok = SSL_read_ex(session->ssl, into.data(), into.size(), &got);
      if (ok == 1) co_return got;
      const int error = SSL_get_error(session->ssl, ok);
      if (error == SSL_ERROR_ZERO_RETURN) co_return size_t{0};
      if (error != SSL_ERROR_WANT_READ)
        co_return fail(Errc::kUnavailable, "TLS: " + openssl_reason("connection broken"));
      Status sent = co_await send_records(session);  // key updates
      if (!sent) co_return fail(std::move(sent).error());
      Result<bool> more = co_await receive_records(session);
      if (!more) co_return fail(std::move(more).error());
      // Only the peer's closing message is an end; anybody on the way can cut a connection.
      if (!*more) co_return fail(Errc::kUnavailable, "TLS: the connection was cut");
    }
  }

  Task<Status> write_all(std::vector<ByteSpan> parts) override {
    auto session = session_;
    for (const ByteSpan part : parts) {
      if (part.empty()) continue;
      size_t put = 0;
      ERR_clear_error();
      // Into memory, which takes everything.
      if (SSL_write_ex(session->ssl, part.data(), part.size(), &put) != 1 || put != part.size())
        co_return fail(Errc::kUnavailable, "TLS: " + openssl_reason("connection broken"));
    }
    co_return co_await send_records(session);
  }

  void shutdown_send() override { session_->lower->shutdown_send(); }
  void close() override { session_->lower->close(); }
  env::Endpoint remote() const override { return session_->lower->remote(); }

 private:
  std::shared_ptr<Session> session_;
};

Result<SSL_CTX*> new_context() {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) return fail(Errc::kInternal, openssl_reason("no TLS context"));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return context;
}

}  // namespace

TlsClient::~TlsClient() {
  SSL_CTX_free(context_);
}

Result<std::shared_ptr<TlsClient>> TlsClient::with_system_authorities() {
  ATOLL_TRY(SSL_CTX* const context, new_context());
  auto client = std::shared_ptr<TlsClient>(new TlsClient(context));
  if (SSL_CTX_set_default_verify_paths(context) != 1)
    return fail(Errc::kUnavailable, openssl_reason("no certificate authorities on this system"));
  return client;
}

Result<std::shared_ptr<TlsClient>> TlsClient::with_authorities(std::string_view pem) {
  ATOLL_TRY(SSL_CTX* const context, new_context());
  auto client = std::shared_ptr<TlsClient>(new TlsClient(context));
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  ATOLL_CHECK(bio != nullptr);
  size_t taken = 0;
  while (X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate) == 1) ++taken;
    X509_free(certificate);
  }
  BIO_free(bio);
  ERR_clear_error();  // the reading ends with "no start line"
  if (taken == 0) return fail(Errc::kInvalidArgument, "no certificate in the PEM text");
  return client;
}

Task<Result<std::unique_ptr<env::Stream>>> TlsClient::connect(std::shared_ptr<TlsClient> self,
                                                              env::Env& env,
                                                              std::unique_ptr<env::Stream> lower,
                                                              std::string host) {
  SSL* ssl = SSL_new(self->context_);
  ATOLL_CHECK(ssl != nullptr);
  unsigned char address[16];
  if (inet_pton(AF_INET, host.c_str(), address) == 1 ||
      inet_pton(AF_INET6, host.c_str(), address) == 1) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, host.c_str());
    SSL_set1_host(ssl, host.c_str());
  }
  SSL_set_connect_state(ssl);
  auto session = std::make_shared<Session>(std::move(self), std::move(lower), ssl);
  Status done = co_await handshake(env, session);
  if (!done) co_return fail(std::move(done).error());
  std::unique_ptr<env::Stream> stream = std::make_unique<TlsStream>(std::move(session));
  co_return std::move(stream);
}

}  // namespace atl::cloud
