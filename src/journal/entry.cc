#include "journal/entry.h"

#include <cstring>

#include "base/check.h"
#include "base/codec.h"
#include "base/crc.h"

namespace atl::journal {
namespace {

size_t varint_size(uint64_t v) {
  size_t n = 1;
  while (v >= 0x80) {
    v >>= 7;
    ++n;
  }
  return n;
}

uint8_t* write_varint(uint8_t* out, uint64_t v) {
  while (v >= 0x80) {
    *out++ = static_cast<uint8_t>(v | 0x80);
    v >>= 7;
  }
  *out++ = static_cast<uint8_t>(v);
  return out;
}

size_t rest_size(Lsn lsn, Epoch epoch, size_t payload_size) {
  return 1 + varint_size(lsn.value) + varint_size(epoch.value) + payload_size;
}

std::unexpected<Error> bad_run(const device::Run& run, std::string_view what) {
  return fail(Errc::kCorrupt, fmt::format("journal run at lsn {}: {}", run.first_lsn, what));
}

}  // namespace

size_t frame_size(Lsn lsn, Epoch epoch, size_t payload_size) {
  const size_t rest = rest_size(lsn, epoch, payload_size);
  return varint_size(rest) + rest;
}

uint8_t* write_frame(uint8_t* out, Lsn lsn, Epoch epoch, std::string_view payload) {
  ATOLL_CHECK(payload.size() <= kMaxEntryBytes);
  uint8_t* const begin = out;
  out = write_varint(out, rest_size(lsn, epoch, payload.size()));
  *out++ = kEntryKind;
  out = write_varint(out, lsn.value);
  out = write_varint(out, epoch.value);
  if (!payload.empty()) std::memcpy(out, payload.data(), payload.size());
  out += payload.size();
  ATOLL_CHECK(static_cast<size_t>(out - begin) == frame_size(lsn, epoch, payload.size()));
  return out;
}

Status check_run(const device::Run& run) {
  if (run.count == 0) return bad_run(run, "it holds no entries");
  if (run.first_lsn.value == 0) return bad_run(run, "there is no lsn 0");
  if (run.payload.size() / 4 < run.count) return bad_run(run, "too short for its count");
  if (crc32c(run.payload.span(), run.chain_before) != run.chain_after)
    return bad_run(run, "its bytes do not continue the chain");
  return {};
}

Result<std::vector<Entry>> decode_run(const device::Run& run) {
  if (Status s = check_run(run); !s) return fail(std::move(s).error());
  std::vector<Entry> entries;
  entries.reserve(run.count);
  const ByteSpan all = run.payload.span();
  uint32_t chain = run.chain_before;
  size_t at = 0;
  while (at < all.size()) {
    Decoder d(all.subspan(at));
    const std::string_view rest = d.str();
    if (!d.ok()) return bad_run(run, "a frame is cut short");
    const size_t frame = d.position();
    Decoder body(rest);
    const uint8_t kind = body.u8();
    const Lsn lsn = body.id<Lsn>();
    const Epoch epoch = body.id<Epoch>();
    if (!body.ok()) return bad_run(run, "a frame's header is cut short");
    if (kind != kEntryKind) return bad_run(run, fmt::format("unknown kind of entry {}", kind));
    if (lsn.value != run.first_lsn.value + entries.size())
      return bad_run(run, fmt::format("lsn {} is out of order", lsn));
    if (epoch != run.epoch) return bad_run(run, fmt::format("entry of a foreign epoch {}", epoch));
    if (entries.size() == run.count) return bad_run(run, "more entries than counted");
    chain = crc32c(all.subspan(at, frame), chain);
    entries.push_back(Entry{lsn, epoch, chain, rest.substr(body.position())});
    at += frame;
  }
  if (entries.size() != run.count) return bad_run(run, "fewer entries than counted");
  ATOLL_CHECK(chain == run.chain_after);
  return entries;
}

}  // namespace atl::journal
