// TLS towards the API: certificates are verified against the system's authorities and the name.
//
// OpenSSL works on memory; its records go through an env::Stream, so the same code runs over the
// simulated network. TLS 1.2 and 1.3.
//
// The context may be shared by any number of streams, which keep it alive. A stream made here takes
// one operation at a time, which is what HTTP/1.1 needs. Threads: the reactor's; the handshake's
// arithmetic runs on a worker. Errors: kUnavailable (handshake refused, certificate not trusted,
// connection broken; the message says which), kInvalidArgument (no valid PEM).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "env/env.h"
#include "env/net.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace atl::cloud {

class TlsClient {
 public:
  static Result<std::shared_ptr<TlsClient>> with_system_authorities();
  // Trusts only the certificates of the PEM text: a private endpoint, tests.
  static Result<std::shared_ptr<TlsClient>> with_authorities(std::string_view pem);
  ~TlsClient();

  // Shakes hands over `lower`; the certificate must be for `host` (a name or an address). No
  // deadline: close `lower`'s stream to end it.
  static Task<Result<std::unique_ptr<env::Stream>>> connect(std::shared_ptr<TlsClient> self,
                                                            env::Env& env,
                                                            std::unique_ptr<env::Stream> lower,
                                                            std::string host);

 private:
  explicit TlsClient(SSL_CTX* context) : context_(context) {}
  SSL_CTX* context_;
};

}  // namespace atl::cloud
