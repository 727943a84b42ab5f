#include "load/requests.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>

namespace atl::load {

Requests::Requests(const Options& options) : options_(options), signer_(options) {
  if (options.objects <= kReadyHeadsMax)
    for (uint32_t i = 0; i < options.objects; ++i) ready_.push_back(sign(i));
  if (!has_body()) return;
  rest_.resize(options.size - stamp_bytes());
  std::mt19937_64 random(1);  // bytes that do not compress
  for (size_t at = 0; at < rest_.size(); at += 8) {
    const uint64_t word = random();
    std::memcpy(rest_.data() + at, &word, std::min<size_t>(8, rest_.size() - at));
  }
}

std::string Requests::sign(uint32_t object) const {
  const std::string path = "/" + options_.bucket + "/" + key_of(options_, object);
  return has_body() ? signer_.head("PUT", path, "", static_cast<int64_t>(options_.size))
                    : signer_.head("GET", path, "", -1);
}

const std::string& Requests::head(uint32_t object, std::string* scratch) const {
  if (object < ready_.size()) return ready_[object];
  return *scratch = sign(object);
}

Stamp Requests::stamp(uint32_t object) const {
  char text[kStampBytes + 1];
  std::snprintf(text, sizeof text, "%016u", object);
  Stamp out;
  std::memcpy(out.data(), text, out.size());
  return out;
}

size_t Requests::stamp_bytes() const {
  return std::min<size_t>(kStampBytes, options_.size);
}

}  // namespace atl::load
