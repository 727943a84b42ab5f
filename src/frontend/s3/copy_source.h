// The source side of CopyObject and UploadPartCopy.
#pragma once

#include <string>
#include <string_view>

#include "frontend/s3/body_store.h"
#include "frontend/s3/operation.h"
#include "frontend/s3/range.h"

namespace atl::s3 {

struct CopySource {
  std::string bucket;
  std::string key;
};

// "/bucket/key" or "bucket/key", percent-encoded ('+' is a blank), with at most "?versionId=null".
// InvalidArgument, InvalidBucketName; NotImplemented for versions and ARNs.
S3Result<CopySource> parse_copy_source(std::string_view header);

// Looks the source up and checks x-amz-copy-source-if-... (all of which fail with 412) and
// x-amz-source-expected-bucket-owner.
Task<S3Result<ns::ObjectInfo>> find_copy_source(Op& op, CopySource source, bool with_extents);

// Reads `range` of the source and stores it as a new body, with MD5 and `algorithm` computed.
Task<S3Result<StoredBody>> copy_bytes(Op& op, ns::ObjectInfo source, ByteRange range,
                                      ChecksumAlgorithm algorithm);
// Reads all of the source for its checksum.
Task<S3Result<ns::Checksum>> checksum_of_object(Op& op, ns::ObjectInfo source,
                                                ChecksumAlgorithm algorithm);

}  // namespace atl::s3
