#include "frontend/s3/tls.h"

#include <array>
#include <cstring>
#include <fstream>
#include <sstream>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/check.h"
#include "frontend/s3/tls_stream.h"

namespace atl::s3 {
namespace {

template <auto Free>
struct With {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using BioPtr = std::unique_ptr<BIO, With<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, With<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, With<EVP_PKEY_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, With<SSL_CTX_free>>;

BioPtr bio_of(std::string_view pem) {
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

std::unexpected<Error> invalid(std::string_view what) {
  char text[200] = "";
  if (const unsigned long code = ERR_get_error(); code != 0)
    ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return fail(Errc::kInvalidArgument, std::string(what) + (*text ? ": " : "") + text);
}

// The one protocol that this server speaks.
int select_http11(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                  unsigned in_size, void*) {
  static constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kHttp11, sizeof kHttp11, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

ContextPtr new_context(const SSL_METHOD* method) {
  ContextPtr context(SSL_CTX_new(method));
  ATOLL_CHECK(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::kInvalidArgument, "cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// Certificates of a PEM text: the first is the server's, the rest the chain.
Status use_certificates(SSL_CTX* context, std::string_view pem) {
  const BioPtr bio = bio_of(pem);
  const X509Ptr leaf(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1)
    return invalid("the certificate is not valid PEM");
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    if (SSL_CTX_add0_chain_cert(context, next) != 1) return invalid("the certificate chain");
  ERR_clear_error();  // the reading ends with "no start line"
  return {};
}

}  // namespace

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

Result<std::shared_ptr<TlsContext>> TlsContext::for_server(const CertificateAndKey& pem) {
  ContextPtr context = new_context(TLS_server_method());
  ATOLL_TRY_STATUS(use_certificates(context.get(), pem.certificate));
  const BioPtr bio = bio_of(pem.key);
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key) return invalid("the private key is not valid PEM");
  if (SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1)
    return invalid("the private key does not belong to the certificate");
  SSL_CTX_set_alpn_select_cb(context.get(), select_http11, nullptr);
  return std::shared_ptr<TlsContext>(new TlsContext(context.release()));
}

Result<std::shared_ptr<TlsContext>> TlsContext::for_server_files(
    const std::string& certificate_path, const std::string& key_path) {
  CertificateAndKey pem;
  ATOLL_TRY(pem.certificate, read_file(certificate_path));
  ATOLL_TRY(pem.key, read_file(key_path));
  auto context = for_server(pem);
  if (!context)
    return fail(std::move(context).error().with_context(certificate_path + ", " + key_path));
  return context;
}

Result<std::shared_ptr<TlsContext>> TlsContext::for_client(std::string_view ca_certificate) {
  ContextPtr context = new_context(TLS_client_method());
  const BioPtr bio = bio_of(ca_certificate);
  const X509Ptr ca(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!ca || X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get()) != 1)
    return invalid("the CA certificate is not valid PEM");
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return std::shared_ptr<TlsContext>(new TlsContext(context.release()));
}

std::unique_ptr<env::Stream> TlsContext::wrap_server(env::Env& env,
                                                     std::unique_ptr<env::Stream> stream) {
  SSL* ssl = SSL_new(context_);
  ATOLL_CHECK(ssl != nullptr);
  SSL_set_accept_state(ssl);
  return make_tls_stream(env, shared_from_this(), ssl, std::move(stream));
}

std::unique_ptr<env::Stream> TlsContext::wrap_client(env::Env& env,
                                                     std::unique_ptr<env::Stream> stream,
                                                     const std::string& host) {
  SSL* ssl = SSL_new(context_);
  ATOLL_CHECK(ssl != nullptr);
  std::array<unsigned char, 16> address{};
  const bool is_address = inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
                          inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
  if (is_address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, host.c_str());
    SSL_set1_host(ssl, host.c_str());
  }
  SSL_set_connect_state(ssl);
  return make_tls_stream(env, shared_from_this(), ssl, std::move(stream));
}

}  // namespace atl::s3
