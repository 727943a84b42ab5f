#include "namespace/data.h"

#include "base/check.h"
#include "base/probe.h"
#include "namespace/keys.h"
#include "namespace/stripe_table.h"

namespace atl::ns {

namespace {

Status put_inline(Txn& txn, InodeId piece, uint64_t offset, std::string_view bytes) {
  ExtentRecord extent;
  extent.stamp = txn.next_id().value;
  extent.bytes = bytes;
  extent.length = static_cast<uint32_t>(bytes.size());
  txn.put_record(extent_key(piece, offset), extent);
  InlineRecord mark;
  mark.stamp = extent.stamp;
  mark.length = extent.length;
  mark.born = txn.now();
  txn.put_record(inline_key(piece, offset), mark);
  txn.counters().inline_bytes += extent.length;
  return {};
}

Status drop_extent(Txn& txn, InodeId piece, uint64_t offset, const ExtentRecord& extent) {
  txn.erase(extent_key(piece, offset));
  if (extent.is_inline()) {
    if (txn.counters().inline_bytes < extent.length)
      return fail(Errc::kCorrupt, "the view counts too few inline bytes");
    txn.counters().inline_bytes -= extent.length;
    txn.erase(inline_key(piece, offset));
    return {};
  }
  if (extent.back_ref) txn.erase(back_ref_key(extent.stripe.id, piece, offset));
  return drop_reference(txn, extent.stripe, extent.length);
}

Extent to_extent(uint64_t offset, const ExtentRecord& record) {
  Extent out;
  out.offset = offset;
  out.length = record.length;
  if (record.is_inline()) {
    out.bytes = Buf::copy_of(record.bytes);
  } else {
    out.stripe = record.stripe;
    out.stripe_offset = record.stripe_offset;
  }
  return out;
}

// Calls visit(offset in the piece, record) for each extent in order; checks that there is no hole.
template <typename Visit>
Status for_each_extent(Reader& reader, const Piece& piece, Visit visit) {
  if (piece.length == 0) return {};
  // Most objects have one extent: a lookup is cheaper than a scan.
  std::string value;
  ATOLL_TRY(const bool first, reader.get(extent_key(piece.data, 0), &value));
  if (!first) return fail(Errc::kCorrupt, "the view lacks an extent");
  ExtentRecord record;
  ATOLL_TRY_STATUS(decode(value, &record));
  ATOLL_TRY_STATUS(visit(uint64_t{0}, record));
  uint64_t reached = record.length;
  if (reached == piece.length) return {};
  Scan scan = reader.scan(extent_key(piece.data, reached),
                          after_prefix(row_prefix(Row::kExtent, piece.data.value)));
  for (; reached < piece.length && scan.valid(); scan.next()) {
    ATOLL_TRY_STATUS(decode(scan.value(), &record));
    if (key_offset(scan.key()) != reached)
      return fail(Errc::kCorrupt, "the view has a hole in a file");
    ATOLL_TRY_STATUS(visit(reached, record));
    reached += record.length;
  }
  ATOLL_TRY_STATUS(scan.status());
  if (reached != piece.length) return fail(Errc::kCorrupt, "the view's extents end early");
  return {};
}

}  // namespace

Status check_file_data(const FileData& data) {
  uint64_t reached = 0;
  for (const Extent& extent : data.extents) {
    if (extent.length == 0 || extent.offset != reached)
      return fail(Errc::kInvalidArgument, "extents must follow one another");
    if (extent.is_inline()) {
      if (extent.bytes.size() != extent.length || extent.length > kInlineBytesMax)
        return fail(Errc::kInvalidArgument, "inline extent of a wrong size");
    } else if (uint64_t{extent.stripe_offset} + extent.length > extent.stripe.data_length) {
      return fail(Errc::kInvalidArgument, "extent beyond its stripe");
    }
    reached += extent.length;
  }
  if (reached != data.size)
    return fail(Errc::kInvalidArgument, "extents do not add up to the size");
  if (data.size > kMaxObjectBytes) return fail(Errc::kTooLarge, "objects are limited to 5 TiB");
  return {};
}

Status store_data(Txn& txn, InodeId piece, const FileData& data) {
  for (const Extent& extent : data.extents) {
    if (extent.is_inline()) {
      ATOLL_TRY_STATUS(put_inline(txn, piece, extent.offset, extent.bytes.view()));
      continue;
    }
    ExtentRecord record;
    record.stripe = extent.stripe;
    record.stripe_offset = extent.stripe_offset;
    record.length = extent.length;
    ATOLL_TRY_STATUS(add_reference(txn, extent.stripe, extent.length));
    txn.put_record(extent_key(piece, extent.offset), record);
  }
  return {};
}

Result<std::vector<Extent>> load_extents(Reader& reader, const std::vector<Piece>& pieces) {
  std::vector<Extent> extents;
  uint64_t start = 0;
  for (const Piece& piece : pieces) {
    ATOLL_TRY_STATUS(for_each_extent(reader, piece, [&](uint64_t offset, const ExtentRecord& r) {
      extents.push_back(to_extent(start + offset, r));
      return Status{};
    }));
    start += piece.length;
  }
  return extents;
}

Status copy_data(Txn& txn, const std::vector<Piece>& pieces, InodeId to) {
  // Gathered first: the batch must not change under a scan.
  ATOLL_TRY(const std::vector<Extent> extents, load_extents(txn, pieces));
  for (const Extent& extent : extents) {
    if (extent.is_inline()) {
      ATOLL_TRY_STATUS(put_inline(txn, to, extent.offset, extent.bytes.view()));
      continue;
    }
    ExtentRecord copy;
    copy.stripe = extent.stripe;
    copy.stripe_offset = extent.stripe_offset;
    copy.length = extent.length;
    ATOLL_TRY(const StripeRecord on, txn.load<StripeRecord>(stripe_key(extent.stripe.id)));
    // The manifest of a packed stripe names its first owners only: others leave a row.
    copy.back_ref = on.kind == StripeKind::kPacked;
    if (copy.back_ref) txn.put(back_ref_key(extent.stripe.id, to, extent.offset), {});
    ATOLL_TRY_STATUS(add_reference(txn, extent.stripe, extent.length));
    txn.put_record(extent_key(to, extent.offset), copy);
  }
  return {};
}

Result<bool> drop_extents(Txn& txn, InodeId piece, size_t limit) {
  // Gathered first: the batch must not change under the scan.
  std::vector<std::pair<uint64_t, std::string>> found;
  bool all = true;
  {
    Scan scan = txn.scan_prefix(row_prefix(Row::kExtent, piece.value));
    for (; scan.valid(); scan.next()) {
      if (found.size() == limit) {
        all = false;
        break;
      }
      found.emplace_back(key_offset(scan.key()), std::string(scan.value()));
    }
    ATOLL_TRY_STATUS(scan.status());
  }
  for (const auto& [offset, value] : found) {
    ExtentRecord record;
    ATOLL_TRY_STATUS(decode(value, &record));
    ATOLL_TRY_STATUS(drop_extent(txn, piece, offset, record));
  }
  return all;
}

Status drop_data(Txn& txn, InodeId piece) {
  ATOLL_TRY(const bool all, drop_extents(txn, piece, kReclaimAtOnce));
  if (all) return {};
  ATOLL_PROBE("reclaim_deferred");
  txn.put(reclaim_key(piece, static_cast<uint8_t>(ReclaimKind::kData)), {});
  txn.note_reclaim();
  return {};
}

Status release_inode(Txn& txn, InodeId inode) {
  ATOLL_TRY(InodeRecord record, txn.load<InodeRecord>(inode_key(inode)));
  if (record.type == InodeType::kDirectory || record.nlink == 0)
    return fail(Errc::kCorrupt, "the view releases an inode that is no file");
  if (--record.nlink > 0) {
    record.ctime = txn.now();
    txn.put_record(inode_key(inode), record);
    return {};
  }
  txn.erase(inode_key(inode));
  for (size_t i = 0; i < record.pieces.size(); ++i) {
    // A scan for each of the first few pieces; the rest is left to the reclaimer unseen.
    if (i < 4) {
      ATOLL_TRY_STATUS(drop_data(txn, record.pieces[i].data));
      continue;
    }
    txn.put(reclaim_key(record.pieces[i].data, static_cast<uint8_t>(ReclaimKind::kData)), {});
    txn.note_reclaim();
  }
  return {};
}

Status switch_extent(Txn& txn, InodeId piece, uint64_t offset, const ExtentRecord& old,
                     const ExtentRecord& now) {
  ATOLL_CHECK(!now.is_inline() && old.length == now.length);
  ATOLL_TRY_STATUS(drop_extent(txn, piece, offset, old));
  txn.put_record(extent_key(piece, offset), now);
  return {};
}

}  // namespace atl::ns
