#include "env/real_block_file.h"

#include <limits.h>
#include <sys/stat.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/probe.h"
#include "env/errno_error.h"

namespace atl::env {
namespace {

// EINTR and EAGAIN in a row before an operation counts as failed.
constexpr int kRetriesMax = 100;

bool is_aligned(const Buf& buf) {
  return reinterpret_cast<uintptr_t>(buf.data()) % kBlockSize == 0;
}

// What is left of an I/O on several pieces of memory, advanced by short counts.
class IoCursor {
 public:
  void add(const uint8_t* data, size_t size) {
    if (size != 0) iov_.push_back({const_cast<uint8_t*>(data), size});
  }
  bool done() const { return first_ == iov_.size(); }
  const iovec* data() const { return &iov_[first_]; }
  unsigned count() const {
    return static_cast<unsigned>(std::min<size_t>(iov_.size() - first_, IOV_MAX));
  }
  void advance(uint64_t bytes) {
    while (bytes > 0) {
      ATOLL_CHECK(first_ < iov_.size());
      iovec& piece = iov_[first_];
      const size_t n = std::min<uint64_t>(bytes, piece.iov_len);
      piece.iov_base = static_cast<uint8_t*>(piece.iov_base) + n;
      piece.iov_len -= n;
      bytes -= n;
      if (piece.iov_len == 0) ++first_;
    }
  }

 private:
  std::vector<iovec> iov_;
  size_t first_ = 0;
};

// Runs one operation to its end, over short counts and interruptions.
Task<Status> run_fully(IoEngine& engine, std::shared_ptr<OpenedFile> file, IoOp op,
                       IoCursor* cursor) {
  const char* what = op.kind == IoOp::Kind::kWrite ? "write" : "read";
  int retries = 0;
  while (!cursor->done()) {
    op.iov = cursor->data();
    op.iov_count = cursor->count();
    const int64_t n = co_await engine.run(op);
    if (n > 0) {
      cursor->advance(static_cast<uint64_t>(n));
      op.offset += static_cast<uint64_t>(n);
      if (!cursor->done()) ATOLL_PROBE("real_block_file.short_io");
      retries = 0;
    } else if ((n == -EINTR || n == -EAGAIN) && retries < kRetriesMax) {
      ++retries;
    } else if (n == 0) {
      co_return fail(Errc::kIo, fmt::format("{} {}: the file ends at {} of {} bytes", what,
                                            file->path, op.offset, file->size_bytes));
    } else {
      co_return fail(errno_error(static_cast<int>(-n), what, file->path));
    }
  }
  co_return Status{};
}

}  // namespace

Status RealBlockFile::check_range(uint64_t offset, uint64_t length) const {
  ATOLL_CHECK(offset % kBlockSize == 0 && length % kBlockSize == 0, "unaligned block I/O");
  if (offset > file_->size_bytes || length > file_->size_bytes - offset)
    return fail(Errc::kInvalidArgument,
                fmt::format("{}: {} bytes at {} are outside of it", file_->path, length, offset));
  return {};
}

Task<Status> RealBlockFile::write(uint64_t offset, std::vector<Buf> bufs) {
  ATOLL_CO_TRY_STATUS(check_range(offset, total_size(bufs)));
  IoCursor cursor;
  for (Buf& buf : bufs) {
    ATOLL_CHECK(buf.size() % kBlockSize == 0, "unaligned block I/O");
    if (!is_aligned(buf)) {
      ATOLL_PROBE("real_block_file.unaligned_memory");
      buf = Buf::copy_of(buf.span());
    }
    cursor.add(buf.data(), buf.size());
  }
  IoOp op{IoOp::Kind::kWrite, file_->direct_fd, nullptr, 0, offset};
  co_return co_await run_fully(engine_, file_, op, &cursor);
}

Task<Result<Buf>> RealBlockFile::read(uint64_t offset, size_t length, ReadMode mode) {
  ATOLL_CO_TRY_STATUS(check_range(offset, length));
  Buf out = Buf::allocate(length);
  IoCursor cursor;
  cursor.add(out.data(), length);
  IoOp op{IoOp::Kind::kRead, file_->direct_fd, nullptr, 0, offset};
  if (mode == ReadMode::kCached) {
    op.fd = file_->cached_fd;
    if (length > kInlineReadMax) {
      op.kind = IoOp::Kind::kCachedRead;
    } else if (length != 0) {
      const ssize_t n = ::preadv2(op.fd, cursor.data(), static_cast<int>(cursor.count()),
                                  static_cast<off_t>(offset), RWF_NOWAIT);
      if (n > 0) {
        cursor.advance(static_cast<uint64_t>(n));
        op.offset += static_cast<uint64_t>(n);
      }
    }
  }
  if (!cursor.done()) {
    auto status = co_await run_fully(engine_, file_, op, &cursor);
    if (!status) co_return fail(std::move(status).error());
  }
  co_return std::move(out);
}

Task<Status> RealBlockFile::sync() {
  auto file = file_;
  IoOp op{IoOp::Kind::kDataSync, file->direct_fd, nullptr, 0, 0};
  // Not repeated: after a failed flush the kernel may have dropped the pages, and a second call
  // could succeed without them (https://lwn.net/Articles/752063/).
  const int64_t n = co_await engine_.run(op);
  if (n < 0) co_return fail(errno_error(static_cast<int>(-n), "sync", file->path));
  co_return Status{};
}

bool RealBlockFile::still_in_place() {
  struct stat mine {
  }, there{};
  if (::fstat(file_->direct_fd, &mine) != 0 || ::stat(file_->path.c_str(), &there) != 0)
    return false;
  if (file_->is_block_device) return S_ISBLK(there.st_mode) && there.st_rdev == mine.st_rdev;
  return there.st_dev == mine.st_dev && there.st_ino == mine.st_ino && mine.st_nlink > 0 &&
         static_cast<uint64_t>(mine.st_size) >= file_->size_bytes;
}

}  // namespace atl::env
