// Request targets: percent-encoding, query strings, and which bucket and key a request means.
//
// Nothing here normalises a path: "//", "." and ".." are bytes of a key like any other. Decoding
// and encoding again gives S3's canonical form, which is what clients sign (single encoding).
//
// Source: RFC 3986; Amazon S3 User Guide, "Virtual hosting of buckets".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/s3/http.h"

namespace atl::s3 {

// A query longer than this in parameters is refused; S3's longest needs about a dozen.
inline constexpr size_t kQueryParamsMax = 64;

// For whole strings there are percent_encode and percent_decode_text in text.h; these two append.
//
// Appends the bytes that `encoded` stands for; false for a '%' without two hex digits.
bool append_percent_decoded(std::string_view encoded, bool plus_is_blank, std::string* out);

// Appends with everything but A-Z a-z 0-9 - . _ ~ (and '/' if kept) as %XX, upper-case.
void append_percent_encoded(std::string_view bytes, bool keep_slash, std::string* out);

// Splits "/path?query" and decodes both into `request` (which has target set). InvalidURI for what
// is not a target: no leading slash, bad escapes, NUL (raw or escaped), a fragment.
std::optional<S3Error> parse_target(Request* request);

// "a=1&b&c=%20" into params. For parse_target, and for the fuzzer.
std::optional<S3Error> parse_query(std::string_view raw, Query* out);

// "Bucket.Example.com:9000" -> "bucket.example.com"; nullopt when it is no host[:port].
// An IPv6 literal keeps its brackets.
std::optional<std::string> parse_host(std::string_view host_header);

// Sets request->bucket, key and virtual_host from the Host header and the path.
//
// `domains` (lower-case) are the names under which buckets are sub-domains; "s3.localhost" and
// "localhost" always are. The longest matching domain counts. With domain s3.example.com:
//   Host: s3.example.com      /b/k   -> bucket "b", key "k"
//   Host: b.s3.example.com    /k     -> bucket "b", key "k"
//   Host: 127.0.0.1:9000      /b//k  -> bucket "b", key "/k"
std::optional<S3Error> resolve_bucket_and_key(const std::vector<std::string>& domains,
                                              Request* request);

}  // namespace atl::s3
