#include "namespace/entry.h"

#include "base/check.h"
#include "base/crc.h"

namespace atl::ns {

namespace {

constexpr uint8_t kPut = 1;
constexpr uint8_t kErase = 2;

Result<EntrySummary> open_entry(Decoder& d, std::string_view payload) {
  const uint8_t version = d.u8();
  EntrySummary summary;
  summary.chain_before = d.u32();
  if (!d.ok() || version != kEntryVersion)
    return fail(Errc::kCorrupt, "journal entry of an unknown version");
  summary.chain_after = crc32c(as_bytes(payload), summary.chain_before);
  return summary;
}

}  // namespace

EntryBuilder::EntryBuilder(uint32_t chain_before) : chain_before_(chain_before) {
  payload_.u8(kEntryVersion).u32(chain_before);
}

void EntryBuilder::put(std::string_view key, std::string_view value) {
  op_.u8(kPut).str(key).str(value);
  ++changes_;
}

void EntryBuilder::erase(std::string_view key) {
  op_.u8(kErase).str(key);
  ++changes_;
}

void EntryBuilder::end_op(std::string_view what) {
  if (changes_ == 0) return;
  payload_.str(what).varint(changes_).raw(op_.view().data(), op_.size());
  ++ops_;
  drop_op();
}

void EntryBuilder::drop_op() {
  op_ = Encoder();
  changes_ = 0;
}

uint32_t EntryBuilder::chain() const {
  ATOLL_CHECK(changes_ == 0, "an operation is still open");
  return crc32c(as_bytes(payload_.view()), chain_before_);
}

Result<EntrySummary> summarize_entry(std::string_view payload) {
  Decoder d(payload);
  return open_entry(d, payload);
}

Result<EntrySummary> visit_entry(std::string_view payload, const EntryVisitor& visitor) {
  Decoder d(payload);
  ATOLL_TRY(const EntrySummary summary, open_entry(d, payload));
  while (d.ok() && !d.at_end()) {
    const std::string_view what = d.str();
    size_t changes = d.count(2);
    if (d.ok() && visitor.op) visitor.op(what);
    for (; changes > 0 && d.ok(); --changes) {
      const uint8_t kind = d.u8();
      const std::string_view key = d.str();
      if (kind == kPut) {
        const std::string_view value = d.str();
        if (d.ok()) ATOLL_TRY_STATUS(visitor.put(key, value));
      } else if (kind == kErase) {
        if (d.ok()) ATOLL_TRY_STATUS(visitor.erase(key));
      } else {
        d.poison();
      }
    }
  }
  ATOLL_TRY_STATUS(d.finish("journal entry"));
  return summary;
}

}  // namespace atl::ns
