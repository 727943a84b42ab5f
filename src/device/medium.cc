#include "device/medium.h"

#include "base/log.h"

namespace atl::device {

Medium::Medium(env::Env& e, std::string p, std::unique_ptr<env::BlockFile> f, Superblock sb)
    : env(e), path(std::move(p)), file(std::move(f)), superblock(sb), metrics(sb.identity) {
  metrics.failed.set(0);
}

Status Medium::usable() const {
  if (failed_) return ::atl::fail(error_);
  if (stopped_) return ::atl::fail(Errc::kCancelled, "the device is closed");
  return {};
}

void Medium::fail(std::string_view doing, const Error& error) {
  if (failed_ || stopped_) return;
  failed_ = true;
  error_ = Error(Errc::kIo,
                 "device " + path + " failed: " + std::string(doing) + ": " + error.to_string());
  metrics.failed.set(1);
  ATOLL_LOG(kError, "device", "the medium failed; the device takes no more calls",
            {{"path", path},
             {"device", superblock.identity.device},
             {"doing", doing},
             {"error", error.to_string()}});
  for (auto& hook : on_end_) hook();
}

void Medium::stop() {
  if (stopped_) return;
  stopped_ = true;
  for (auto& hook : on_end_) hook();
}

Task<Status> Medium::write(uint64_t offset, std::vector<Buf> bufs) {
  ATOLL_CO_TRY_STATUS(usable());
  const uint64_t bytes = total_size(bufs);
  Status status = co_await file->write(offset, std::move(bufs));
  if (!status) {
    fail("write", status.error());
    co_return usable();
  }
  written_bytes_ += bytes;
  metrics.written_bytes.add(bytes);
  co_return Status();
}

Task<Status> Medium::sync() {
  ATOLL_CO_TRY_STATUS(usable());
  const Nanos start = env.now();
  Status status = co_await file->sync();
  if (!status) {
    fail("flush", status.error());
    co_return usable();
  }
  metrics.flushes.add();
  metrics.flush_seconds.observe_seconds(static_cast<double>((env.now() - start).count()) * 1e-9);
  co_return Status();
}

Task<Result<Buf>> Medium::read(uint64_t offset, size_t length, env::ReadMode mode) {
  ATOLL_CO_TRY_STATUS(usable());
  Result<Buf> out = co_await file->read(offset, length, mode);
  if (out) metrics.read_bytes.add(length);
  co_return std::move(out);
}

}  // namespace atl::device
