// The beginning of a cluster's coordinator, so that a crash in it is no dead end and no danger.
//
//   1. every copy must be missing, blank, or left by a creation that never finished
//   2. a `forming` snapshot of the empty state goes into both slots of every copy; all must take it
//   3. open() settles it under term 1, not forming any more; that is when the cluster exists
//
// Until step 3 has reached a copy, all there is says `forming`, nothing was ever acknowledged, and
// create() may begin anew. From then on a majority (in fact every copy) has at least the forming
// snapshot of this cluster, so open() finishes what create() began.

#include <fmt/format.h>

#include "base/probe.h"
#include "coord/embedded_core.h"

namespace atl::coord {
namespace {

bool is_forming(const CopyProbe& probe) {
  const SnapshotHeader* newest = probe.newest();
  return newest != nullptr && newest->forming;
}

bool may_be_created_over(const CopyProbe& probe) {
  switch (probe.status.health) {
    case CopyHealth::kMissing:
    case CopyHealth::kBlank:
    case CopyHealth::kUnfinished:
      return true;
    case CopyHealth::kOk:
      return is_forming(probe);
    case CopyHealth::kDamaged:
    case CopyHealth::kStale:
    case CopyHealth::kForeign:
    case CopyHealth::kMisplaced:
    case CopyHealth::kFailing:
      return false;
  }
  return false;
}

Task<Status> form_copy(env::Env& env, std::string path, SnapshotHeader header, Buf body,
                       bool remove_first) {
  if (remove_first) ATOLL_CO_TRY_STATUS(env.remove_all(path));
  ATOLL_CO_TRY(auto file, co_await CopyFile::create(env, path));
  co_return co_await CopyFile::form(file, header, std::move(body));
}

}  // namespace

Task<Result<Presence>> EmbeddedCoordinator::presence(env::Env& env,
                                                     std::vector<std::string> paths) {
  ATOLL_CO_TRY_STATUS(check_paths(paths));
  std::vector<CopyProbe> probes = co_await probe_copies(env, paths);
  Presence presence = Presence::kNone;
  for (const CopyProbe& probe : probes) {
    if (probe.code == Errc::kBusy)
      co_return fail(Errc::kBusy,
                     fmt::format("{} is in use by another process", probe.status.path));
    if (!may_be_created_over(probe)) co_return Presence::kPresent;
    if (probe.newest() != nullptr) presence = Presence::kUnfinished;
  }
  co_return presence;
}

Task<Result<std::unique_ptr<EmbeddedCoordinator>>> EmbeddedCoordinator::create(
    env::Env& env, std::vector<std::string> paths, Uuid cluster) {
  ATOLL_CO_TRY_STATUS(check_paths(paths));
  if (cluster.is_nil()) co_return fail(Errc::kInvalidArgument, "a cluster needs an identity");
  std::vector<CopyProbe> probes = co_await probe_copies(env, paths);
  std::vector<bool> there;
  for (const CopyProbe& probe : probes) {
    if (probe.code == Errc::kBusy)
      co_return fail(Errc::kBusy,
                     fmt::format("{} is in use by another process", probe.status.path));
    if (!may_be_created_over(probe))
      co_return fail(Errc::kExists,
                     fmt::format("{} is not blank: {} {}; a new cluster starts with blank copies",
                                 probe.status.path, copy_health_name(probe.status.health),
                                 probe.status.detail));
    if (probe.newest() != nullptr) ATOLL_PROBE("coord.unfinished_creation_redone");
    there.push_back(probe.code != Errc::kNotFound);
  }
  probes.clear();  // closes them

  SnapshotHeader header;
  header.cluster = cluster;
  header.copy_count = static_cast<uint32_t>(paths.size());
  header.sequence = 1;
  header.forming = true;
  State empty;
  Buf body = encode_body(copy_names(paths), empty, &header);
  std::vector<Task<Status>> tasks;
  for (size_t i = 0; i < paths.size(); ++i) {
    header.copy_index = static_cast<uint32_t>(i);
    tasks.push_back(form_copy(env, paths[i], header, body, there[i]));
  }
  std::vector<Status> formed = co_await env::when_all(env, std::move(tasks));
  for (size_t i = 0; i < paths.size(); ++i) {
    if (formed[i]) continue;
    Error error = std::move(formed[i]).error();
    co_return fail(std::move(error).with_context("creating " + paths[i]));
  }
  co_return co_await open(env, std::move(paths), OpenMode::kServe);
}

}  // namespace atl::coord
