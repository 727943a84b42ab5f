// TLS for any env::Stream: TLS 1.2 and 1.3 by OpenSSL.
//
// OpenSSL never sees a socket: its records go through buffers of ours to the Stream beneath, so the
// same code runs over the simulated network. An idle connection keeps no record buffers
// (SSL_MODE_RELEASE_BUFFERS).
//
// The context is shared by all its streams and outlives them (they keep it alive). On the reactor.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "env/env.h"
#include "env/net.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace atl::s3 {

// PEM texts.
struct CertificateAndKey {
  std::string certificate;  // with the chain, leaf first
  std::string key;
};

class TlsContext : public std::enable_shared_from_this<TlsContext> {
 public:
  // kInvalidArgument says which file, or that certificate and key do not belong together.
  static Result<std::shared_ptr<TlsContext>> for_server(const CertificateAndKey& pem);
  static Result<std::shared_ptr<TlsContext>> for_server_files(const std::string& certificate_path,
                                                              const std::string& key_path);
  // For clients (tests, bench): trusts only `ca_certificate`.
  static Result<std::shared_ptr<TlsContext>> for_client(std::string_view ca_certificate);
  ~TlsContext();

  // The handshake happens with the first read or write.
  std::unique_ptr<env::Stream> wrap_server(env::Env& env, std::unique_ptr<env::Stream> stream);
  // The server's certificate must be for `host` (a name or an address).
  std::unique_ptr<env::Stream> wrap_client(env::Env& env, std::unique_ptr<env::Stream> stream,
                                           const std::string& host);

 private:
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  SSL_CTX* context_;
};

// A P-256 key and a certificate for localhost, 127.0.0.1, ::1, `host` and buckets as virtual hosts
// below s3.localhost and `host`; valid for ten years from `now`. For trying out and for tests.
Result<CertificateAndKey> make_self_signed(const std::string& host, Nanos now);

}  // namespace atl::s3
