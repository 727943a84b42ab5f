// probe, format, open: everything about whose disk this is.
#include <fmt/format.h>

#include "base/log.h"
#include "base/probe.h"
#include "device/device_impl.h"
#include "device/superblock.h"

namespace atl::device {
namespace {

std::string describe(const Identity& id) {
  return fmt::format("device {} of domain {} of cluster {}", id.device, id.domain,
                     id.cluster.to_string());
}

// Both checkpoint slots, empty: from then on a slot without a checkpoint is a damaged one.
Task<Status> write_empty_checkpoints(Medium& medium) {
  const ZoneTable zones(medium.layout());
  for (int slot = 0; slot < 2; ++slot) {
    CheckpointInfo info;
    info.sequence = static_cast<uint64_t>(slot) + 1;
    info.incarnation = medium.superblock.identity.incarnation;
    std::string payload = encode_checkpoint(zones, ShardIndex(), SegmentIndex());
    ATOLL_CO_TRY_STATUS(co_await write_checkpoint(medium, slot, info, std::move(payload)));
  }
  co_return co_await medium.sync();
}

Task<Status> blank_superblocks(env::BlockFile& file) {
  const uint64_t offsets[2] = {0, round_down(file.size_bytes(), kBlockBytes) - kBlockBytes};
  for (uint64_t offset : offsets) {
    std::vector<Buf> bufs;
    bufs.push_back(Buf::allocate_zeroed(kBlockBytes));
    ATOLL_CO_TRY_STATUS(co_await file.write(offset, std::move(bufs)));
  }
  co_return co_await file.sync();
}

Status check_identity(const Identity& found, const OpenExpectation& expected,
                      const std::string& path) {
  if (found.cluster != expected.cluster || found.device != expected.device ||
      found.domain != expected.domain) {
    ATOLL_PROBE("device: a foreign disk");
    const Identity wanted{expected.cluster, expected.device, expected.domain, 0};
    return fail(Errc::kForeign,
                fmt::format("{} holds {}, expected {}", path, describe(found), describe(wanted)));
  }
  if (found.incarnation < expected.min_incarnation) {
    ATOLL_PROBE("device: an older disk");
    return fail(Errc::kStale, fmt::format("{} was opened {} times, the cluster has seen {}: it was "
                                          "set back to an older state",
                                          path, found.incarnation, expected.min_incarnation));
  }
  return {};
}

}  // namespace

Task<Result<Identity>> Device::probe(env::Env& env, std::string path) {
  ATOLL_CO_TRY(std::unique_ptr<env::BlockFile> file,
               co_await env.open_block_file(path, env::OpenOptions()));
  Result<SuperblockPair> pair = co_await read_superblocks(*file, env::ReadMode::kDirect);
  if (!pair) co_return fail(std::move(pair.error()).with_context(path));
  co_return pair->value().identity;
}

Task<Status> Device::format(env::Env& env, std::string path, Identity identity,
                            FormatOptions options) {
  const bool present = env.exists(path);
  env::OpenOptions open;
  open.create = !present;
  open.size_bytes = present ? 0 : round_down(options.size_bytes, kBlockBytes);
  if (!present) {
    ATOLL_CO_TRY_STATUS(Layout::plan(open.size_bytes, options.zone_bytes));
  }
  ATOLL_CO_TRY(std::unique_ptr<env::BlockFile> file, co_await env.open_block_file(path, open));
  Superblock sb;
  ATOLL_CO_TRY(sb.layout, Layout::plan(file->size_bytes(), options.zone_bytes));
  if (present) {
    Result<SuperblockPair> pair = co_await read_superblocks(*file, env::ReadMode::kDirect);
    const bool blank = !pair && pair.error().code == Errc::kBlank;
    if (!blank && !options.overwrite)
      co_return fail(Errc::kExists, pair ? path + " holds " + describe(pair->value().identity)
                                         : path + ": " + pair.error().to_string());
    // An earlier life ends here, durably, before the new one begins.
    if (!blank) {
      ATOLL_CO_TRY_STATUS(co_await blank_superblocks(*file));
    }
  }
  sb.identity = identity;
  sb.sequence = 1;
  sb.device_tag = env.random();
  sb.created_unix_nanos = static_cast<uint64_t>(env.wall_now().count());
  Medium medium(env, path, std::move(file), sb);
  ATOLL_CO_TRY_STATUS(co_await write_empty_checkpoints(medium));
  ATOLL_CO_TRY_STATUS(co_await write_superblocks(*medium.file, sb, 0));
  ATOLL_LOG(kInfo, "device", "formatted",
            {{"path", path},
             {"device", identity.device},
             {"domain", identity.domain},
             {"size", format_bytes(sb.layout.size_bytes)},
             {"zones", sb.layout.zone_count},
             {"zone_size", format_bytes(sb.layout.zone_bytes)}});
  co_return Status();
}

Task<Result<std::unique_ptr<Device>>> Device::open(env::Env& env, std::string path,
                                                   OpenExpectation expected) {
  ATOLL_CO_TRY(std::unique_ptr<env::BlockFile> file,
               co_await env.open_block_file(path, env::OpenOptions()));
  Result<SuperblockPair> pair = co_await read_superblocks(*file, env::ReadMode::kDirect);
  if (!pair) co_return fail(std::move(pair.error()).with_context(path));
  Superblock sb = pair->value();
  ATOLL_CO_TRY_STATUS(check_identity(sb.identity, expected, path));
  const auto core = std::make_shared<DeviceCore>(env, path, std::move(file), sb);
  core->adopt_self();
  // Recovery compares checkpoints with the incarnation that wrote them, so it comes before the
  // bump; nothing is appended to zones before the bump is durable.
  ATOLL_CO_TRY_STATUS(co_await core->recover(*pair));
  co_return std::make_unique<DeviceImpl>(core);
}

}  // namespace atl::device
