// A certificate for trying out and for tests. See tls.h.
#include <memory>

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "frontend/s3/tls.h"
#include "frontend/s3/url.h"

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
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, With<X509_EXTENSION_free>>;

constexpr int64_t kValidSeconds = 10LL * 365 * 24 * 3600;
constexpr int64_t kBackdatedSeconds = 24 * 3600;  // for clients whose clocks are behind

bool add_extension(X509* certificate, int nid, const std::string& value) {
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

std::string alternative_names(const std::string& host) {
  std::string names = "DNS:localhost,DNS:*.s3.localhost,IP:127.0.0.1,IP:::1";
  unsigned char address[16];
  const bool is_address = inet_pton(AF_INET, host.c_str(), address) == 1 ||
                          inet_pton(AF_INET6, host.c_str(), address) == 1;
  names.append(is_address ? ",IP:" : ",DNS:").append(host);
  if (!is_address) names.append(",DNS:*.").append(host);  // buckets as virtual hosts
  return names;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

}  // namespace

Result<CertificateAndKey> make_self_signed(const std::string& host, Nanos now) {
  unsigned char probe[16];
  const bool is_ipv6 = inet_pton(AF_INET6, host.c_str(), probe) == 1;
  if (!is_ipv6 && !parse_host(host))
    return fail(Errc::kInvalidArgument, "not a host name or address: " + host);

  const KeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr certificate(X509_new());
  if (!key || !certificate) return fail(Errc::kInternal, "cannot make a key");
  X509* x = certificate.get();
  uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1)
    return fail(Errc::kInternal, "no randomness");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  bool ok = X509_set_version(x, X509_VERSION_3) == 1;
  ok = ok && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1;
  ok = ok && ASN1_TIME_set(X509_getm_notBefore(x), seconds - kBackdatedSeconds) != nullptr;
  ok = ok && ASN1_TIME_set(X509_getm_notAfter(x), seconds + kValidSeconds) != nullptr;
  ok = ok && X509_set_pubkey(x, key.get()) == 1;
  X509_NAME* name = X509_get_subject_name(x);
  const auto* common_name = reinterpret_cast<const unsigned char*>("Atoll self-signed");
  ok = ok && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1;
  ok = ok && X509_set_issuer_name(x, name) == 1;
  ok = ok && add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
  ok = ok && add_extension(x, NID_subject_alt_name, alternative_names(host));
  ok = ok && X509_sign(x, key.get(), EVP_sha256()) > 0;

  const BioPtr certificate_pem(BIO_new(BIO_s_mem()));
  const BioPtr key_pem(BIO_new(BIO_s_mem()));
  ok = ok && PEM_write_bio_X509(certificate_pem.get(), x) == 1;
  ok = ok && PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) == 1;
  if (!ok) return fail(Errc::kInternal, "cannot make a certificate for " + host);
  return CertificateAndKey{text_of(certificate_pem.get()), text_of(key_pem.get())};
}

}  // namespace atl::s3
