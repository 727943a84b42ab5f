// How RocksDB is set up, and what bounds its memory.
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "base/log.h"
#include "base/units.h"
#include "namespace/view.h"

namespace atl::ns {

namespace {

// Three memtables of 24 MiB and 64 MiB of blocks (with indexes and filters in them) hold the view
// of a million small objects well under 200 MiB.
constexpr size_t kMemtableBytes = 24_MiB;
constexpr int kMemtables = 3;
constexpr size_t kBlockCacheBytes = 64_MiB;
constexpr size_t kBlockBytes = 8_KiB;     // a lookup reads one; metadata rows are 50 to 300 bytes
constexpr uint64_t kTableBytes = 24_MiB;  // four full 6+2 stripes in a checkpoint
constexpr int kOpenFilesMax = 256;
constexpr double kBloomBitsPerKey = 10;  // 1% false positives
// Rows that are queues (inline marks, stripes to free) leave tombstones at their front: a table
// with this many in a window is compacted, so that scans stay short.
constexpr size_t kTombstoneWindow = 4096;
constexpr size_t kTombstonesMax = 2048;
// Deterministic mode: no memtable ever fills by itself; the partition flushes on its own count.
constexpr size_t kDeterministicMemtableBytes = 1_GiB;

// RocksDB's own log: only its errors, among ours.
class ErrorLogger final : public rocksdb::Logger {
 public:
  ErrorLogger() : rocksdb::Logger(rocksdb::InfoLogLevel::ERROR_LEVEL) {}
  void Logv(const char* format, va_list arguments) override {
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    ATOLL_LOG(kWarn, "namespace", "rocksdb", {{"says", std::string_view(line)}});
  }
};

}  // namespace

rocksdb::Options rocksdb_options(const ViewOptions& options) {
  rocksdb::Options o;
  if (options.env != nullptr) o.env = options.env;
  o.info_log = std::make_shared<ErrorLogger>();
  o.info_log_level = rocksdb::InfoLogLevel::ERROR_LEVEL;
  o.paranoid_checks = true;
  o.avoid_flush_during_shutdown = true;  // what is not flushed is in the journal
  o.stats_dump_period_sec = 0;
  o.stats_persist_period_sec = 0;
  o.max_open_files = kOpenFilesMax;
  o.max_background_jobs = 2;
  o.write_buffer_size = kMemtableBytes;
  o.max_write_buffer_number = kMemtables;
  o.min_write_buffer_number_to_merge = 1;
  o.level0_file_num_compaction_trigger = 4;
  o.level0_slowdown_writes_trigger = 40;  // a stall would hold up the reactor: let level 0 grow
  o.level0_stop_writes_trigger = 80;
  o.target_file_size_base = kTableBytes;
  o.max_bytes_for_level_base = 96_MiB;
  o.level_compaction_dynamic_level_bytes = true;
  o.ttl = 0;
  o.periodic_compaction_seconds = 0;
  // Each table's CRC-32C goes into the manifest: checkpoints and verification compare with it.
  o.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  o.compression = rocksdb::kNoCompression;
  const auto& supported = rocksdb::GetSupportedCompressions();
  if (!options.deterministic &&
      std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end())
    o.compression = rocksdb::kLZ4Compression;

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes, 0);
  table.block_size = kBlockBytes;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 8_KiB;
  table.pin_top_level_index_and_filter = true;
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  if (options.deterministic) {
    o.write_buffer_size = kDeterministicMemtableBytes;
    o.arena_block_size = 256_KiB;
    o.disable_auto_compactions = true;
    o.level0_slowdown_writes_trigger = 1 << 20;
    o.level0_stop_writes_trigger = 1 << 20;
    o.max_subcompactions = 1;
  } else {
    o.table_properties_collector_factories.push_back(
        rocksdb::NewCompactOnDeletionCollectorFactory(kTombstoneWindow, kTombstonesMax));
  }
  return o;
}

}  // namespace atl::ns
