// Access keys and secrets, kept in the coordinator under "user/<access key>", with a copy in memory
// for the S3 door, which asks at every request.
//
// Secrets are kept as they are: Signature V4 is an HMAC over the secret itself, so a hash would not
// do.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "admin/control.h"
#include "coord/coordinator.h"
#include "env/env.h"
#include "frontend/s3/http.h"

namespace atl::server {

inline constexpr size_t kMaxUsers = 10'000;
inline constexpr size_t kMaxUserNameBytes = 64;

class Users final : public s3::CredentialStore {
 public:
  Users(env::Env& env, coord::Coordinator& coordinator) : env_(env), coordinator_(coordinator) {}

  Task<Status> load();
  // The root user: the given key and secret, or those of the last start, or new random ones.
  Task<Result<admin::NewSecret>> ensure_root(std::string access_key, std::string secret_key);
  // Called when root's secret was rotated, after it is stored. May be empty.
  void on_new_root(std::function<void(const admin::NewSecret&)> call) {
    new_root_ = std::move(call);
  }

  Task<Result<admin::NewSecret>> create(std::string name);
  // kInvalidArgument for a root whose secret was given to ensure_root(): the next start would bring
  // the old one back.
  Task<Result<admin::NewSecret>> rotate(std::string access_key);
  Task<Status> remove(std::string access_key);
  std::vector<admin::User> list() const;

  std::optional<std::string> secret_for(std::string_view access_key) override;

 private:
  struct Entry {
    admin::User user;
    std::string secret;
    uint64_t version = 0;
  };
  static std::string encode(const Entry& entry);
  static Result<Entry> decode(std::string_view bytes);
  static std::string random_text(size_t length, std::string_view alphabet);
  Task<Status> store(Entry entry);

  env::Env& env_;
  coord::Coordinator& coordinator_;
  bool root_given_ = false;
  std::function<void(const admin::NewSecret&)> new_root_;
  std::map<std::string, Entry, std::less<>> users_;
};

}  // namespace atl::server
