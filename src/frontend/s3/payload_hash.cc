#include "frontend/s3/payload_hash.h"

#include "base/check.h"

namespace atl::s3 {

void PayloadHash::start(ByteSpan bytes) {
  ATOLL_CHECK(!busy_);
  busy_ = true;
  idle_.reset();
  env_.spawn("s3_payload_hash", run(this, bytes));
}

// `self` stays: whoever called start() waits for idle_ before it lets go.
Task<void> PayloadHash::run(PayloadHash* self, ByteSpan bytes) {
  std::function<void()> work = [self, bytes] { self->hash_.update(bytes); };
  co_await self->env_.offload(std::move(work));
  self->busy_ = false;
  self->idle_.set();
}

Task<void> PayloadHash::wait() {
  if (busy_) co_await idle_.wait();
}

Task<void> PayloadHash::add(ByteSpan bytes) {
  co_await wait();
  if (bytes.size() <= kInlineHashBytesMax) {
    hash_.update(bytes);
    co_return;
  }
  std::function<void()> work = [this, bytes] { hash_.update(bytes); };
  co_await env_.offload(std::move(work));
}

Digest PayloadHash::finish() {
  ATOLL_CHECK(!busy_);
  return hash_.finish();
}

}  // namespace atl::s3
