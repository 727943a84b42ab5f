// A preallocated file or a raw block device, opened for Atoll alone.
//
// Two descriptors: writes, syncs and kDirect reads go past the page cache (O_DIRECT, where the file
// system has it), kCached reads through it. The kernel drops cached pages that a direct write
// covers, so a cached read that begins after a write returned sees it. Cached reads are tried
// without blocking first (RWF_NOWAIT): small ones at once, where what is in memory costs no turn of
// the ring, and large ones on a thread, where the copy does not hold up the reactor.
//
// An exclusive flock keeps other processes, and a second open in this one, away. The descriptors
// close when the handle and every operation under way are gone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "env/env.h"
#include "env/io_engine.h"

namespace atl::env {

// Cached reads up to this size are tried inline: to hand them over costs as much as the copy.
inline constexpr size_t kInlineReadMax = 64 * 1024;

struct OpenedFile {
  std::string path;
  int direct_fd = -1;
  int cached_fd = -1;
  uint64_t size_bytes = 0;
  bool is_block_device = false;
  ~OpenedFile();
};

// Blocks (creation flushes); call it on a worker thread.
Result<std::shared_ptr<OpenedFile>> open_file(const std::string& path, const OpenOptions& options);

class RealBlockFile final : public BlockFile {
 public:
  RealBlockFile(IoEngine& engine, std::shared_ptr<OpenedFile> file)
      : engine_(engine), file_(std::move(file)) {}

  uint64_t size_bytes() const override { return file_->size_bytes; }
  Task<Status> write(uint64_t offset, std::vector<Buf> bufs) override;
  Task<Result<Buf>> read(uint64_t offset, size_t length, ReadMode mode) override;
  Task<Status> sync() override;
  bool still_in_place() override;

 private:
  Status check_range(uint64_t offset, uint64_t length) const;

  IoEngine& engine_;
  std::shared_ptr<OpenedFile> file_;
};

}  // namespace atl::env
