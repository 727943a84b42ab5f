// Putting a lost copy back: always asked for, never guessed.

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "coord/embedded_core.h"

namespace atl::coord {
namespace {

// Ready to be written: the very copy if it is whole, else a fresh file in its place.
Task<Result<std::shared_ptr<CopyFile>>> fresh_file(env::Env& env, std::string path, Uuid cluster,
                                                   size_t index, bool overwrite_foreign) {
  std::vector<CopyProbe> probes;
  probes.push_back(co_await probe_copy(env, path));
  if (probes[0].code == Errc::kBusy) co_return fail(Errc::kBusy, fmt::format("{} is in use", path));
  const SnapshotHeader* header = probes[0].newest();
  const bool ours = header != nullptr && header->cluster == cluster;
  if (probes[0].status.health == CopyHealth::kOk && ours && header->copy_index == index &&
      !header->forming)
    co_return std::move(probes[0].file);
  const bool foreign = probes[0].status.health == CopyHealth::kForeign ||
                       (header != nullptr && !ours && !header->forming);
  if (foreign && !overwrite_foreign)
    co_return fail(Errc::kForeign,
                   fmt::format("{} belongs to another cluster: {}", path, probes[0].status.detail));
  if (probes[0].code != Errc::kNotFound) {
    ATOLL_LOG(kWarn, "coord", "replacing a coordinator copy",
              {{"path", path}, {"was", copy_health_name(probes[0].status.health)}});
    probes.clear();  // closes it
    ATOLL_CO_TRY_STATUS(env.remove_all(path));
  }
  co_return co_await CopyFile::create(env, std::move(path));
}

}  // namespace

Task<Status> EmbeddedCoordinator::Core::repair(std::shared_ptr<Core> core, size_t index,
                                               bool overwrite_foreign) {
  if (core->mode == OpenMode::kInspect)
    co_return fail(Errc::kPermission, "the coordinator is open for inspection only");
  if (index >= core->copies->count())
    co_return fail(Errc::kInvalidArgument,
                   fmt::format("there is no copy {}; there are {}", index, core->copies->count()));
  env::Permit one_at_a_time = co_await core->repairs.lock();
  if (core->closing) co_return fail(Errc::kCancelled, "the coordinator is closed");
  // A displaced file may be what another path names now: let go of all of them first.
  core->copies->drop_displaced();
  if (!core->copies->usable(index)) {
    ATOLL_CO_TRY(auto file, co_await fresh_file(core->env, core->copies->path(index), core->cluster,
                                                index, overwrite_foreign));
    ATOLL_PROBE("coord.copy_repaired");
    core->copies->attach(index, std::move(file));
  }
  Change change;
  change.kind = Change::Kind::kRewrite;
  Result<uint64_t> answer = co_await submit(core, std::move(change));
  if (!answer) co_return fail(std::move(answer).error());
  co_return co_await CopySet::reached_by(core->copies, index, core->sequence, kCommitWaitMax);
}

}  // namespace atl::coord
