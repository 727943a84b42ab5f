#include "frontend/s3/sigv4.h"

#include <algorithm>

#include "base/check.h"
#include "frontend/s3/http_parser.h"
#include "frontend/s3/url.h"

namespace atl::s3 {
namespace {

constexpr std::string_view kTerminator = "aws4_request";
constexpr size_t kSignedHeadersMax = kHeaderFieldsMax;

bool is_lower_hex(std::string_view text) {
  for (const char c : text)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  return true;
}

// Takes "/last" off the end of `text`; nullopt without a slash.
std::optional<std::string_view> take_last_part(std::string_view* text) {
  const size_t slash = text->rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view part = text->substr(slash + 1);
  text->remove_suffix(text->size() - slash);
  return part;
}

void append_canonical_query(const Query& query, std::string* out) {
  struct Pair {
    std::string key, value;
    // Spelt out: g++ 12 at -O2 forgets to emit the operator<=> that a defaulted one would call.
    bool operator<(const Pair& other) const {
      const int order = key.compare(other.key);
      return order != 0 ? order < 0 : value.compare(other.value) < 0;
    }
  };
  std::vector<Pair> pairs;
  pairs.reserve(query.size());
  for (const Query::Param& param : query) {
    if (param.key == "X-Amz-Signature") continue;
    Pair& pair = pairs.emplace_back();
    append_percent_encoded(param.key, false, &pair.key);
    append_percent_encoded(param.value, false, &pair.value);
  }
  std::sort(pairs.begin(), pairs.end());
  bool first = true;
  for (const Pair& pair : pairs) {
    if (!first) out->push_back('&');
    first = false;
    out->append(pair.key).append("=").append(pair.value);
  }
}

// Runs of blanks become one; parse_head has trimmed the ends.
void append_folded(std::string_view value, std::string* out) {
  bool blank = false;
  for (const char c : value) {
    const bool is_blank = c == ' ' || c == '\t';
    if (!(is_blank && blank)) out->push_back(is_blank ? ' ' : c);
    blank = is_blank;
  }
}

void append_canonical_header(const Headers& headers, std::string_view name, std::string* out) {
  out->append(name).push_back(':');
  bool first = true;
  for (const Headers::Field& field : headers) {
    if (!equals_ignore_case(field.name, name)) continue;
    if (!first) out->push_back(',');
    first = false;
    append_folded(field.value, out);
  }
  out->push_back('\n');
}

}  // namespace

std::optional<PayloadKind> parse_payload_kind(std::string_view text) {
  if (text == kUnsignedPayload) return PayloadKind::kUnsigned;
  if (text == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") return PayloadKind::kStreamingSigned;
  if (text == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
    return PayloadKind::kStreamingSignedTrailer;
  if (text == "STREAMING-UNSIGNED-PAYLOAD-TRAILER") return PayloadKind::kStreamingUnsignedTrailer;
  if (text.size() == 64 && is_lower_hex(text)) return PayloadKind::kSha256;
  return std::nullopt;
}

bool is_presign_parameter(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "x-amz-algorithm",     "x-amz-credential", "x-amz-date",           "x-amz-expires",
      "x-amz-signedheaders", "x-amz-signature",  "x-amz-content-sha256", "x-amz-security-token",
  };
  return std::ranges::find(kNames, name) != std::end(kNames);
}

bool is_signature(std::string_view text) {
  return text.size() == 64 && is_lower_hex(text);
}

std::optional<CredentialScope> parse_credential(std::string_view text) {
  CredentialScope out;
  std::string_view rest = text;
  const auto terminator = take_last_part(&rest);
  const auto service = take_last_part(&rest);
  const auto region = take_last_part(&rest);
  const auto date = take_last_part(&rest);
  if (!date || *terminator != kTerminator || rest.empty() || service->empty() || region->empty())
    return std::nullopt;
  if (date->size() != 8 || !parse_decimal(*date)) return std::nullopt;
  out.access_key = rest;
  out.date = *date;
  out.region = *region;
  out.service = *service;
  out.scope = text.substr(rest.size() + 1);
  return out;
}

std::expected<std::vector<std::string_view>, std::string> parse_signed_headers(
    std::string_view text) {
  std::vector<std::string_view> names;
  while (true) {
    const size_t end = std::min(text.find(';'), text.size());
    const std::string_view name = text.substr(0, end);
    if (!is_token(name) || std::ranges::any_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }))
      return std::unexpected("SignedHeaders must be a list of lower-case names.");
    if (std::ranges::find(names, name) != names.end())
      return std::unexpected("SignedHeaders names a header twice.");
    if (names.size() == kSignedHeadersMax) return std::unexpected("SignedHeaders is too long.");
    names.push_back(name);
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
  }
  if (std::ranges::find(names, "host") == names.end())
    return std::unexpected("SignedHeaders must include host.");
  return names;
}

std::expected<SignatureFields, std::string> parse_authorization(std::string_view header) {
  ATOLL_CHECK(header.starts_with(kSigV4Algorithm));
  header.remove_prefix(kSigV4Algorithm.size());
  if (!header.starts_with(' '))
    return std::unexpected("The Authorization header has no parameters.");
  std::string_view credential, signed_headers, signature;
  for (std::string_view part : split_list(header)) {
    const size_t equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals);
    std::string_view* slot = name == "Credential"      ? &credential
                             : name == "SignedHeaders" ? &signed_headers
                             : name == "Signature"     ? &signature
                                                       : nullptr;
    if (slot == nullptr || !slot->empty())
      return std::unexpected("The Authorization header has an unknown or repeated parameter.");
    *slot = part.substr(std::min(equals + 1, part.size()));
    if (slot->empty()) return std::unexpected("A parameter of the Authorization header is empty.");
  }
  if (credential.empty()) return std::unexpected("The Authorization header has no Credential.");
  if (signed_headers.empty())
    return std::unexpected("The Authorization header has no SignedHeaders.");
  if (!is_signature(signature))
    return std::unexpected(
        "The Authorization header has no Signature of 64 lower-case hex digits.");

  SignatureFields fields;
  const auto scope = parse_credential(credential);
  if (!scope)
    return std::unexpected(
        "The Credential must be <access key>/<YYYYMMDD>/<region>/<service>/aws4_request.");
  fields.credential = *scope;
  auto names = parse_signed_headers(signed_headers);
  if (!names) return std::unexpected(std::move(names).error());
  fields.signed_headers = std::move(*names);
  fields.signed_headers_text = signed_headers;
  fields.signature = signature;
  return fields;
}

SigningKey derive_signing_key(std::string_view secret, std::string_view date,
                              std::string_view region, std::string_view service) {
  std::string first = "AWS4";
  first.append(secret);
  Sha256 key = hmac_sha256(as_bytes(first), date);
  key = hmac_sha256(key, region);
  key = hmac_sha256(key, service);
  return hmac_sha256(key, kTerminator);
}

std::string canonical_request(const Request& request, const SignatureFields& fields,
                              std::string_view content_sha256) {
  std::string out;
  out.reserve(1024);
  out.append(request.method).push_back('\n');
  append_percent_encoded(request.path, true, &out);
  out.push_back('\n');
  append_canonical_query(request.query, &out);
  out.push_back('\n');
  for (std::string_view name : fields.signed_headers)
    append_canonical_header(request.headers, name, &out);
  out.append("\n").append(fields.signed_headers_text).append("\n").append(content_sha256);
  return out;
}

std::string string_to_sign(std::string_view amz_date, std::string_view scope,
                           std::string_view canonical) {
  std::string out(kSigV4Algorithm);
  out.append("\n").append(amz_date).append("\n").append(scope).append("\n");
  out.append(to_hex(sha256(canonical)));
  return out;
}

std::string hmac_hex(const SigningKey& key, std::string_view text) {
  return to_hex(hmac_sha256(key, text));
}

ChunkSignatures::ChunkSignatures(SigningKey key, std::string_view amz_date, std::string_view scope,
                                 std::string_view seed_signature)
    : key_(key), previous_(seed_signature) {
  context_.append(amz_date).append("\n").append(scope).append("\n");
}

const std::string& ChunkSignatures::sign(std::string_view algorithm, std::string_view tail) {
  std::string text(algorithm);
  text.append("\n").append(context_).append(previous_).append("\n").append(tail);
  previous_ = hmac_hex(key_, text);
  return previous_;
}

const std::string& ChunkSignatures::next_chunk(ByteSpan data_sha256) {
  std::string tail(kEmptySha256);  // the hash of a chunk's headers, of which there are none
  tail.append("\n").append(to_hex(data_sha256));
  return sign("AWS4-HMAC-SHA256-PAYLOAD", tail);
}

const std::string& ChunkSignatures::trailer(std::string_view canonical) {
  return sign("AWS4-HMAC-SHA256-TRAILER", to_hex(sha256(canonical)));
}

}  // namespace atl::s3
