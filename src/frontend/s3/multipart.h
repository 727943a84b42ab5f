// What the multipart operations share.
#pragma once

#include <string>

#include "frontend/s3/checksum.h"
#include "frontend/s3/operation.h"

namespace atl::s3 {

inline constexpr uint32_t kPartsPageMax = 1000;    // S3's limit for max-parts
inline constexpr uint32_t kUploadsPageMax = 1000;  // and for max-uploads

struct UploadChecksum {
  ChecksumAlgorithm algorithm = ChecksumAlgorithm::kNone;
  bool composite = false;
};

// x-amz-checksum-algorithm and x-amz-checksum-type, with S3's rules for which go together.
S3Result<UploadChecksum> parse_upload_checksum(const Headers& headers);

// partNumber: 1 to 10,000.
S3Result<uint32_t> parse_part_number(const Query& query);

// The upload that ?uploadId names. NoSuchUpload, NoSuchBucket.
Task<S3Result<ns::UploadInfo>> find_upload(Op& op);

// Every part of the upload, in order of their numbers.
Task<S3Result<std::vector<ns::PartInfo>>> all_parts(Op& op, std::string upload_id);

}  // namespace atl::s3
