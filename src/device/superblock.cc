#include "device/superblock.h"

#include <cstring>

#include <fmt/format.h>

#include "base/crc.h"
#include "base/probe.h"

namespace atl::device {
namespace {

constexpr char kMagic[9] = "ATOLLDEV";

uint32_t superblock_crc(SuperblockDisk disk) {
  disk.crc = 0;
  return crc32c({reinterpret_cast<const uint8_t*>(&disk), sizeof disk});
}

bool is_magic(const char (&m)[8]) {
  return std::memcmp(m, kMagic, 8) == 0;
}

}  // namespace

Buf encode_superblock(const Superblock& sb) {
  SuperblockDisk disk{};
  std::memcpy(disk.magic, kMagic, 8);
  std::memcpy(disk.magic_end, kMagic, 8);
  disk.version = kFormatVersion;
  std::memcpy(disk.cluster, sb.identity.cluster.bytes.data(), 16);
  disk.device = sb.identity.device.value;
  disk.domain = sb.identity.domain.value;
  disk.incarnation = sb.identity.incarnation;
  disk.sequence = sb.sequence;
  disk.device_tag = sb.device_tag;
  disk.size_bytes = sb.layout.size_bytes;
  disk.zone_bytes = sb.layout.zone_bytes;
  disk.zones_offset = sb.layout.zones_offset;
  disk.checkpoint_offset[0] = sb.layout.checkpoint_offset[0];
  disk.checkpoint_offset[1] = sb.layout.checkpoint_offset[1];
  disk.checkpoint_bytes = sb.layout.checkpoint_bytes;
  disk.zone_count = sb.layout.zone_count;
  disk.created_unix_nanos = sb.created_unix_nanos;
  disk.crc = superblock_crc(disk);
  return Buf::copy_of({reinterpret_cast<const uint8_t*>(&disk), sizeof disk});
}

Result<Superblock> decode_superblock(ByteSpan block) {
  if (block.size() != sizeof(SuperblockDisk))
    return fail(Errc::kCorrupt, "a superblock is one block");
  SuperblockDisk disk;
  std::memcpy(&disk, block.data(), sizeof disk);
  if (!is_magic(disk.magic) && !is_magic(disk.magic_end))
    return fail(Errc::kBlank, "no superblock");
  if (disk.crc != superblock_crc(disk) || !is_magic(disk.magic))
    return fail(Errc::kCorrupt, "the superblock's checksum does not match");
  if (disk.version != kFormatVersion)
    return fail(Errc::kUnsupported, fmt::format("device format version {}", disk.version));
  Superblock sb;
  std::memcpy(sb.identity.cluster.bytes.data(), disk.cluster, 16);
  sb.identity.device = DeviceId(disk.device);
  sb.identity.domain = DomainId(disk.domain);
  sb.identity.incarnation = disk.incarnation;
  sb.sequence = disk.sequence;
  sb.device_tag = disk.device_tag;
  sb.layout.size_bytes = disk.size_bytes;
  sb.layout.zone_bytes = disk.zone_bytes;
  sb.layout.zones_offset = disk.zones_offset;
  sb.layout.checkpoint_offset[0] = disk.checkpoint_offset[0];
  sb.layout.checkpoint_offset[1] = disk.checkpoint_offset[1];
  sb.layout.checkpoint_bytes = disk.checkpoint_bytes;
  sb.layout.zone_count = disk.zone_count;
  sb.created_unix_nanos = disk.created_unix_nanos;
  if (!sb.layout.valid()) return fail(Errc::kCorrupt, "the superblock's layout is impossible");
  return sb;
}

Task<Result<SuperblockPair>> read_superblocks(env::BlockFile& file, env::ReadMode mode) {
  SuperblockPair pair;
  if (file.size_bytes() < 2 * kBlockBytes) co_return fail(Errc::kBlank, "shorter than two blocks");
  Error worst(Errc::kBlank, "no superblock");
  // Copy B is at the end of the device as it was formatted; when A cannot say where, at the file's.
  uint64_t end = round_down(file.size_bytes(), kBlockBytes);
  for (int copy = 0; copy < 2; ++copy) {
    const uint64_t offset = copy == 0 ? 0 : end - kBlockBytes;
    Result<Buf> block = co_await file.read(offset, kBlockBytes, mode);
    Result<Superblock> sb =
        block ? decode_superblock(block->span()) : Result<Superblock>(fail(block.error()));
    if (!sb) {
      if (sb.error().code != Errc::kBlank) worst = sb.error();
      continue;
    }
    if (sb->layout.size_bytes > file.size_bytes()) {
      worst =
          Error(Errc::kCorrupt, fmt::format("the device was formatted with {} bytes and has {} now",
                                            sb->layout.size_bytes, file.size_bytes()));
      continue;
    }
    if (copy == 0) end = sb->layout.size_bytes;
    pair.copy[copy] = *sb;
  }
  if (!pair.copy[0] && !pair.copy[1]) co_return fail(worst);
  if (!pair.copy[0] || !pair.copy[1]) ATOLL_PROBE("device: one superblock copy is damaged");
  pair.newest = pair.copy[0] ? 0 : 1;
  if (pair.copy[0] && pair.copy[1] && pair.copy[1]->sequence > pair.copy[0]->sequence) {
    ATOLL_PROBE("device: superblock update was torn");
    pair.newest = 1;
  }
  co_return pair;
}

Task<Status> write_superblocks(env::BlockFile& file, Superblock sb, int first) {
  for (int i = 0; i < 2; ++i) {
    const int copy = i == 0 ? first : 1 - first;
    std::vector<Buf> bufs;
    bufs.push_back(encode_superblock(sb));
    ATOLL_CO_TRY_STATUS(co_await file.write(sb.layout.superblock_offset(copy), std::move(bufs)));
    ATOLL_CO_TRY_STATUS(co_await file.sync());
  }
  co_return Status();
}

}  // namespace atl::device
