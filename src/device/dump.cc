#include "device/dump.h"

#include <iterator>

#include <fmt/format.h>

#include "device/index_checkpoint.h"
#include "device/zone_walker.h"

namespace atl::device {
namespace {

std::string_view stream_name(Stream s) {
  switch (s) {
    case Stream::kJournal:
      return "journal";
    case Stream::kShards:
      return "shards";
    case Stream::kMoved:
      return "moved";
  }
  return "?";
}

void dump_superblocks(const SuperblockPair& pair, std::string& out) {
  auto to = std::back_inserter(out);
  for (int copy = 0; copy < 2; ++copy) {
    if (!pair.copy[copy]) {
      fmt::format_to(to, "superblock {}: damaged\n", "AB"[copy]);
      continue;
    }
    const Superblock& sb = *pair.copy[copy];
    fmt::format_to(to, "superblock {}: sequence {} incarnation {}{}\n", "AB"[copy], sb.sequence,
                   sb.identity.incarnation, copy == pair.newest ? " (newest)" : "");
  }
  const Superblock& sb = pair.value();
  const Layout& l = sb.layout;
  fmt::format_to(to, "cluster {} device {} domain {} tag {:016x}\n",
                 sb.identity.cluster.to_string(), sb.identity.device, sb.identity.domain,
                 sb.device_tag);
  fmt::format_to(to, "size {} ({} bytes), {} zones of {} from offset {}, checkpoints of {}\n",
                 format_bytes(l.size_bytes), l.size_bytes, l.zone_count, format_bytes(l.zone_bytes),
                 l.zones_offset, format_bytes(l.checkpoint_bytes));
}

Task<Status> dump_checkpoints(Medium& medium, std::string& out) {
  auto to = std::back_inserter(out);
  for (int slot = 0; slot < 2; ++slot) {
    Result<CheckpointBytes> bytes = co_await read_checkpoint(medium, slot, env::ReadMode::kDirect);
    if (!bytes) {
      fmt::format_to(to, "checkpoint {}: {}\n", "AB"[slot], bytes.error().to_string());
      continue;
    }
    CheckpointContent content;
    Status status = decode_checkpoint(bytes->payload, medium.layout(), &content);
    fmt::format_to(
        to,
        "checkpoint {}: sequence {} incarnation {} records to {} durable to {} {} bytes"
        "{}: {}\n",
        "AB"[slot], bytes -> info.sequence, bytes->info.incarnation, bytes->info.last_sequence,
        bytes->info.durable_before, bytes->payload.size(), bytes->info.clean ? " clean" : "",
        status
            ? fmt::format("{} shards, {} segments", content.shards.size(), content.segments.size())
            : status.error().to_string());
  }
  co_return Status();
}

void dump_record(const WalkedRecord& record, std::string& out) {
  auto to = std::back_inserter(out);
  const RecordHeader& h = record.header;
  const bool good = payload_matches(h, record.bytes.span());
  fmt::format_to(to, "  block {} +{} seq {} durable {} ", h.place.block, h.blocks, h.sequence,
                 h.durable_before);
  switch (h.type) {
    case RecordType::kShard:
      fmt::format_to(to, "shard {}.{} {} bytes", h.shard.stripe, h.shard.index, h.payload_bytes);
      break;
    case RecordType::kRun:
      fmt::format_to(to,
                     "run segment {} partition {} lsn {}+{} epoch {} promised {} chain "
                     "{:08x}>{:08x} {} bytes",
                     h.segment, h.partition, h.first_lsn, h.count, h.epoch, h.promised,
                     h.chain_before, h.chain_after, h.payload_bytes);
      break;
    case RecordType::kPromise:
      fmt::format_to(to, "promise segment {} partition {} promised {}{} first lsn {}", h.segment,
                     h.partition, h.promised, h.sealed ? " sealed" : "", h.segment_first_lsn);
      break;
  }
  out += good ? "\n" : " DAMAGED PAYLOAD\n";
}

Task<Status> dump_zone(Medium& medium, uint32_t zone, DumpOptions options, std::string& out) {
  auto to = std::back_inserter(out);
  const Layout& layout = medium.layout();
  const uint32_t blocks[2] = {0, layout.end_block()};
  std::optional<ZoneHeader> newest;
  std::string copies;
  for (uint32_t block : blocks) {
    Result<Buf> bytes =
        co_await medium.read(layout.offset(zone, block), kBlockBytes, env::ReadMode::kDirect);
    std::optional<ZoneHeader> header;
    if (bytes) header = decode_zone_header(bytes->span(), medium.superblock.device_tag, zone);
    if (header && (!newest || header->generation > newest->generation)) newest = header;
    copies += header ? fmt::format(" {}", header->generation) : std::string(" -");
  }
  if (!newest) co_return Status();
  fmt::format_to(to, "zone {}: {} generation{} opened at seq {}\n", zone,
                 stream_name(newest->stream), copies, newest->sequence);
  if (!options.records) co_return Status();
  ZoneWalker walker(medium, zone, newest->generation, layout.first_block(), layout.end_block(),
                    WalkMode::kWhole);
  while (true) {
    ATOLL_CO_TRY(std::optional<WalkedRecord> record, co_await walker.next());
    if (!record) break;
    dump_record(*record, out);
  }
  co_return Status();
}

}  // namespace

Task<Result<std::string>> dump_device(env::Env& env, std::string path, DumpOptions options) {
  ATOLL_CO_TRY(std::unique_ptr<env::BlockFile> file,
               co_await env.open_block_file(path, env::OpenOptions()));
  Result<SuperblockPair> pair = co_await read_superblocks(*file, env::ReadMode::kDirect);
  if (!pair) co_return fail(std::move(pair.error()).with_context(path));
  std::string out;
  dump_superblocks(*pair, out);
  Medium medium(env, path, std::move(file), pair->value());
  ATOLL_CO_TRY_STATUS(co_await dump_checkpoints(medium, out));
  for (uint32_t zone = 0; zone < medium.layout().zone_count; ++zone) {
    ATOLL_CO_TRY_STATUS(co_await dump_zone(medium, zone, options, out));
  }
  co_return std::move(out);
}

}  // namespace atl::device
