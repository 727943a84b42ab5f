// Continuation tokens: where a listing goes on. Opaque to clients, checked when they come back.
//
//   base64url( version 1 | CRC-32C | last ), the CRC over scope, prefix and last
//
// A token of another bucket or another prefix, or one that was changed, is InvalidArgument: it
// would silently leave keys out. It is not a secret and grants nothing.
#pragma once

#include <string>
#include <string_view>

#include "frontend/s3/operation.h"

namespace atl::s3 {

// `last`: the last key or common prefix that was returned. `scope`: what is listed.
std::string encode_page_token(std::string_view last, std::string_view scope,
                              std::string_view prefix);
S3Result<std::string> decode_page_token(std::string_view token, std::string_view scope,
                                        std::string_view prefix);

}  // namespace atl::s3
