#include "env/sim_block_file.h"

#include <fmt/format.h>

#include "base/check.h"
#include "env/sim_env.h"

namespace atl::env {
namespace {

Error io_error(std::string_view what, const std::string& path) {
  return Error(Errc::kIo, fmt::format("{} {}: simulated I/O error", what, path));
}

Status check_range(const SimFile& file, const std::string& path, uint64_t offset, uint64_t length) {
  ATOLL_CHECK(offset % kBlockSize == 0 && length % kBlockSize == 0, "unaligned block I/O");
  if (offset > file.size_bytes() || length > file.size_bytes() - offset)
    return fail(Errc::kInvalidArgument,
                fmt::format("{}: {} bytes at {} are outside of it", path, length, offset));
  return {};
}

}  // namespace

Task<Result<std::unique_ptr<BlockFile>>> SimBlockFile::open(SimEnv& env, std::string path,
                                                            OpenOptions options) {
  co_await env.sleep(env.disk_delay(DiskOp::kOpen, path, 0));
  if (env.storage().take_failure(path)) co_return fail(io_error("open", path));
  std::shared_ptr<SimFile> file;
  if (options.create) {
    if (options.size_bytes == 0 || options.size_bytes % kBlockSize != 0)
      co_return fail(Errc::kInvalidArgument, path + ": the size must be a multiple of 4 KiB");
    ATOLL_CO_TRY(file, env.storage().create(path, options.size_bytes));
  } else {
    file = env.storage().find(path);
    if (!file) co_return fail(Errc::kNotFound, "no file " + path);
  }
  if (!file->try_lock(env.number())) co_return fail(Errc::kBusy, path + " is open already");
  env.trace("open");
  std::unique_ptr<BlockFile> out = std::make_unique<SimBlockFile>(env, std::move(path), file);
  co_return std::move(out);
}

SimBlockFile::SimBlockFile(SimEnv& env, std::string path, std::shared_ptr<SimFile> file)
    : env_(env), path_(std::move(path)), file_(std::move(file)), env_number_(env.number()) {}

SimBlockFile::~SimBlockFile() {
  file_->unlock(env_number_);
}

Task<Status> SimBlockFile::write(uint64_t offset, std::vector<Buf> bufs) {
  const uint64_t length = total_size(bufs);
  ATOLL_CO_TRY_STATUS(check_range(*file_, path_, offset, length));
  SimEnv& env = env_;
  const auto file = file_;
  const std::string path = path_;
  const uint64_t number = file->begin_write(offset, bufs);
  co_await env.sleep(env.disk_delay(DiskOp::kWrite, path, length));
  if (env.storage().take_failure(path) ||
      env.world_random().chance(env.options().write_error_chance)) {
    file->fail_write(number, env.world_random());
    co_return fail(io_error("write", path));
  }
  file->complete_write(number);
  env.trace("write", offset);
  co_return Status{};
}

Task<Result<Buf>> SimBlockFile::read(uint64_t offset, size_t length, ReadMode mode) {
  ATOLL_CO_TRY_STATUS(check_range(*file_, path_, offset, length));
  SimEnv& env = env_;
  const auto file = file_;
  const std::string path = path_;
  (void)mode;  // there is no page cache here: both read the newest bytes
  co_await env.sleep(env.disk_delay(DiskOp::kRead, path, length));
  if (env.storage().take_failure(path) ||
      env.world_random().chance(env.options().read_error_chance))
    co_return fail(io_error("read", path));
  Buf out = file->read(offset, length);
  if (length != 0 && env.world_random().chance(env.options().read_flip_chance))
    out.mutable_data()[env.world_random().below(length)] ^=
        static_cast<uint8_t>(1 << env.world_random().below(8));
  env.trace("read", offset);
  co_return std::move(out);
}

Task<Status> SimBlockFile::sync() {
  SimEnv& env = env_;
  const auto file = file_;
  const std::string path = path_;
  const uint64_t completed_before = file->completed();
  co_await env.sleep(env.disk_delay(DiskOp::kSync, path, 0));
  if (env.storage().take_failure(path) ||
      env.world_random().chance(env.options().sync_error_chance))
    co_return fail(io_error("sync", path));
  file->make_durable(completed_before);
  env.trace("sync");
  co_return Status{};
}

bool SimBlockFile::still_in_place() {
  return env_.storage().find(path_) == file_;
}

}  // namespace atl::env
