#include "frontend/s3/signing_key_cache.h"

namespace atl::s3 {

SigningKey SigningKeyCache::get(const CredentialScope& scope, std::string_view secret) {
  lookup_.assign(scope.access_key).append("/").append(scope.scope);
  auto it = keys_.find(lookup_);
  if (it != keys_.end() && it->second.secret == secret) return it->second.key;
  if (it == keys_.end() && keys_.size() >= kSigningKeysMax) keys_.clear();
  Entry entry{std::string(secret),
              derive_signing_key(secret, scope.date, scope.region, scope.service)};
  const SigningKey key = entry.key;
  keys_.insert_or_assign(lookup_, std::move(entry));
  return key;
}

}  // namespace atl::s3
