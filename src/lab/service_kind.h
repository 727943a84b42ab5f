// Which service is behind the addresses: `atoll lab vip --service http|s3`.
//
//   http   the responder (responder.h), which tells its node, address and generation
//   s3     Atoll's own S3 door over a cluster of one domain in the node's process (s3_store.h)
//
// Values. Threads: any.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace atl::lab {

enum class ServiceKind : uint8_t { kHttp, kS3 };
std::string_view service_kind_name(ServiceKind kind);
Result<ServiceKind> find_service_kind(std::string_view name);  // kInvalidArgument lists the names

// What every node's S3 door has, and who may read it. Nothing outside the namespaces reaches it.
inline constexpr std::string_view kS3Bucket = "lab";
inline constexpr std::string_view kS3WhoKey = "who";  // {"node":"node1"}: differs from node to node
inline constexpr std::string_view kS3LongKey = "long";  // the same everywhere
inline constexpr std::string_view kS3AccessKey = "laboratory";
inline constexpr std::string_view kS3SecretKey = "not-a-secret";
// Of a long transfer over either service: a second at the clients' pace.
inline constexpr uint64_t kLongTransferBytes = 1'250'000;

}  // namespace atl::lab
