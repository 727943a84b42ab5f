#include "lab/namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "lab/child.h"

namespace atl::lab {

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int FileHandle::release() {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

void FileHandle::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<Namespace> Namespace::open(std::string name) {
  Namespace space;
  const std::string path = "/run/netns/" + name;
  space.file_ = FileHandle(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (space.fd() < 0 && errno == ENOENT) return fail(Errc::kNotFound, "no namespace " + name);
  if (space.fd() < 0) return fail(system_error("cannot open " + path));
  space.name_ = std::move(name);
  return space;
}

Status Namespace::enter_this_thread() const {
  if (setns(fd(), CLONE_NEWNET) != 0) return fail(system_error("cannot enter " + name_));
  return {};
}

Status Namespace::run(const std::function<Status()>& job) const {
  Status outcome;
  std::thread inside([&] {
    outcome = enter_this_thread();
    if (outcome) outcome = job();
  });
  inside.join();
  return outcome;
}

Result<FileHandle> Namespace::socket(int domain, int type, int protocol) const {
  FileHandle made;
  ATOLL_TRY_STATUS(run([&]() -> Status {
    made = FileHandle(::socket(domain, type | SOCK_CLOEXEC, protocol));
    if (made.get() < 0) return fail(system_error("socket in " + name_));
    return {};
  }));
  return made;
}

namespace {

std::string sysctl_path(std::string_view name) {
  std::string path(name);
  std::ranges::replace(path, '.', '/');
  return "/proc/sys/" + path;
}

Result<FileHandle> open_sysctl(std::string_view name, int flags) {
  FileHandle file(::open(sysctl_path(name).c_str(), flags | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT) {
    return fail(Errc::kNotFound, "no sysctl " + std::string(name));
  }
  if (file.get() < 0) return fail(system_error("sysctl " + std::string(name)));
  return file;
}

}  // namespace

Status write_sysctl(std::string_view name, std::string_view value) {
  ATOLL_TRY(const FileHandle file, open_sysctl(name, O_WRONLY));
  const ssize_t n = ::write(file.get(), value.data(), value.size());
  if (n == static_cast<ssize_t>(value.size())) return {};
  return fail(system_error("sysctl " + std::string(name) + " = " + std::string(value)));
}

Result<std::string> read_sysctl(std::string_view name) {
  ATOLL_TRY(const FileHandle file, open_sysctl(name, O_RDONLY));
  char buffer[4096];
  const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
  if (n < 0) return fail(system_error("sysctl " + std::string(name)));
  std::string value(buffer, static_cast<size_t>(n));
  while (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

}  // namespace atl::lab
