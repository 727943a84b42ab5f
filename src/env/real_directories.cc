#include "env/real_directories.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "env/errno_error.h"

namespace atl::env {
namespace fs = std::filesystem;

Status sync_directory(const std::string& path) {
  const std::string name = path.empty() ? "." : path;
  const int fd = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail(errno_error(errno, "open directory", name));
  const int rc = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  // Some file systems cannot flush a directory (EINVAL) and need not.
  if (rc != 0 && error != EINVAL) return fail(errno_error(error, "flush directory", name));
  return {};
}

Status make_directories(const std::string& path) {
  fs::path at;
  for (const fs::path& part : fs::path(path)) {
    const fs::path parent = at;
    at /= part;
    if (::mkdir(at.c_str(), 0700) == 0) {
      ATOLL_TRY_STATUS(sync_directory(parent.string()));
      continue;
    }
    const int error = errno;
    struct stat info {};
    if (::stat(at.c_str(), &info) != 0)
      return fail(errno_error(error, "create directory", at.string()));
    if (!S_ISDIR(info.st_mode)) return fail(Errc::kNotDirectory, at.string() + " is a file");
  }
  return {};
}

Status remove_tree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return fail(errno_error(error.value(), "remove", path));
  return {};
}

Result<std::vector<std::string>> list_names(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  fs::directory_iterator it(path, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error))
    names.push_back(it->path().filename().string());
  if (error) return fail(errno_error(error.value(), "list", path));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace atl::env
