#include "frontend/s3/page_token.h"

#include <algorithm>

#include "base/codec.h"
#include "base/crc.h"
#include "base/hash.h"

namespace atl::s3 {
namespace {

constexpr uint8_t kVersion = 1;
// A key of 1,024 bytes, its frame, and base64's third.
constexpr size_t kTokenBytesMax = 2048;

uint32_t token_crc(std::string_view last, std::string_view scope, std::string_view prefix) {
  Encoder e;
  e.str(scope).str(prefix).str(last);
  return crc32c(as_bytes(e.view()));
}

S3Error bad_token() {
  S3Error error(err::kInvalidArgument, "The continuation token provided is incorrect");
  error.details = {{"ArgumentName", "continuation-token"}};
  return error;
}

}  // namespace

std::string encode_page_token(std::string_view last, std::string_view scope,
                              std::string_view prefix) {
  Encoder e;
  e.u8(kVersion).u32(token_crc(last, scope, prefix)).str(last);
  std::string token = to_base64(as_bytes(e.view()));
  std::ranges::replace(token, '+', '-');
  std::ranges::replace(token, '/', '_');
  while (token.ends_with('=')) token.pop_back();
  return token;
}

S3Result<std::string> decode_page_token(std::string_view token, std::string_view scope,
                                        std::string_view prefix) {
  if (token.empty() || token.size() > kTokenBytesMax) return refuse(bad_token());
  std::string text(token);
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  while (text.size() % 4 != 0) text.push_back('=');
  const auto bytes = from_base64(text);
  if (!bytes) return refuse(bad_token());
  Decoder d{std::string_view(*bytes)};
  const uint8_t version = d.u8();
  const uint32_t crc = d.u32();
  const std::string last(d.str());
  if (!d.ok() || !d.at_end() || version != kVersion || crc != token_crc(last, scope, prefix))
    return refuse(bad_token());
  return last;
}

}  // namespace atl::s3
