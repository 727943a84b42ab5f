#include "namespace/keys.h"

#include "base/check.h"
#include "base/codec.h"

namespace atl::ns {

namespace {

std::string start(Row row, size_t reserve) {
  std::string key;
  key.reserve(1 + reserve);
  key.push_back(static_cast<char>(row));
  return key;
}

std::string with_id(Row row, uint64_t id, size_t more = 0) {
  std::string key = start(row, 8 + more);
  append_be64(&key, id);
  return key;
}

}  // namespace

std::string applied_key() {
  return start(Row::kApplied, 0);
}
std::string counters_key() {
  return start(Row::kCounters, 0);
}

std::string bucket_key(std::string_view name) {
  std::string key = start(Row::kBucket, name.size());
  key.append(name);
  return key;
}

std::string inode_key(InodeId inode) {
  return with_id(Row::kInode, inode.value);
}

std::string file_entry_key(InodeId directory, std::string_view name) {
  ATOLL_CHECK(!name.empty());
  std::string key = with_id(Row::kEntry, directory.value, name.size());
  key.append(name);
  return key;
}

std::string directory_entry_key(InodeId directory, std::string_view name) {
  std::string key = file_entry_key(directory, name);
  key.push_back('/');
  return key;
}

std::string off_path_key(InodeId bucket, std::string_view object_key) {
  std::string key = with_id(Row::kOffPath, bucket.value, object_key.size());
  key.append(object_key);
  return key;
}

std::string extent_key(InodeId data, uint64_t offset) {
  std::string key = with_id(Row::kExtent, data.value, 8);
  append_be64(&key, offset);
  return key;
}

std::string inline_key(InodeId data, uint64_t offset) {
  std::string key = with_id(Row::kInline, data.value, 8);
  append_be64(&key, offset);
  return key;
}

std::string stripe_key(StripeId stripe) {
  return with_id(Row::kStripe, stripe.value);
}
std::string to_free_key(StripeId stripe) {
  return with_id(Row::kToFree, stripe.value);
}

std::string back_ref_key(StripeId stripe, InodeId data, uint64_t offset) {
  std::string key = with_id(Row::kBackRef, stripe.value, 16);
  append_be64(&key, data.value);
  append_be64(&key, offset);
  return key;
}

std::string upload_key(InodeId bucket, std::string_view object_key, std::string_view upload_id) {
  std::string key = with_id(Row::kUpload, bucket.value, object_key.size() + 1 + upload_id.size());
  key.append(object_key);
  key.push_back('\0');
  key.append(upload_id);
  return key;
}

std::string part_key(InodeId upload, uint32_t number) {
  std::string key = with_id(Row::kPart, upload.value, 4);
  append_be32(&key, number);
  return key;
}

std::string reclaim_key(InodeId id, uint8_t kind) {
  std::string key = with_id(Row::kReclaim, id.value, 1);
  key.push_back(static_cast<char>(kind));
  return key;
}

std::string row_prefix(Row row) {
  return start(row, 0);
}
std::string row_prefix(Row row, uint64_t id) {
  return with_id(row, id);
}

std::string after_prefix(std::string_view prefix) {
  std::string next(prefix);
  while (!next.empty() && static_cast<uint8_t>(next.back()) == 0xff) next.pop_back();
  if (!next.empty()) next.back() = static_cast<char>(static_cast<uint8_t>(next.back()) + 1);
  return next;
}

InodeId key_inode(std::string_view key) {
  ATOLL_CHECK(key.size() >= 9);
  return InodeId(read_be64(key.data() + 1));
}

StripeId key_stripe(std::string_view key) {
  ATOLL_CHECK(key.size() >= 9);
  return StripeId(read_be64(key.data() + 1));
}

std::string_view key_tail(std::string_view key) {
  ATOLL_CHECK(key.size() >= 9);
  return key.substr(9);
}

uint64_t key_offset(std::string_view key) {
  ATOLL_CHECK(key.size() == 17);
  return read_be64(key.data() + 9);
}

uint32_t key_part_number(std::string_view key) {
  ATOLL_CHECK(key.size() == 13);
  return read_be32(key.data() + 9);
}

bool key_well_formed(std::string_view key) {
  if (key.empty()) return false;
  switch (static_cast<Row>(key[0])) {
    case Row::kApplied:
    case Row::kCounters:
      return key.size() == 1;
    case Row::kBucket:
      return key.size() > 1;
    case Row::kInode:
    case Row::kStripe:
    case Row::kToFree:
      return key.size() == 9;
    case Row::kEntry:
    case Row::kOffPath:
      return key.size() > 9;
    case Row::kUpload:
      return key.size() > 10 && key.find('\0', 9) != std::string_view::npos;
    case Row::kExtent:
    case Row::kInline:
      return key.size() == 17;
    case Row::kPart:
      return key.size() == 13;
    case Row::kReclaim:
      return key.size() == 10;
    case Row::kBackRef:
      return key.size() == 25;
  }
  return false;
}

}  // namespace atl::ns
