// Multipart uploads. Each part's bytes are a piece of its own, which joins the finished object as
// it is: completing an upload moves no extent, whatever its size.
#include "base/check.h"
#include "namespace/keys.h"
#include "namespace/ops.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

struct UploadArgs {
  std::string bucket;
  KeyPath path;
  std::string upload_id;
};

struct PutPartArgs : UploadArgs {
  PartInfo part;
  FileData data;
};

struct CompleteArgs : UploadArgs {
  std::vector<CompletedPart> parts;
  ObjectMeta meta;
  Conditions conditions;
};

struct FoundUpload {
  BucketRecord bucket;
  std::string row;
  UploadRecord upload;
};

Result<FoundUpload> find_upload(Reader& reader, const UploadArgs& args) {
  FoundUpload found;
  ATOLL_TRY(found.bucket, load_bucket(reader, args.bucket));
  if (args.upload_id.empty() || args.upload_id.size() > kMaxUploadIdBytes)
    return fail(no_upload(args.upload_id));
  found.row = upload_key(found.bucket.directory, args.path.key, args.upload_id);
  ATOLL_TRY(auto upload, reader.find<UploadRecord>(found.row));
  if (!upload) return fail(no_upload(args.upload_id));
  found.upload = std::move(*upload);
  return found;
}

UploadInfo info_of(const std::string& bucket, std::string_view key, std::string_view id,
                   UploadRecord upload) {
  UploadInfo info;
  info.upload_id = std::string(id);
  info.bucket = bucket;
  info.key = std::string(key);
  info.initiated = upload.initiated;
  info.initiator = std::move(upload.initiator);
  info.meta = std::move(upload.meta);
  info.checksum_algorithm = upload.checksum_algorithm;
  info.checksum_composite = upload.checksum_composite;
  return info;
}

PartInfo info_of(uint32_t number, PartRecord part) {
  return PartInfo{number, part.size, part.mtime, std::move(part.etag), std::move(part.checksum)};
}

Result<PartInfo> evaluate_put_part(Txn& txn, const PutPartArgs& args) {
  ATOLL_TRY(const FoundUpload found, find_upload(txn, args));
  const std::string row = part_key(found.upload.id, args.part.number);
  ATOLL_TRY(const auto old, txn.find<PartRecord>(row));
  PartRecord part;
  part.data = txn.next_id();
  part.size = args.data.size;
  part.mtime = txn.now();
  part.etag = args.part.etag;
  part.checksum = args.part.checksum;
  ATOLL_TRY_STATUS(store_data(txn, part.data, args.data));
  txn.put_record(row, part);
  if (old) ATOLL_TRY_STATUS(drop_data(txn, old->data));
  return info_of(args.part.number, std::move(part));
}

Result<std::map<uint32_t, PartRecord>> load_parts(Reader& reader, InodeId upload) {
  std::map<uint32_t, PartRecord> parts;
  Scan scan = reader.scan_prefix(row_prefix(Row::kPart, upload.value));
  for (; scan.valid(); scan.next())
    ATOLL_TRY_STATUS(decode(scan.value(), &parts[key_part_number(scan.key())]));
  ATOLL_TRY_STATUS(scan.status());
  return parts;
}

Result<PutResult> evaluate_complete(Txn& txn, const CompleteArgs& args) {
  ATOLL_TRY(const FoundUpload found, find_upload(txn, args));
  ATOLL_TRY(auto there, load_parts(txn, found.upload.id));
  std::vector<Piece> pieces;
  std::set<uint32_t> chosen;
  uint32_t last = 0;
  for (const CompletedPart& part : args.parts) {
    if (part.number <= last)
      return fail(Errc::kInvalidArgument, "parts must be in ascending order");
    last = part.number;
    const auto it = there.find(part.number);
    if (it == there.end())
      return fail(Errc::kInvalidArgument, fmt::format("part {} does not exist", part.number));
    if (it->second.etag != part.etag)
      return fail(Errc::kInvalidArgument, fmt::format("part {} has another etag", part.number));
    if (it->second.size > 0) pieces.push_back({it->second.data, it->second.size});
    chosen.insert(part.number);
  }
  if (chosen.empty()) return fail(Errc::kInvalidArgument, "an upload needs at least one part");
  InodeRecord file = new_file(txn, args.meta, std::move(pieces));
  if (file.size > kMaxObjectBytes) return fail(Errc::kTooLarge, "objects are limited to 5 TiB");
  ATOLL_TRY(Place place, find_place(txn, found.bucket.directory, args.path));
  ATOLL_TRY_STATUS(check_conditions(txn, args.conditions, place.object(), args.path.key));
  for (const auto& [number, part] : there) {
    txn.erase(part_key(found.upload.id, number));
    if (!chosen.contains(number)) ATOLL_TRY_STATUS(drop_data(txn, part.data));
  }
  txn.erase(found.row);
  return install_object(txn, args.path, &place, txn.next_id(), std::move(file));
}

Status prepare(UploadArgs& args, std::string bucket, std::string key, std::string upload_id) {
  args.bucket = std::move(bucket);
  args.upload_id = std::move(upload_id);
  return KeyPath::parse(std::move(key), &args.path);
}

std::string name_of(const char* what, const UploadArgs& args) {
  return std::string(what) + " " + args.bucket + "/" + args.path.key;
}

}  // namespace

Task<Result<UploadInfo>> PartitionImpl::create_upload(std::string bucket, std::string key,
                                                      UploadInfo upload) {
  auto args = std::make_shared<UploadArgs>();
  ATOLL_CO_TRY_STATUS(prepare(*args, std::move(bucket), std::move(key), upload.upload_id));
  if (args->upload_id.size() > kMaxUploadIdBytes || args->upload_id.find('\0') != std::string::npos)
    co_return fail(Errc::kInvalidArgument, "not an upload id");
  const uint64_t random = env_.random();
  std::function<Result<UploadInfo>(Txn&)> evaluate =
      [args, random, upload = std::move(upload)](Txn& txn) -> Result<UploadInfo> {
    ATOLL_TRY(const BucketRecord in, load_bucket(txn, args->bucket));
    UploadRecord record;
    record.id = txn.next_id();
    record.initiated = txn.now();
    record.initiator = upload.initiator;
    record.meta = upload.meta;
    record.checksum_algorithm = upload.checksum_algorithm;
    record.checksum_composite = upload.checksum_composite;
    // Ids sort by when they were begun, as S3 lists uploads of one key.
    const std::string id = args->upload_id.empty()
                               ? fmt::format("{:016x}{:016x}", record.id.value, random)
                               : args->upload_id;
    const std::string row = upload_key(in.directory, args->path.key, id);
    ATOLL_TRY(const auto old, txn.find<UploadRecord>(row));
    if (old) return fail(Errc::kExists, "upload " + id + " exists");
    txn.put_record(row, record);
    return info_of(args->bucket, args->path.key, id, std::move(record));
  };
  std::string what = name_of("create upload", *args);
  co_return co_await change<UploadInfo>(std::move(what), 1, std::move(evaluate));
}

Task<Result<UploadInfo>> PartitionImpl::get_upload(std::string bucket, std::string key,
                                                   std::string upload_id) {
  UploadArgs args;
  ATOLL_CO_TRY_STATUS(prepare(args, std::move(bucket), std::move(key), std::move(upload_id)));
  std::function<Result<UploadInfo>(Reader&)> lookup =
      [&args](Reader& reader) -> Result<UploadInfo> {
    ATOLL_TRY(FoundUpload found, find_upload(reader, args));
    return info_of(args.bucket, args.path.key, args.upload_id, std::move(found.upload));
  };
  co_return co_await look<UploadInfo>(std::move(lookup), false);
}

Task<Result<PartInfo>> PartitionImpl::put_part(std::string bucket, std::string key,
                                               std::string upload_id, PartInfo part,
                                               FileData data) {
  auto args = std::make_shared<PutPartArgs>();
  args->part = std::move(part);
  args->data = std::move(data);
  const uint64_t inline_bytes = inline_bytes_of(args->data);
  Status ready = prepare(*args, std::move(bucket), std::move(key), std::move(upload_id));
  if (ready && (args->part.number == 0 || args->part.number > kMaxParts))
    ready = fail(Errc::kInvalidArgument, "part numbers are 1 to 10000");
  if (ready) ready = check_file_data(args->data);
  if (ready) ready = co_await wait_for_room(inline_bytes);
  if (!ready) {
    settle_body(args->data, ready);
    co_return fail(std::move(ready).error());
  }
  std::function<Result<PartInfo>(Txn&)> evaluate = [args](Txn& txn) {
    return evaluate_put_part(txn, *args);
  };
  std::string what = name_of("put part", *args);
  Result<PartInfo> put =
      co_await change<PartInfo>(std::move(what), cost_of(inline_bytes), std::move(evaluate));
  settle_body(args->data, put ? Status{} : Status(fail(put.error())));
  co_return put;
}

Task<Result<std::vector<PartInfo>>> PartitionImpl::list_parts(std::string bucket, std::string key,
                                                              std::string upload_id, uint32_t after,
                                                              size_t limit) {
  UploadArgs args;
  ATOLL_CO_TRY_STATUS(prepare(args, std::move(bucket), std::move(key), std::move(upload_id)));
  std::function<Result<std::vector<PartInfo>>(Reader&)> lookup =
      [&args, after, limit](Reader& reader) -> Result<std::vector<PartInfo>> {
    std::vector<PartInfo> parts;
    ATOLL_TRY(const FoundUpload found, find_upload(reader, args));
    if (after == UINT32_MAX) return parts;
    Scan scan = reader.scan(part_key(found.upload.id, after + 1),
                            after_prefix(row_prefix(Row::kPart, found.upload.id.value)));
    for (; scan.valid() && parts.size() < limit; scan.next()) {
      PartRecord part;
      ATOLL_TRY_STATUS(decode(scan.value(), &part));
      parts.push_back(info_of(key_part_number(scan.key()), std::move(part)));
    }
    ATOLL_TRY_STATUS(scan.status());
    return parts;
  };
  co_return co_await look<std::vector<PartInfo>>(std::move(lookup), false);
}

Task<Result<std::vector<UploadInfo>>> PartitionImpl::list_uploads(std::string bucket,
                                                                  std::string prefix,
                                                                  std::string key_after,
                                                                  std::string id_after,
                                                                  size_t limit) {
  std::function<Result<std::vector<UploadInfo>>(Reader&)> lookup =
      [&](Reader& reader) -> Result<std::vector<UploadInfo>> {
    std::vector<UploadInfo> uploads;
    ATOLL_TRY(const BucketRecord in, load_bucket(reader, bucket));
    const std::string rows = row_prefix(Row::kUpload, in.directory.value);
    std::string from = rows + prefix;
    if (!key_after.empty()) {
      // Rows are key NUL id: NUL sorts below any byte of a longer key.
      const std::string after =
          rows + key_after +
          (id_after.empty() ? std::string("\x01", 1)
                            : std::string("\0", 1) + id_after + std::string("\0", 1));
      from = std::max(from, after);
    }
    Scan scan = reader.scan(from, after_prefix(rows + prefix));
    for (; scan.valid() && uploads.size() < limit; scan.next()) {
      const std::string_view tail = key_tail(scan.key());
      const size_t nul = tail.find('\0');
      if (nul == std::string_view::npos)
        return fail(Errc::kCorrupt, "the view has a strange upload");
      UploadRecord upload;
      ATOLL_TRY_STATUS(decode(scan.value(), &upload));
      uploads.push_back(
          info_of(bucket, tail.substr(0, nul), tail.substr(nul + 1), std::move(upload)));
    }
    ATOLL_TRY_STATUS(scan.status());
    return uploads;
  };
  co_return co_await look<std::vector<UploadInfo>>(std::move(lookup), true);
}

Task<Result<PutResult>> PartitionImpl::complete_upload(std::string bucket, std::string key,
                                                       std::string upload_id,
                                                       std::vector<CompletedPart> parts,
                                                       ObjectMeta meta, Conditions conditions) {
  auto args = std::make_shared<CompleteArgs>();
  args->parts = std::move(parts);
  args->meta = std::move(meta);
  args->conditions = std::move(conditions);
  ATOLL_CO_TRY_STATUS(prepare(*args, std::move(bucket), std::move(key), std::move(upload_id)));
  std::function<Result<PutResult>(Txn&)> evaluate = [args](Txn& txn) {
    return evaluate_complete(txn, *args);
  };
  std::string what = name_of("complete upload", *args);
  co_return co_await change<PutResult>(std::move(what), 1, std::move(evaluate));
}

Task<Status> PartitionImpl::abort_upload(std::string bucket, std::string key,
                                         std::string upload_id) {
  auto args = std::make_shared<UploadArgs>();
  ATOLL_CO_TRY_STATUS(prepare(*args, std::move(bucket), std::move(key), std::move(upload_id)));
  std::function<Status(Txn&)> evaluate = [args](Txn& txn) -> Status {
    ATOLL_TRY(const FoundUpload found, find_upload(txn, *args));
    txn.erase(found.row);
    txn.put(reclaim_key(found.upload.id, static_cast<uint8_t>(ReclaimKind::kUpload)), {});
    txn.note_reclaim();
    return {};
  };
  std::string what = name_of("abort upload", *args);
  co_return co_await change_status(std::move(what), std::move(evaluate));
}

}  // namespace atl::ns
