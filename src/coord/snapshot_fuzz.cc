// Any bytes as a slot: nothing outside them is read, and what is accepted is what we would write.
//
// The first 4 KiB are the header block (its checksum is made right, so that the fields are
// reached), the rest the body.

#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/crc.h"
#include "coord/snapshot.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace atl;
  using namespace atl::coord;
  ByteSpan input(data, size);

  auto direct = decode_body(input);
  if (direct) {
    SnapshotHeader header;
    Buf again = encode_body(direct->copy_names, direct->state, &header);
    auto back = decode_body(again.span().first(header.body_bytes));
    ATOLL_CHECK(back.has_value());
    ATOLL_CHECK(back->state.bytes() == direct->state.bytes());
  }

  Buf block = Buf::allocate_zeroed(kHeaderBlockBytes);
  std::memcpy(block.mutable_data(), data, std::min(size, block.size()));
  (void)decode_header(block.span());
  std::memcpy(block.mutable_data(), "ATLCOORD", 8);
  std::memset(block.mutable_data() + 84, 0, 4);
  uint32_t crc = crc32c(block.span());
  std::memcpy(block.mutable_data() + 84, &crc, 4);
  auto header = decode_header(block.span());
  if (header) {
    ATOLL_CHECK(padded_body_bytes(*header) <= kMaxBodyBytes);
    ByteSpan rest = input.subspan(std::min(size, block.size()));
    (void)check_body(*header, rest);
    ATOLL_CHECK(decode_header(encode_header(*header).span()) == *header);
  }
  return 0;
}
