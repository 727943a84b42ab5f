// The codec of JournalState: the coordinator's value under "journal/<partition>".
// docs/formats/journal.md.
#include <set>

#include "base/check.h"
#include "base/codec.h"
#include "base/crc.h"
#include "journal/journal.h"

namespace atl::journal {
namespace {

constexpr uint32_t kMagic = 0x534A5441;  // "ATJS" as bytes
constexpr uint8_t kVersion = 1;

void encode_segment(Encoder& e, const SegmentEntry& s) {
  e.id(s.id).id(s.first_lsn).u32(s.first_chain).boolean(s.closed);
  e.id(s.end_lsn).u32(s.end_chain).varint(s.bytes);
  e.varint(s.replicas.size());
  for (DeviceId id : s.replicas) e.id(id);
}

SegmentEntry decode_segment(Decoder& d) {
  SegmentEntry s;
  s.id = d.id<SegmentId>();
  s.first_lsn = d.id<Lsn>();
  s.first_chain = d.u32();
  const uint8_t closed = d.u8();
  if (closed > 1) d.poison();
  s.closed = closed == 1;
  s.end_lsn = d.id<Lsn>();
  s.end_chain = d.u32();
  s.bytes = d.varint();
  const size_t n = d.count();
  if (n == 0 || n > kReplicas) d.poison();
  for (size_t i = 0; d.ok() && i < n; ++i) s.replicas.push_back(d.id<DeviceId>());
  return s;
}

std::unexpected<Error> bad(std::string_view what) {
  return fail(Errc::kCorrupt, fmt::format("journal state: {}", what));
}

// One segment must begin where the one before ended, and nothing may be missing after the
// checkpoint.
Status check_joined(const JournalState& state) {
  std::set<SegmentId> ids;
  for (size_t i = 0; i < state.segments.size(); ++i) {
    const SegmentEntry& s = state.segments[i];
    if (s.id >= state.next_segment) return bad("a segment id that was not given out yet");
    if (!ids.insert(s.id).second) return bad("a segment id twice");
    if (std::set<DeviceId>(s.replicas.begin(), s.replicas.end()).size() != s.replicas.size())
      return bad("a segment lists a device twice");
    if (s.first_lsn.value == 0) return bad("a segment begins at lsn 0");
    if (s.closed && s.end_lsn <= s.first_lsn) return bad("a closed segment is empty");
    if (!s.closed && i + 1 != state.segments.size()) return bad("an open segment is not the last");
    if (!s.closed && s.end_lsn.value != 0) return bad("an open segment has an end");
    if (i == 0) continue;
    const SegmentEntry& before = state.segments[i - 1];
    if (s.first_lsn != before.end_lsn || s.first_chain != before.end_chain)
      return bad("segments do not join");
  }
  if (!state.segments.empty() &&
      state.segments.front().first_lsn.value > state.checkpoint.lsn.value + 1)
    return bad("entries after the checkpoint are missing");
  return {};
}

}  // namespace

std::string JournalState::encode() const {
  ATOLL_CHECK(segments.size() <= kMaxSegments);
  ATOLL_CHECK(checkpoint.manifest.size() <= kMaxManifestBytes);
  Encoder e;
  e.u32(kMagic).u8(kVersion).id(epoch).str(owner).id(next_segment);
  e.id(checkpoint.lsn).u32(checkpoint.chain).str(checkpoint.manifest);
  e.varint(segments.size());
  for (const SegmentEntry& s : segments) encode_segment(e, s);
  e.u32(crc32c(as_bytes(e.view())));
  return e.take();
}

Result<JournalState> JournalState::decode(std::string_view bytes) {
  if (bytes.size() < 9) return bad("cut short");
  Decoder tail(bytes.substr(bytes.size() - 4));
  const std::string_view covered = bytes.substr(0, bytes.size() - 4);
  Decoder d(covered);
  if (d.u32() != kMagic) return bad("not a journal state");
  if (const uint8_t version = d.u8(); version != kVersion)
    return bad(fmt::format("version {} is not known here", version));
  if (crc32c(as_bytes(covered)) != tail.u32()) return bad("its checksum does not match");
  JournalState s;
  s.epoch = d.id<Epoch>();
  s.owner = d.str();
  s.next_segment = d.id<SegmentId>();
  s.checkpoint.lsn = d.id<Lsn>();
  s.checkpoint.chain = d.u32();
  s.checkpoint.manifest = d.str();
  if (s.owner.size() > kMaxOwnerBytes || s.checkpoint.manifest.size() > kMaxManifestBytes)
    d.poison();
  const size_t n = d.count();
  if (n > kMaxSegments) d.poison();
  for (size_t i = 0; d.ok() && i < n; ++i) s.segments.push_back(decode_segment(d));
  if (Status ok = d.finish("journal state"); !ok) return fail(std::move(ok).error());
  if (Status ok = check_joined(s); !ok) return fail(std::move(ok).error());
  return s;
}

}  // namespace atl::journal
