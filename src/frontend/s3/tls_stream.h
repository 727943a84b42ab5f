// A Stream that speaks TLS over another Stream. Made by TlsContext.
#pragma once

#include <memory>

#include "env/env.h"
#include "env/net.h"

typedef struct ssl_st SSL;

namespace atl::s3 {

class TlsContext;

// Takes over `ssl`, which must be in accept or connect state and have no BIO yet.
std::unique_ptr<env::Stream> make_tls_stream(env::Env& env, std::shared_ptr<TlsContext> context,
                                             SSL* ssl, std::unique_ptr<env::Stream> lower);

}  // namespace atl::s3
