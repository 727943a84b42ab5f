// Access tokens for the API.
//
// MetadataToken asks the machine's metadata server, which knows the service account that the
// instance runs as. It fetches ahead of need: the first token at start(), the next one in the
// background at three quarters of each one's life, so that a failover finds a valid one in memory.
// (The metadata server itself keeps a token until five minutes before its end, so a refresh may
// bring the same one with less life left; the next refresh is then nearer.)
//
// Ownership: the Env outlives it; background work ends with it. Threads: the reactor's. Errors:
// kUnavailable, kTimeout (no metadata server, or it has no token now), kPermission (it refuses: the
// instance has no service account).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "cloud/http_client.h"
#include "env/env.h"

namespace atl::cloud {

inline constexpr std::string_view kMetadataEndpoint = "http://metadata.google.internal";
// Where the same server answers when names cannot be resolved (link-local, the same on every VM).
inline constexpr std::string_view kMetadataAddress = "169.254.169.254";
// One request for a token; half of kCallDeadline, so that a call whose token is to be fetched first
// still has time for itself.
inline constexpr Nanos kTokenDeadline = 5s;
// A token that ends sooner is not handed out: it must last for a call.
inline constexpr Nanos kTokenLifeMin = 15s;
// Between refreshes, at least; and the wait after failed ones, doubling.
inline constexpr Nanos kTokenRefreshMin = 10s;
inline constexpr Nanos kTokenRetryMin = 1s;
inline constexpr Nanos kTokenRetryMax = 30s;
// A token is believed to last this long at most, whatever the answer says; Google's last an hour,
// some twelve.
inline constexpr Nanos kTokenLifeMax = 12h;

class TokenSource {
 public:
  virtual ~TokenSource() = default;
  // "" when the API wants none.
  virtual Task<Result<std::string>> token() = 0;
  // The API refused this one with 401: it is not handed out again unless the source insists on it.
  virtual void reject(const std::string& token) = 0;
};

// For an API that asks for none, as the emulator does in tests.
class NoToken final : public TokenSource {
 public:
  Task<Result<std::string>> token() override { co_return std::string(); }
  void reject(const std::string&) override {}
};

class MetadataToken final : public TokenSource {
 public:
  // kInvalidArgument: the endpoint is no http origin.
  static Result<std::unique_ptr<MetadataToken>> make(
      env::Env& env, std::string endpoint = std::string(kMetadataEndpoint));
  ~MetadataToken() override;

  void start();  // fetches the first token in the background

  Task<Result<std::string>> token() override;
  void reject(const std::string& token) override;

  uint64_t fetches() const;  // requests sent so far

  struct Core;  // metadata_token.cc

 private:
  explicit MetadataToken(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  std::shared_ptr<Core> core_;
};

}  // namespace atl::cloud
