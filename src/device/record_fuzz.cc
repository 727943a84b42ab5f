// libFuzzer: every decoder of bytes that a disk or the network may have changed. The first byte
// says which. Build with -DATOLL_FUZZ=ON and clang; run build/.../bin/fuzz/record_fuzz.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "device/device_messages.h"
#include "device/index_checkpoint.h"
#include "device/record.h"
#include "device/superblock.h"
#include "device/zone.h"

namespace atl::device {
namespace {

// Checksums made right, so that the fuzzer gets behind them.
void fuzz_record(ByteSpan in) {
  Buf record = Buf::allocate_zeroed(4 * kBlockBytes);
  std::memcpy(record.mutable_data(), in.data(), std::min(in.size(), record.size()));
  RecordDisk disk;
  std::memcpy(&disk, record.data(), sizeof disk);
  disk.magic = kRecordMagic;
  disk.version = kRecordVersion;
  disk.header_crc = 0;
  std::memcpy(record.mutable_data(), &disk, sizeof disk);
  if (disk.header_bytes >= kRecordHeaderBytes && disk.header_bytes <= kBlockBytes) {
    disk.header_crc = crc32c(record.span().first(disk.header_bytes));
    std::memcpy(record.mutable_data(), &disk, sizeof disk);
  }
  const RecordPlace place{disk.device_tag, kAnyGeneration, disk.zone, disk.block};
  const auto header = decode_record_header(record.span(), place, 1024);
  if (!header) return;
  ATOLL_CHECK(header->place.block + header->blocks <= 1023);
  if (header->type == RecordType::kShard) (void)shard_checksums(record.span(), *header);
  (void)payload_matches(*header, record.span());
}

void fuzz_superblock(ByteSpan in) {
  Buf block = Buf::allocate_zeroed(kBlockBytes);
  std::memcpy(block.mutable_data(), in.data(), std::min(in.size(), block.size()));
  Result<Superblock> sb = decode_superblock(block.span());
  if (sb) ATOLL_CHECK(sb->layout.valid());
}

void fuzz_checkpoint(ByteSpan in) {
  static const Layout layout = *Layout::plan(64_MiB, 1_MiB);
  CheckpointContent content;
  (void)decode_checkpoint(as_string_view(in), layout, &content);
}

template <typename T>
void fuzz_message(ByteSpan in) {
  Decoder d(in);
  T value;
  decode(d, value);
  (void)d.finish("fuzz");
}

}  // namespace
}  // namespace atl::device

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace atl;
  using namespace atl::device;
  if (size == 0) return 0;
  const ByteSpan in(data + 1, size - 1);
  switch (data[0] % 16) {
    case 0:
      fuzz_record(in);
      break;
    case 1:
      fuzz_superblock(in);
      break;
    case 2:
      fuzz_checkpoint(in);
      break;
    case 3:
      (void)decode_zone_header(in, 1, 0);
      break;
    case 4:
      fuzz_message<WriteShardRequest>(in);
      break;
    case 5:
      fuzz_message<ReadShardRequest>(in);
      break;
    case 6:
      fuzz_message<AppendRunRequest>(in);
      break;
    case 7:
      fuzz_message<SealSegmentRequest>(in);
      break;
    case 8:
      fuzz_message<ReadRunsRequest>(in);
      break;
    case 9:
      fuzz_message<ShardPart>(in);
      break;
    case 10:
      fuzz_message<std::vector<ShardInfo>>(in);
      break;
    case 11:
      fuzz_message<std::vector<SegmentState>>(in);
      break;
    case 12:
      fuzz_message<std::vector<device::Run>>(in);
      break;
    case 13:
      fuzz_message<VerifyResult>(in);
      break;
    case 14:
      fuzz_message<Use>(in);
      break;
    case 15:
      fuzz_message<ListShardsRequest>(in);
      break;
  }
  return 0;
}
