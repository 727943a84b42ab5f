// Opening and creating block files: what RealBlockFile stands on. Everything here blocks.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/units.h"
#include "env/errno_error.h"
#include "env/real_block_file.h"
#include "env/real_directories.h"

namespace atl::env {
namespace {

std::unexpected<Error> fail_errno(std::string_view what, const std::string& path) {
  return fail(errno_error(errno, what, path));
}

// O_DIRECT where the file system has it; tmpfs of older kernels does not.
int open_direct(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_DIRECT | O_CLOEXEC, 0600);
  if (fd >= 0 || errno != EINVAL) return fd;
  // O_CREAT may have made the file before O_DIRECT was refused.
  return ::open(path.c_str(), (flags & ~O_EXCL) | O_CLOEXEC, 0600);
}

Status reserve(int fd, const std::string& path, uint64_t size_bytes) {
  int error = ::fallocate(fd, 0, 0, static_cast<off_t>(size_bytes)) == 0 ? 0 : errno;
  if (error == EOPNOTSUPP) error = ::posix_fallocate(fd, 0, static_cast<off_t>(size_bytes));
  if (error != 0) return fail(errno_error(error, "reserve space for", path));
  if (::fsync(fd) != 0) return fail_errno("flush", path);
  return sync_directory(std::filesystem::path(path).parent_path().string());
}

Status create_file(const std::string& path, uint64_t size_bytes, OpenedFile* out) {
  if (size_bytes == 0 || size_bytes % kBlockSize != 0)
    return fail(Errc::kInvalidArgument, path + ": the size must be a multiple of 4 KiB");
  // Checked first, because open_direct drops O_EXCL when it has to try twice.
  if (::access(path.c_str(), F_OK) == 0) return fail(Errc::kExists, path + " exists");
  out->direct_fd = open_direct(path, O_RDWR | O_CREAT | O_EXCL);
  if (out->direct_fd < 0) return fail_errno("create", path);
  if (::flock(out->direct_fd, LOCK_EX | LOCK_NB) != 0) return fail_errno("lock", path);
  const Status reserved = reserve(out->direct_fd, path, size_bytes);
  if (!reserved) ::unlink(path.c_str());
  return reserved;
}

Status open_existing(const std::string& path, OpenedFile* out) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail_errno("open", path);
  if (S_ISDIR(info.st_mode)) return fail(Errc::kIsDirectory, path + " is a directory");
  // O_EXCL on a block device: nobody has it mounted or open in the same way.
  out->direct_fd = open_direct(path, S_ISBLK(info.st_mode) ? O_RDWR | O_EXCL : O_RDWR);
  if (out->direct_fd < 0 && errno == EBUSY)
    return fail(Errc::kBusy, path + " is mounted or in use by another process");
  if (out->direct_fd < 0) return fail_errno("open", path);
  if (::flock(out->direct_fd, LOCK_EX | LOCK_NB) == 0) return {};
  if (errno == EWOULDBLOCK)
    return fail(Errc::kBusy, path + " is in use: another process (or this one) has it open");
  return fail_errno("lock", path);
}

Status measure(OpenedFile* file) {
  struct stat info {};
  if (::fstat(file->direct_fd, &info) != 0) return fail_errno("stat", file->path);
  if (S_ISBLK(info.st_mode)) {
    uint64_t bytes = 0;
    if (::ioctl(file->direct_fd, BLKGETSIZE64, &bytes) != 0)
      return fail_errno("measure", file->path);
    file->is_block_device = true;
    file->size_bytes = round_down(bytes, kBlockSize);
    return {};
  }
  if (!S_ISREG(info.st_mode))
    return fail(Errc::kInvalidArgument, file->path + " is neither a file nor a block device");
  file->size_bytes = round_down(static_cast<uint64_t>(info.st_size), kBlockSize);
  return {};
}

}  // namespace

OpenedFile::~OpenedFile() {
  if (cached_fd >= 0) ::close(cached_fd);
  if (direct_fd >= 0) ::close(direct_fd);
}

Result<std::shared_ptr<OpenedFile>> open_file(const std::string& path, const OpenOptions& options) {
  auto file = std::make_shared<OpenedFile>();
  file->path = path;
  ATOLL_TRY_STATUS(options.create ? create_file(path, options.size_bytes, file.get())
                                  : open_existing(path, file.get()));
  ATOLL_TRY_STATUS(measure(file.get()));
  file->cached_fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file->cached_fd < 0) return fail_errno("open", path);
  // No readahead: the layers above read what they need, and it would evict what others cached.
  ::posix_fadvise(file->cached_fd, 0, 0, POSIX_FADV_RANDOM);
  return file;
}

}  // namespace atl::env
