// What is at a path: reads, judges, never writes.

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/probe.h"
#include "coord/embedded_core.h"
#include "env/sync.h"

namespace atl::coord {
namespace {

// A file of another length: nothing of ours, unless it is what a creation left that was cut short.
constexpr uint64_t kStubBytesMax = kFileBytes;

Task<bool> is_blank_stub(env::Env& env, std::string path) {
  env::OpenOptions options;
  auto file = co_await env.open_block_file(path, options);
  if (!file || (*file)->size_bytes() >= kStubBytesMax) co_return false;
  const uint64_t whole = round_down((*file)->size_bytes(), env::kBlockSize);
  for (uint64_t at = 0; at < whole; at += kSlotBytes) {
    Result<Buf> read = co_await (*file)->read(at, std::min<uint64_t>(kSlotBytes, whole - at),
                                              env::ReadMode::kCached);
    if (!read) co_return false;
    ByteSpan bytes = read->span();
    if (std::any_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b != 0; })) co_return false;
  }
  co_return true;
}

void judge_content(CopyProbe* probe) {
  const CopyView& view = probe->view;
  CopyStatus& status = probe->status;
  const SnapshotHeader* newest = probe->newest();
  const std::string slots =
      fmt::format("slot 0: {}; slot 1: {}", view.slots[0].detail, view.slots[1].detail);
  if (newest == nullptr) {
    auto any = [&](Errc code) { return view.slots[0].code == code || view.slots[1].code == code; };
    status.health = view.blank()              ? CopyHealth::kBlank
                    : any(Errc::kIo)          ? CopyHealth::kFailing
                    : any(Errc::kUnsupported) ? CopyHealth::kForeign
                                              : CopyHealth::kDamaged;
    status.detail = view.blank() ? "never written, or blanked" : slots;
    return;
  }
  for (const SlotView& slot : view.slots) {
    if (slot.code == Errc::kUnsupported && !slot.good) {
      // A later version wrote here: it knows better than we do.
      status.health = CopyHealth::kForeign;
      status.detail = slot.detail;
      return;
    }
    if (slot.good && slot.header->cluster != newest->cluster) {
      // Only creation writes over an unfinished creation; anything else is not ours to explain.
      status.health = newest->forming ? CopyHealth::kUnfinished : CopyHealth::kDamaged;
      status.detail = "its slots are of two clusters";
      return;
    }
    if (!slot.good && slot.code != Errc::kBlank) ATOLL_PROBE("coord.slot_damaged_at_open");
  }
  status.health = CopyHealth::kOk;
  status.revision = newest->revision;
}

Task<Result<CopyProbe>> probe_copy_whole(env::Env& env, std::string path) {
  CopyProbe probe;
  probe.status.path = path;
  Result<std::shared_ptr<CopyFile>> file = co_await CopyFile::open(env, path);
  if (!file) {
    probe.code = file.error().code;
    probe.status.detail = file.error().message;
    probe.status.health = CopyHealth::kFailing;
    if (probe.code == Errc::kNotFound) {
      probe.status.health = CopyHealth::kMissing;
      probe.status.detail = "no such file";
    } else if (probe.code == Errc::kCorrupt) {
      bool stub = co_await is_blank_stub(env, path);
      probe.status.health = stub ? CopyHealth::kBlank : CopyHealth::kDamaged;
    }
    co_return probe;
  }
  probe.code = Errc{};
  probe.file = *file;
  probe.view = co_await CopyFile::read(*file, env::ReadMode::kCached);
  judge_content(&probe);
  co_return probe;
}

// Neither slot is whole, yet a header says that this is copy `index`: it may be written anew.
bool damaged_but_ours(const CopyProbe& probe, const Uuid& cluster, size_t index, size_t count) {
  if (probe.status.health != CopyHealth::kDamaged) return false;
  bool ours = false;
  for (const SlotView& slot : probe.view.slots) {
    if (!slot.header) continue;
    if (slot.header->cluster != cluster || slot.header->copy_index != index ||
        slot.header->copy_count != count || slot.header->forming)
      return false;
    ours = true;
  }
  if (ours) ATOLL_PROBE("coord.copy_damaged_but_ours");
  return ours;
}

}  // namespace

Task<CopyProbe> probe_copy(env::Env& env, std::string path) {
  Task<Result<CopyProbe>> whole = probe_copy_whole(env, path);
  Result<CopyProbe> probe = co_await env::with_timeout<CopyProbe>(
      env, EmbeddedCoordinator::kOpenWaitMax, std::move(whole));
  if (probe) co_return std::move(*probe);
  ATOLL_PROBE("coord.copy_hangs_at_open");
  CopyProbe late;
  late.status.path = path;
  late.status.health = CopyHealth::kFailing;
  late.status.detail = "reading it takes too long";
  late.code = Errc::kTimeout;
  co_return late;
}

Task<std::vector<CopyProbe>> probe_copies(env::Env& env, std::vector<std::string> paths) {
  std::vector<Task<CopyProbe>> tasks;
  for (const std::string& path : paths) tasks.push_back(probe_copy(env, path));
  co_return co_await env::when_all(env, std::move(tasks));
}

Status check_paths(const std::vector<std::string>& paths) {
  if (paths.empty() || paths.size() > kMaxCopies)
    return fail(Errc::kInvalidArgument, fmt::format("{} coordinator copies: 1 to {} are possible",
                                                    paths.size(), kMaxCopies));
  std::set<std::string> distinct(paths.begin(), paths.end());
  if (distinct.size() != paths.size() || distinct.contains(""))
    return fail(Errc::kInvalidArgument, "the coordinator copies need a path each");
  return {};
}

void judge_copies(std::vector<CopyProbe>* probes, const Uuid& cluster) {
  for (size_t i = 0; i < probes->size(); ++i) {
    CopyProbe& probe = (*probes)[i];
    if (probe.status.health == CopyHealth::kOk) {
      const SnapshotHeader& header = *probe.newest();
      if (header.cluster != cluster) {
        probe.status.health = CopyHealth::kForeign;
        probe.status.detail = fmt::format("of cluster {}", header.cluster.to_string());
      } else if (header.copy_count != probes->size()) {
        probe.status.health = CopyHealth::kForeign;
        probe.status.detail = fmt::format("one of {} copies", header.copy_count);
      } else if (header.copy_index != i) {
        ATOLL_PROBE("coord.copy_misplaced");
        probe.status.health = CopyHealth::kMisplaced;
        probe.status.detail = fmt::format("it is copy {}, and this is the place of copy {}",
                                          header.copy_index + 1, i + 1);
      }
    }
    const bool ours = probe.status.health == CopyHealth::kOk ||
                      damaged_but_ours(probe, cluster, i, probes->size());
    if (!ours) probe.file.reset();
  }
}

std::vector<std::string> copy_names(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    size_t slash = path.rfind('/');
    if (slash != std::string::npos && slash > 0) slash = path.rfind('/', slash - 1);
    std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    names.push_back(name.substr(0, kMaxCopyNameBytes));
  }
  return names;
}

}  // namespace atl::coord
