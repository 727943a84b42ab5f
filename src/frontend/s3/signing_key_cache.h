// Derived signing keys, so that a request costs two hashes and not six.
//
// A key depends on the secret, the day and the region. Entries keep the secret they were made from:
// after a rotation the old one no longer matches. Bounded; when full it starts afresh, which costs
// each key one derivation (a full cache means more than a hundred users of several regions and
// days). On the reactor only.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "frontend/s3/sigv4.h"

namespace atl::s3 {

inline constexpr size_t kSigningKeysMax = 1024;

class SigningKeyCache {
 public:
  SigningKey get(const CredentialScope& scope, std::string_view secret);
  size_t size() const { return keys_.size(); }

 private:
  struct Entry {
    std::string secret;
    SigningKey key;
  };
  std::unordered_map<std::string, Entry> keys_;  // by "access key/date/region"
  std::string lookup_;                           // reused, saves an allocation a request
};

}  // namespace atl::s3
