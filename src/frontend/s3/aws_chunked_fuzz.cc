// Any bytes as an aws-chunked body: bounded, never more data than declared, never an end without a
// valid chain. The first byte chooses the kind and the fragmentation.
#include <string>

#include "base/check.h"
#include "frontend/s3/aws_chunked.h"

namespace {

atl::s3::AwsChunkedParams params_of(uint8_t choice) {
  using namespace atl::s3;
  AwsChunkedParams params;
  params.kind = choice % 3 == 0   ? PayloadKind::kStreamingSigned
                : choice % 3 == 1 ? PayloadKind::kStreamingSignedTrailer
                                  : PayloadKind::kStreamingUnsignedTrailer;
  params.decoded_length = choice;
  if (choice & 0x80) params.trailer_names = {"x-amz-checksum-crc32"};
  params.signatures =
      ChunkSignatures(derive_signing_key("secret", "20260101", "us-east-1"), "20260101T000000Z",
                      "20260101/us-east-1/s3/aws4_request", std::string(64, '0'));
  return params;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace atl::s3;
  if (size < 2) return 0;
  const uint8_t choice = data[0];
  const size_t piece = 1 + data[1] % 64;
  const std::string_view wire(reinterpret_cast<const char*>(data) + 2, size - 2);
  AwsChunkedParams params = params_of(choice);
  const PayloadKind kind = params.kind;
  AwsChunkedDecoder decoder(std::move(params));
  size_t begin = 0, end = 0;
  uint64_t decoded = 0;
  while (!decoder.done() && !decoder.failed()) {
    const std::string_view seen = wire.substr(begin, end - begin);
    if (decoder.data_left() != 0 && !seen.empty()) {
      const size_t n = std::min<uint64_t>(seen.size(), decoder.data_left());
      decoder.data(atl::as_bytes(seen.substr(0, n)));
      decoded += n;
      begin += n;
      continue;
    }
    const size_t taken = decoder.feed(seen);
    ATOLL_CHECK(taken <= seen.size());
    begin += taken;
    if (taken != 0 || decoder.done() || decoder.failed()) continue;
    // It waits for more: then it has not hoarded a whole line's worth.
    ATOLL_CHECK(decoder.data_left() != 0 || end - begin < kChunkLineBytesMax);
    if (end == wire.size()) break;
    end = std::min(end + piece, wire.size());
  }
  ATOLL_CHECK(decoded <= choice);
  if (decoder.done()) {
    ATOLL_CHECK(decoded == choice);
    // Nobody can make a signature by chance.
    ATOLL_CHECK(kind == PayloadKind::kStreamingUnsignedTrailer);
  }
  return 0;
}
