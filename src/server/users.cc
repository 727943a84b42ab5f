#include "server/users.h"

#include <openssl/rand.h>

#include "base/check.h"
#include "base/codec.h"

namespace atl::server {
namespace {

constexpr std::string_view kPrefix = "user/";
constexpr uint8_t kFormatVersion = 1;
// The lengths that AWS uses, so that clients' checks are content.
constexpr size_t kAccessKeyLength = 20;
constexpr size_t kSecretLength = 40;
constexpr std::string_view kAccessAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view kSecretAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab";  // 64: no modulo bias

std::string key_of(std::string_view access_key) {
  return std::string(kPrefix) + std::string(access_key);
}

}  // namespace

std::string Users::encode(const Entry& entry) {
  Encoder e;
  e.u8(kFormatVersion).str(entry.user.access_key).str(entry.user.name).boolean(entry.user.root);
  e.u64(static_cast<uint64_t>(entry.user.created_unix_seconds)).str(entry.secret);
  return e.take();
}

Result<Users::Entry> Users::decode(std::string_view bytes) {
  Decoder d(bytes);
  Entry entry;
  if (d.u8() != kFormatVersion) return fail(Errc::kCorrupt, "user: unknown format version");
  entry.user.access_key = d.str();
  entry.user.name = d.str();
  entry.user.root = d.boolean();
  entry.user.created_unix_seconds = static_cast<int64_t>(d.u64());
  entry.secret = d.str();
  ATOLL_TRY_STATUS(d.finish("user"));
  return entry;
}

// From OpenSSL's generator: the environment's is not for secrets.
std::string Users::random_text(size_t length, std::string_view alphabet) {
  ATOLL_CHECK(256 % alphabet.size() == 0, "an alphabet that every byte falls on evenly");
  std::string out(length, '\0');
  const int ok = RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(length));
  ATOLL_CHECK(ok == 1, "no randomness from the system");
  for (char& c : out) c = alphabet[static_cast<unsigned char>(c) % alphabet.size()];
  return out;
}

Task<Status> Users::load() {
  std::string prefix(kPrefix);
  ATOLL_CO_TRY(std::vector<coord::KeyValue> entries, co_await coordinator_.list(prefix));
  users_.clear();
  for (const coord::KeyValue& kv : entries) {
    ATOLL_CO_TRY(Entry entry, decode(kv.versioned.value));
    entry.version = kv.versioned.version;
    std::string access_key = entry.user.access_key;
    users_[access_key] = std::move(entry);
  }
  co_return Status{};
}

Task<Status> Users::store(Entry entry) {
  std::string key = key_of(entry.user.access_key);
  std::string value = encode(entry);
  ATOLL_CO_TRY(entry.version, co_await coordinator_.compare_and_swap(std::move(key), entry.version,
                                                                     std::move(value)));
  std::string access_key = entry.user.access_key;
  users_[access_key] = std::move(entry);
  co_return Status{};
}

Task<Result<admin::NewSecret>> Users::ensure_root(std::string access_key, std::string secret_key) {
  const Entry* old = nullptr;
  for (const auto& [key, entry] : users_) {
    if (!entry.user.root) continue;
    if (access_key.empty() || key == access_key) old = &entry;
  }
  root_given_ = !secret_key.empty();
  Entry entry;
  if (old != nullptr) entry = *old;
  entry.user.root = true;
  entry.user.name = "root";
  if (!access_key.empty()) entry.user.access_key = access_key;
  if (entry.user.access_key.empty())
    entry.user.access_key = random_text(kAccessKeyLength, kAccessAlphabet);
  if (entry.user.created_unix_seconds == 0)
    entry.user.created_unix_seconds =
        std::chrono::duration_cast<std::chrono::seconds>(env_.wall_now()).count();
  if (!secret_key.empty()) entry.secret = secret_key;
  if (entry.secret.empty()) entry.secret = random_text(kSecretLength, kSecretAlphabet);
  // An access key that exists as a plain user's is not silently made root's.
  if (auto it = users_.find(entry.user.access_key); it != users_.end()) {
    if (!it->second.user.root)
      co_return fail(Errc::kExists, "the root access key given is already a user's");
    entry.version = it->second.version;
  }
  const bool same = old != nullptr && old->secret == entry.secret &&
                    old->user.access_key == entry.user.access_key;
  admin::NewSecret out{entry.user, entry.secret};
  if (!same) ATOLL_CO_TRY_STATUS(co_await store(std::move(entry)));
  // One root at a time: with new credentials the former ones end.
  std::vector<std::string> former;
  for (const auto& [key, other] : users_)
    if (other.user.root && key != out.user.access_key) former.push_back(key);
  for (const std::string& key : former) {
    std::string name = key_of(key);
    const uint64_t version = users_.at(key).version;
    ATOLL_CO_TRY_STATUS(co_await coordinator_.erase(std::move(name), version));
    users_.erase(key);
  }
  co_return out;
}

Task<Result<admin::NewSecret>> Users::create(std::string name) {
  if (name.empty() || name.size() > kMaxUserNameBytes)
    co_return fail(Errc::kInvalidArgument,
                   fmt::format("a user's name has 1 to {} bytes", kMaxUserNameBytes));
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20)
      co_return fail(Errc::kInvalidArgument, "control character in name");
  if (users_.size() >= kMaxUsers)
    co_return fail(Errc::kTooLarge, fmt::format("{} users is the limit", kMaxUsers));
  for (const auto& [key, entry] : users_)
    if (entry.user.name == name)
      co_return fail(Errc::kExists, fmt::format("there is a user '{}' already", name));
  Entry entry;
  entry.user.name = name;
  entry.user.access_key = random_text(kAccessKeyLength, kAccessAlphabet);
  entry.user.created_unix_seconds =
      std::chrono::duration_cast<std::chrono::seconds>(env_.wall_now()).count();
  entry.secret = random_text(kSecretLength, kSecretAlphabet);
  admin::NewSecret out{entry.user, entry.secret};
  ATOLL_CO_TRY_STATUS(co_await store(std::move(entry)));
  co_return out;
}

Task<Result<admin::NewSecret>> Users::rotate(std::string access_key) {
  auto it = users_.find(access_key);
  if (it == users_.end()) co_return fail(Errc::kNotFound, "there is no such access key");
  if (it->second.user.root && root_given_)
    co_return fail(Errc::kInvalidArgument,
                   "the root secret is given at each start: change ATOLL_SECRET_KEY and restart");
  Entry entry = it->second;
  entry.secret = random_text(kSecretLength, kSecretAlphabet);
  admin::NewSecret out{entry.user, entry.secret};
  ATOLL_CO_TRY_STATUS(co_await store(std::move(entry)));
  if (out.user.root && new_root_) new_root_(out);
  co_return out;
}

Task<Status> Users::remove(std::string access_key) {
  auto it = users_.find(access_key);
  if (it == users_.end()) co_return fail(Errc::kNotFound, "there is no such access key");
  if (it->second.user.root) co_return fail(Errc::kInvalidArgument, "the root user stays");
  std::string name = key_of(access_key);
  const uint64_t version = it->second.version;
  ATOLL_CO_TRY_STATUS(co_await coordinator_.erase(std::move(name), version));
  users_.erase(access_key);
  co_return Status{};
}

std::vector<admin::User> Users::list() const {
  std::vector<admin::User> out;
  for (const auto& [key, entry] : users_) out.push_back(entry.user);
  return out;
}

std::optional<std::string> Users::secret_for(std::string_view access_key) {
  auto it = users_.find(access_key);
  if (it == users_.end()) return std::nullopt;
  return it->second.secret;
}

}  // namespace atl::server
