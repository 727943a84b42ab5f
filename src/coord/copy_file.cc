#include "coord/copy_file.h"

#include <tuple>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/probe.h"

namespace atl::coord {

std::optional<int> CopyView::newest() const {
  auto rank = [](const SnapshotHeader& h) {
    return std::tuple(h.promised_term, h.accepted_term, h.sequence);
  };
  std::optional<int> best;
  for (int slot = 0; slot < kSlots; ++slot) {
    if (!slots[slot].good) continue;
    if (!best || rank(*slots[slot].header) > rank(*slots[*best].header)) best = slot;
  }
  return best;
}

bool CopyView::blank() const {
  for (const SlotView& slot : slots)
    if (slot.good || slot.code != Errc::kBlank) return false;
  return true;
}

Task<Result<std::shared_ptr<CopyFile>>> CopyFile::open(env::Env& env, std::string path) {
  env::OpenOptions options;
  ATOLL_CO_TRY(auto file, co_await env.open_block_file(path, options));
  if (file->size_bytes() != kFileBytes)
    co_return fail(Errc::kCorrupt,
                   fmt::format("{} bytes long, not {}", file->size_bytes(), kFileBytes));
  co_return std::shared_ptr<CopyFile>(new CopyFile(std::move(path), std::move(file)));
}

Task<Result<std::shared_ptr<CopyFile>>> CopyFile::create(env::Env& env, std::string path) {
  size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0)
    ATOLL_CO_TRY_STATUS(env.create_directories(path.substr(0, slash)));
  env::OpenOptions options;
  options.create = true;
  options.size_bytes = kFileBytes;
  ATOLL_CO_TRY(auto file, co_await env.open_block_file(path, options));
  co_return std::shared_ptr<CopyFile>(new CopyFile(std::move(path), std::move(file)));
}

Task<SlotView> CopyFile::read_slot(int slot, env::ReadMode mode) {
  SlotView view;
  const uint64_t at = static_cast<uint64_t>(slot) * kSlotBytes;
  Result<Buf> block = co_await file_->read(at, kHeaderBlockBytes, mode);
  Result<SnapshotHeader> header = fail(Errc::kIo);
  if (block)
    header = decode_header(block->span());
  else
    header = fail(Errc::kIo, block.error().to_string());
  if (!header) {
    view.code = header.error().code;
    view.detail = header.error().message;
    co_return view;
  }
  view.header = *header;
  Buf body;
  if (padded_body_bytes(*header) > 0) {
    Result<Buf> read =
        co_await file_->read(at + kHeaderBlockBytes, padded_body_bytes(*header), mode);
    if (!read) {
      view.code = Errc::kIo;
      view.detail = read.error().to_string();
      co_return view;
    }
    body = *read;
  }
  Status checked = check_body(*header, body.span());
  if (!checked) {
    view.code = Errc::kCorrupt;
    view.detail = checked.error().message;
    co_return view;
  }
  view.good = true;
  view.body = body;
  co_return view;
}

Task<CopyView> CopyFile::read(std::shared_ptr<CopyFile> file, env::ReadMode mode) {
  env::Permit permit = co_await file->io_.lock();
  CopyView view;
  for (int slot = 0; slot < kSlots; ++slot) {
    view.slots[slot] = co_await file->read_slot(slot, mode);
    if (view.slots[slot].good) file->known_[slot] = view.slots[slot].header;
  }
  if (auto newest = view.newest()) file->newest_slot_ = *newest;
  co_return view;
}

Task<Status> CopyFile::write_slot(int slot, SnapshotHeader header, Buf body) {
  known_[slot].reset();
  std::vector<Buf> bufs;
  bufs.push_back(encode_header(header));
  if (!body.empty()) bufs.push_back(body);
  ATOLL_CO_TRY_STATUS(
      co_await file_->write(static_cast<uint64_t>(slot) * kSlotBytes, std::move(bufs)));
  ATOLL_CO_TRY_STATUS(co_await file_->sync());
  if (!file_->still_in_place()) {
    ATOLL_PROBE("coord.copy_lost_while_writing");
    co_return fail(Errc::kNotFound, fmt::format("{} was removed or replaced", path_));
  }
  known_[slot] = header;
  co_return Status{};
}

Task<Status> CopyFile::store(std::shared_ptr<CopyFile> file, SnapshotHeader header, Buf body) {
  env::Permit permit = co_await file->io_.lock();
  const int slot = file->older_slot();
  Status written = co_await file->write_slot(slot, header, body);
  if (written) {
    file->newest_slot_ = slot;
    file->stored_header_ = header;
    file->stored_body_ = std::move(body);
  }
  co_return written;
}

Task<Status> CopyFile::form(std::shared_ptr<CopyFile> file, SnapshotHeader header, Buf body) {
  env::Permit permit = co_await file->io_.lock();
  for (int slot = 0; slot < kSlots; ++slot) {
    const uint64_t at = static_cast<uint64_t>(slot) * kSlotBytes + kHeaderBlockBytes;
    std::vector<Buf> bufs(1, body);
    ATOLL_CO_TRY_STATUS(co_await file->file_->write(at, std::move(bufs)));
    ATOLL_CO_TRY_STATUS(co_await file->file_->sync());
    ATOLL_CO_TRY_STATUS(co_await file->write_slot(slot, header, Buf()));
  }
  co_return Status{};
}

bool CopyFile::as_written(int slot, const SlotView& view) const {
  if (known_[slot]) return view.good && *view.header == *known_[slot];
  // Never written, or the last write failed half way: what is there does not matter.
  return true;
}

Task<CopyFile::Check> CopyFile::check(std::shared_ptr<CopyFile> file) {
  env::Permit permit = co_await file->io_.lock();
  static Counter& damaged = metric_counter("atoll_coord_slots_damaged_total",
                                           "Coordinator slots that scrub found damaged");
  static Counter& repaired =
      metric_counter("atoll_coord_slots_repaired_total", "Coordinator slots that scrub wrote anew");
  Check check;
  for (int slot = 0; slot < kSlots; ++slot) {
    SlotView view = co_await file->read_slot(slot, env::ReadMode::kDirect);
    check.bytes_read += kHeaderBlockBytes;
    if (view.header) check.bytes_read += padded_body_bytes(*view.header);
    if (file->as_written(slot, view)) continue;
    ATOLL_PROBE("coord.scrub_found_damage");
    ++check.slots_damaged;
    damaged.add();
    ATOLL_LOG(kWarn, "coord", "scrub found a damaged slot",
              {{"path", file->path_},
               {"slot", slot},
               {"damage", view.good ? "other content" : view.detail}});
    if (!file->stored_header_) continue;
    // The damaged slot itself is overwritten: if that fails half way, the other is as it was.
    Status written = co_await file->write_slot(slot, *file->stored_header_, file->stored_body_);
    if (!written) continue;
    file->newest_slot_ = slot;
    SlotView again = co_await file->read_slot(slot, env::ReadMode::kDirect);
    if (!file->as_written(slot, again)) continue;
    ++check.slots_repaired;
    repaired.add();
  }
  co_return check;
}

}  // namespace atl::coord
