// A network namespace with a name in /run/netns, as `ip netns` makes them.
//
// Ownership: the handle keeps the kernel's namespace alive until it is closed, even after its name
// has gone. Threads: any. Errors: kNotFound, kIo with what the kernel said.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace atl::lab {

class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd_(fd) {}
  FileHandle(FileHandle&& other) noexcept : fd_(other.release()) {}
  FileHandle& operator=(FileHandle&& other) noexcept;
  ~FileHandle() { reset(); }
  int get() const { return fd_; }
  int release();
  void reset();

 private:
  int fd_ = -1;
};

class Namespace {
 public:
  Namespace() = default;
  static Result<Namespace> open(std::string name);

  const std::string& name() const { return name_; }
  int fd() const { return file_.get(); }
  void close() { file_.reset(); }

  // Runs `job` on a thread of its own inside the namespace, and waits for it.
  Status run(const std::function<Status()>& job) const;
  // A socket of this namespace; it stays there whichever thread uses it.
  Result<FileHandle> socket(int domain, int type, int protocol) const;
  // From now on, sockets that this thread makes are the namespace's, and so are its threads and
  // children. There is no way back but another enter.
  Status enter_this_thread() const;

 private:
  std::string name_;
  FileHandle file_;
};

// "net.ipv4.ip_forward" of the calling thread's namespace. kNotFound when this kernel has no such.
Status write_sysctl(std::string_view name, std::string_view value);
Result<std::string> read_sysctl(std::string_view name);

}  // namespace atl::lab
