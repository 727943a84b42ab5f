// The open file of a device with what every part of the device needs: layout, identity, metrics,
// and the one rule about errors: a write or flush that fails makes the device failed for good.
// After a failed fsync nobody knows what is on the medium, so nothing is retried.
//
// Owned by DeviceCore; one reactor.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device/device_metrics.h"
#include "device/record.h"
#include "device/superblock.h"
#include "env/env.h"

namespace atl::device {

class Medium {
 public:
  Medium(env::Env& env, std::string path, std::unique_ptr<env::BlockFile> file, Superblock sb);

  env::Env& env;
  const std::string path;
  std::unique_ptr<env::BlockFile> file;
  Superblock superblock;
  DeviceMetrics metrics;

  const Layout& layout() const { return superblock.layout; }
  RecordPlace place(uint32_t zone, uint32_t block, uint64_t generation) const {
    return {superblock.device_tag, generation, zone, block};
  }

  // What spawned tasks hold on to, so that a device that is dropped outlives them.
  std::shared_ptr<void> keep_alive() const { return owner_.lock(); }
  void set_owner(std::weak_ptr<void> owner) { owner_ = std::move(owner); }

  bool failed() const { return failed_; }
  bool stopped() const { return stopped_; }
  // Success, or why no call can be served any more.
  Status usable() const;
  // Only the first call counts. Wakes all that wait, through the hook.
  void fail(std::string_view doing, const Error& error);
  // The device is closed or dropped: background tasks end, those that wait get kCancelled.
  void stop();
  void on_end(std::function<void()> hook) { on_end_.push_back(std::move(hook)); }

  // By this object; the metric of the same name counts for the process.
  uint64_t written_bytes() const { return written_bytes_; }

  Task<Status> write(uint64_t offset, std::vector<Buf> bufs);
  Task<Status> sync();
  Task<Result<Buf>> read(uint64_t offset, size_t length, env::ReadMode mode);

 private:
  std::weak_ptr<void> owner_;
  std::vector<std::function<void()>> on_end_;
  uint64_t written_bytes_ = 0;
  bool failed_ = false;
  bool stopped_ = false;
  Error error_;
};

}  // namespace atl::device
