// The requests of a run: heads signed beforehand, and the one body.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "load/signer.h"

namespace atl::load {

// Heads kept ready; with more objects than that they are signed as they are sent (5 µs each).
inline constexpr uint32_t kReadyHeadsMax = 100'000;
inline constexpr size_t kStampBytes = 16;
using Stamp = std::array<char, kStampBytes>;

class Requests {
 public:
  explicit Requests(const Options& options);

  // `scratch` holds the head when it is not one of those kept ready.
  const std::string& head(uint32_t object, std::string* scratch) const;
  // The first bytes of an object, as many as it has.
  Stamp stamp(uint32_t object) const;
  size_t stamp_bytes() const;
  // What follows the stamp.
  const std::string& rest() const { return rest_; }
  bool has_body() const { return options_.kind == Kind::kPut; }

 private:
  std::string sign(uint32_t object) const;
  const Options& options_;
  Signer signer_;
  std::vector<std::string> ready_;
  std::string rest_;
};

}  // namespace atl::load
