// Deleted files and uploads of many rows: their rows go in steps, each a small operation.
#include "base/log.h"
#include "base/probe.h"
#include "namespace/data.h"
#include "namespace/keys.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

constexpr size_t kReclaimExtents = 512;  // extents in one step: some 50 KB of changes
constexpr size_t kReclaimRows = 64;      // parts or uploads in one step
constexpr Nanos kReclaimInterval = 30s;  // it is rung when there is something

// Keys and values of at most `limit` rows, so that the rows can be changed without a scan over
// them.
Result<std::vector<std::pair<std::string, std::string>>> take_rows(Reader& reader,
                                                                   std::string_view prefix,
                                                                   size_t limit) {
  std::vector<std::pair<std::string, std::string>> rows;
  Scan scan = reader.scan_prefix(prefix);
  for (; scan.valid() && rows.size() < limit; scan.next())
    rows.emplace_back(scan.key(), scan.value());
  ATOLL_TRY_STATUS(scan.status());
  return rows;
}

// Each returns whether nothing is left.
Result<bool> reclaim_upload(Txn& txn, InodeId upload) {
  ATOLL_TRY(const auto rows, take_rows(txn, row_prefix(Row::kPart, upload.value), kReclaimRows));
  for (const auto& [key, value] : rows) {
    PartRecord part;
    ATOLL_TRY_STATUS(decode(value, &part));
    txn.erase(key);
    ATOLL_TRY_STATUS(drop_data(txn, part.data));
  }
  return rows.size() < kReclaimRows;
}

Result<bool> reclaim_bucket_uploads(Txn& txn, InodeId bucket) {
  ATOLL_TRY(const auto rows, take_rows(txn, row_prefix(Row::kUpload, bucket.value), kReclaimRows));
  for (const auto& [key, value] : rows) {
    UploadRecord upload;
    ATOLL_TRY_STATUS(decode(value, &upload));
    txn.erase(key);
    txn.put(reclaim_key(upload.id, static_cast<uint8_t>(ReclaimKind::kUpload)), {});
  }
  return rows.size() < kReclaimRows;
}

// Returns whether there was anything to do.
Result<bool> evaluate_reclaim(Txn& txn) {
  ATOLL_TRY(const auto rows, take_rows(txn, row_prefix(Row::kReclaim), 1));
  if (rows.empty()) return false;
  const std::string& key = rows.front().first;
  const InodeId id = key_inode(key);
  Result<bool> all = fail(Errc::kCorrupt, "the view has a strange row to reclaim");
  switch (static_cast<ReclaimKind>(key.back())) {
    case ReclaimKind::kData:
      all = drop_extents(txn, id, kReclaimExtents);
      break;
    case ReclaimKind::kUpload:
      all = reclaim_upload(txn, id);
      break;
    case ReclaimKind::kBucketUploads:
      all = reclaim_bucket_uploads(txn, id);
      break;
  }
  if (!all) return fail(std::move(all).error());
  if (*all) txn.erase(key);
  return true;
}

}  // namespace

Task<Result<bool>> PartitionImpl::reclaim_once() {
  std::string what = "reclaim";
  std::function<Result<bool>(Txn&)> evaluate = evaluate_reclaim;
  co_return co_await change<bool>(std::move(what), 1, std::move(evaluate));
}

Task<void> PartitionImpl::reclaim_loop() {
  reclaim_bell_.ring();  // what was left when it last stopped
  while (!stopping_) {
    co_await reclaim_bell_.wait(env_, kReclaimInterval);
    bool more = serving_;
    while (more && !stopping_) {
      const Result<bool> done = co_await reclaim_once();
      more = done && *done;
    }
  }
}

}  // namespace atl::ns
