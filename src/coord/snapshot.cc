#include "coord/snapshot.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <fmt/format.h>

#include "base/check.h"
#include "base/crc.h"

namespace atl::coord {
namespace {

constexpr std::array<char, 8> kMagic = {'A', 'T', 'L', 'C', 'O', 'O', 'R', 'D'};
constexpr uint32_t kFlagForming = 1;

// As it lies on disk, little-endian. The rest of the block is zero and covered by the checksum.
struct HeaderOnDisk {
  char magic[8];
  uint32_t format_version;
  uint32_t flags;  // a bit that this version does not know makes the slot unsupported
  uint8_t cluster[16];
  uint32_t copy_index;
  uint32_t copy_count;
  uint64_t promised_term;
  uint64_t accepted_term;
  uint64_t sequence;
  uint64_t revision;
  uint64_t body_bytes;
  uint32_t body_crc;
  uint32_t header_crc;  // CRC-32C over the 4 KiB block with this field zero
};
static_assert(sizeof(HeaderOnDisk) == 88);
static_assert(offsetof(HeaderOnDisk, header_crc) == 84);

uint32_t header_crc(ByteSpan block) {
  constexpr size_t kAt = offsetof(HeaderOnDisk, header_crc);
  constexpr uint8_t kZero[sizeof(uint32_t)] = {};
  uint32_t crc = crc32c(block.first(kAt));
  crc = crc32c(kZero, crc);
  return crc32c(block.subspan(kAt + sizeof kZero), crc);
}

bool all_zero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

}  // namespace

Buf encode_header(const SnapshotHeader& header) {
  ATOLL_CHECK(header.body_bytes <= kMaxBodyBytes);
  ATOLL_CHECK(header.copy_index < header.copy_count && header.copy_count <= kMaxCopies);
  HeaderOnDisk disk{};
  std::memcpy(disk.magic, kMagic.data(), kMagic.size());
  disk.format_version = kFormatVersion;
  disk.flags = header.forming ? kFlagForming : 0;
  std::memcpy(disk.cluster, header.cluster.bytes.data(), sizeof disk.cluster);
  disk.copy_index = header.copy_index;
  disk.copy_count = header.copy_count;
  disk.promised_term = header.promised_term;
  disk.accepted_term = header.accepted_term;
  disk.sequence = header.sequence;
  disk.revision = header.revision;
  disk.body_bytes = header.body_bytes;
  disk.body_crc = header.body_crc;
  Buf block = Buf::allocate_zeroed(kHeaderBlockBytes);
  std::memcpy(block.mutable_data(), &disk, sizeof disk);
  disk.header_crc = header_crc(block.span());
  std::memcpy(block.mutable_data(), &disk, sizeof disk);
  return block;
}

Result<SnapshotHeader> decode_header(ByteSpan block) {
  if (block.size() != kHeaderBlockBytes) return fail(Errc::kCorrupt, "the header block ends early");
  if (all_zero(block)) return fail(Errc::kBlank, "the header block is blank");
  HeaderOnDisk disk;
  std::memcpy(&disk, block.data(), sizeof disk);
  if (std::memcmp(disk.magic, kMagic.data(), kMagic.size()) != 0)
    return fail(Errc::kCorrupt, "no coordinator header here");
  if (disk.header_crc != header_crc(block)) return fail(Errc::kCorrupt, "header checksum differs");
  if (disk.format_version != kFormatVersion || (disk.flags & ~kFlagForming) != 0)
    return fail(Errc::kUnsupported,
                fmt::format("format version {}, flags {:#x}", disk.format_version, disk.flags));
  SnapshotHeader header;
  std::memcpy(header.cluster.bytes.data(), disk.cluster, sizeof disk.cluster);
  header.copy_index = disk.copy_index;
  header.copy_count = disk.copy_count;
  header.promised_term = disk.promised_term;
  header.accepted_term = disk.accepted_term;
  header.sequence = disk.sequence;
  header.revision = disk.revision;
  header.body_bytes = disk.body_bytes;
  header.body_crc = disk.body_crc;
  header.forming = (disk.flags & kFlagForming) != 0;
  if (header.body_bytes > kMaxBodyBytes || header.copy_count > kMaxCopies ||
      header.copy_index >= header.copy_count || header.promised_term < header.accepted_term)
    return fail(Errc::kCorrupt, "a header field out of range");
  return header;
}

Buf encode_body(const std::vector<std::string>& copy_names, const State& state,
                SnapshotHeader* header) {
  Encoder out;
  out.varint(copy_names.size());
  for (const std::string& name : copy_names) out.str(name);
  state.encode(&out);
  ATOLL_CHECK(out.size() <= kMaxBodyBytes);
  Buf body = Buf::allocate_zeroed(round_up(out.size(), kHeaderBlockBytes));
  std::memcpy(body.mutable_data(), out.view().data(), out.size());
  header->body_bytes = out.size();
  header->body_crc = crc32c(body.span());
  header->revision = state.revision();
  return body;
}

Status check_body(const SnapshotHeader& header, ByteSpan padded) {
  if (padded.size() != padded_body_bytes(header)) return fail(Errc::kCorrupt, "body ends early");
  if (crc32c(padded) != header.body_crc) return fail(Errc::kCorrupt, "body checksum differs");
  return {};
}

Result<SnapshotBody> decode_body(ByteSpan body) {
  Decoder in(body);
  SnapshotBody out;
  size_t copies = in.count();
  if (copies > kMaxCopies) return fail(Errc::kCorrupt, "coordinator state: too many copies");
  for (size_t i = 0; i < copies; ++i) {
    out.copy_names.emplace_back(in.str());
    if (out.copy_names.back().size() > kMaxCopyNameBytes)
      return fail(Errc::kCorrupt, "coordinator state: a long copy name");
  }
  ATOLL_TRY(out.state, State::decode(&in));
  ATOLL_TRY_STATUS(in.finish("coordinator state"));
  return out;
}

std::string describe(const SnapshotHeader& header) {
  return fmt::format(
      "cluster: {}\ncopy: {} of {}\npromised term: {}\naccepted term: {}\nsequence: {}\n"
      "revision: {}\nbody bytes: {}\nbody crc32c: {:08x}\nforming: {}\n",
      header.cluster.to_string(), header.copy_index + 1, header.copy_count, header.promised_term,
      header.accepted_term, header.sequence, header.revision, header.body_bytes, header.body_crc,
      header.forming ? "yes" : "no");
}

}  // namespace atl::coord
