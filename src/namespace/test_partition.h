// A partition over in-memory twins in a simulated world, and a small language to drive it in tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include "env/sim_env.h"
#include "namespace/memory_journal.h"
#include "namespace/memory_stripes.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

// Bytes that tell from which object and version they are.
inline std::string body_of(size_t size, uint64_t seed) {
  std::string body(size, '\0');
  uint64_t x = seed * 0x9E3779B97F4A7C15ull + 1;
  for (char& c : body) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    c = static_cast<char>(x);
  }
  return body;
}

inline FileData inline_data(std::string_view bytes) {
  FileData data;
  data.size = bytes.size();
  if (bytes.empty()) return data;
  Extent extent;
  extent.length = static_cast<uint32_t>(bytes.size());
  extent.bytes = Buf::copy_of(bytes);
  data.extents.push_back(std::move(extent));
  return data;
}

inline ObjectMeta meta_of(std::string etag) {
  ObjectMeta meta;
  meta.etag = std::move(etag);
  return meta;
}

class TestPartition {
 public:
  explicit TestPartition(uint64_t seed = 1)
      : env(seed),
        log(std::make_shared<MemoryJournalLog>()),
        stripes(env),
        rocksdb_env(rocksdb::NewMemEnv(rocksdb::Env::Default())) {
    options.view_path = "/view";
    options.rocksdb_env = rocksdb_env.get();
    options.deterministic = true;
    cluster.bytes[0] = 7;
  }
  ~TestPartition() {
    if (partition) crash();
  }

  Status open() {
    PartitionPorts ports{.env = env, .stripes = stripes, .cluster = cluster, .take_over = {}};
    ports.take_over = [this] { return MemoryJournal::take(&env, log); };
    auto opened = std::make_unique<PartitionImpl>(std::move(ports), options);
    const Status status = env.run(opened->start());
    if (status) partition = std::move(opened);
    return status;
  }
  // Stops without writing anything more: what RocksDB has not flushed is lost.
  void crash() {
    env.run(partition->stop());
    partition.reset();
    stripes.forget_in_flight();
  }
  void close() {
    const Status closed = env.run(partition->close());
    ASSERT_TRUE(closed) << closed.error().to_string();
    partition.reset();
  }
  void lose_view() { ASSERT_TRUE(View::wipe(view_options())); }
  ViewOptions view_options() const { return {options.view_path, options.rocksdb_env, true}; }
  void restart() {
    crash();
    const Status opened = open();
    ASSERT_TRUE(opened) << opened.error().to_string();
  }

  // --- calls ---
  Result<PutResult> put(const std::string& bucket, const std::string& key, std::string_view bytes,
                        Conditions conditions = {}, ObjectMeta meta = {}) {
    if (meta.etag.empty()) meta.etag = etag_of(bytes);
    return env.run(partition->put_object(bucket, key, std::move(meta), inline_data(bytes),
                                         std::move(conditions)));
  }
  // As the client does it: full stripes, and the rest in one more.
  FileData striped(std::string_view bytes) {
    FileData data;
    data.size = bytes.size();
    for (size_t at = 0; at < bytes.size(); at += stripes.full_bytes) {
      const std::string_view piece = bytes.substr(at, stripes.full_bytes);
      auto ref = env.run(stripes.write(Buf::copy_of(piece), device::WriteClass::kUser));
      EXPECT_TRUE(ref);
      Extent extent;
      extent.offset = at;
      extent.length = static_cast<uint32_t>(piece.size());
      extent.stripe = *ref;
      data.extents.push_back(std::move(extent));
    }
    return data;
  }
  Result<PutResult> put_striped(const std::string& bucket, const std::string& key,
                                std::string_view bytes) {
    FileData data = striped(bytes);
    return env.run(
        partition->put_object(bucket, key, meta_of(etag_of(bytes)), std::move(data), {}));
  }
  Result<ObjectInfo> head(const std::string& bucket, const std::string& key) {
    return env.run(partition->get_object(bucket, key, false));
  }
  Result<std::string> read(const ObjectInfo& info) {
    std::string bytes;
    for (const Extent& x : info.extents) {
      EXPECT_EQ(x.offset, bytes.size());
      if (x.is_inline()) {
        bytes += x.bytes.view();
        continue;
      }
      auto read = env.run(stripes.read(x.stripe, x.stripe_offset, x.length));
      if (!read) return fail(read.error());
      for (const Buf& buf : *read) bytes += buf.view();
    }
    EXPECT_EQ(bytes.size(), info.size);
    return bytes;
  }
  Result<std::string> get(const std::string& bucket, const std::string& key) {
    auto info = env.run(partition->get_object(bucket, key, true));
    if (!info) return fail(info.error());
    return read(*info);
  }
  Status remove(const std::string& bucket, const std::string& key) {
    return env.run(partition->delete_object(bucket, key, {}));
  }
  Result<ListResult> list(const std::string& bucket, ListRequest request = {}) {
    return env.run(partition->list(bucket, std::move(request)));
  }
  std::vector<std::string> keys(const std::string& bucket) {
    ListRequest all;
    all.max_entries = 1'000'000;
    auto listed = list(bucket, all);
    EXPECT_TRUE(listed);
    std::vector<std::string> out;
    for (const ListEntry& entry : listed->entries) out.push_back(entry.key);
    return out;
  }
  void make_bucket(const std::string& name) {
    auto made = env.run(partition->create_bucket(name, "me"));
    ASSERT_TRUE(made) << made.error().to_string();
  }
  void expect_consistent() {
    auto found = env.run(partition->check_consistency());
    ASSERT_TRUE(found) << found.error().to_string();
    for (const std::string& what : *found) ADD_FAILURE() << what;
  }
  // Lets the background do what it has to.
  void settle() { env.run_for(3s); }
  // Every stripe that exists is in the catalog or in flight, and the other way round.
  void expect_no_garbage() {
    settle();
    const std::vector<StripeId> listed = env.run(catalog_ids());
    for (const StripeId id : stripes.ids()) {
      if (!std::binary_search(listed.begin(), listed.end(), id)) {
        ADD_FAILURE() << "stripe " << id.value << " is garbage";
      }
    }
    for (const StripeId id : listed) EXPECT_TRUE(stripes.has(id)) << "stripe " << id.value;
    EXPECT_TRUE(stripes.in_flight.empty());
  }
  // As maintenance does it: what no catalog knows and nobody is writing goes.
  void collect_orphans() {
    for (const StripeId id : stripes.ids()) {
      const auto needed = env.run(partition->catalog().contains(id));
      ASSERT_TRUE(needed);
      if (!*needed && !stripes.in_flight.contains(id)) stripes.drop(id);
    }
  }
  Task<std::vector<StripeId>> catalog_ids() {
    std::vector<StripeId> ids;
    StripeId after;
    while (true) {
      auto page = co_await partition->catalog().list(after, 7);
      EXPECT_TRUE(page);
      if (!page || page->empty()) break;
      for (const auto& ref : *page) ids.push_back(ref.id);
      after = ids.back();
    }
    co_return ids;
  }

  static std::string etag_of(std::string_view bytes) {
    return fmt::format("{:08x}-x{}", crc32c(as_bytes(bytes)), bytes.size());
  }

  env::SimEnv env;
  std::shared_ptr<MemoryJournalLog> log;
  MemoryStripes stripes;
  std::unique_ptr<rocksdb::Env> rocksdb_env;
  PartitionOptions options;
  Uuid cluster;
  std::unique_ptr<PartitionImpl> partition;
};

}  // namespace atl::ns
