#include "frontend/s3/wire_reader.h"

#include <algorithm>

#include "base/check.h"
#include "base/probe.h"

namespace atl::s3 {
namespace {

constexpr size_t kDrainStepBytes = 16_KiB;

}  // namespace

bool WireReader::at_end() const {
  switch (framing_.kind) {
    case BodyFraming::Kind::kNone:
      return true;
    case BodyFraming::Kind::kLength:
      return left_ == 0;
    case BodyFraming::Kind::kChunked:
      return chunks_.state() == ChunkFraming::State::kDone;
  }
  return true;
}

std::optional<uint64_t> WireReader::remaining() const {
  if (at_end()) return 0;
  if (framing_.kind == BodyFraming::Kind::kLength) return left_;
  return std::nullopt;
}

std::unexpected<Error> WireReader::fail_read(const Error& error) {
  // The sweeper closes streams whose peers are too slow; nobody else closes them here.
  error_ = error.code == Errc::kCancelled ? S3Error(err::kRequestTimeout)
                                          : S3Error(err::kIncompleteBody);
  return fail(error);
}

std::unexpected<Error> WireReader::fail_early_end() {
  ATOLL_PROBE("s3_body_ended_early");
  error_ = S3Error(err::kIncompleteBody);
  return fail(Errc::kUnavailable, "the client ended the connection within the body");
}

std::unexpected<Error> WireReader::fail_framing() {
  error_ = chunks_.error();
  return fail(Errc::kInvalidArgument, error_.message);
}

Task<Result<size_t>> WireReader::read(MutableByteSpan into) {
  ATOLL_CHECK(!into.empty());
  if (at_end()) co_return size_t{0};
  if (framing_.kind == BodyFraming::Kind::kChunked) co_return co_await read_chunked(into);
  into = into.first(std::min<uint64_t>(into.size(), left_));
  Result<size_t> n = co_await input_->read(into);
  if (!n) co_return fail_read(n.error());
  if (*n == 0) co_return fail_early_end();
  left_ -= *n;
  co_return n;
}

Task<Result<size_t>> WireReader::read_chunked(MutableByteSpan into) {
  while (true) {
    if (const uint64_t data = chunks_.data_left(); data != 0) {
      into = into.first(std::min<uint64_t>(into.size(), data));
      Result<size_t> n = co_await input_->read(into);
      if (!n) co_return fail_read(n.error());
      if (*n == 0) co_return fail_early_end();
      chunks_.take_data(*n);
      co_return n;
    }
    const size_t taken = chunks_.feed(input_->buffered());
    input_->consume(taken);
    if (chunks_.state() == ChunkFraming::State::kFailed) co_return fail_framing();
    if (at_end()) co_return size_t{0};
    if (taken != 0) continue;
    Result<size_t> n = co_await input_->fill(kInputBytes);
    if (!n) co_return fail_read(n.error());
    if (*n == 0) co_return fail_early_end();
  }
}

Task<bool> WireReader::drain(uint64_t bytes_max) {
  if (at_end()) co_return true;
  auto scratch = std::make_unique_for_overwrite<uint8_t[]>(kDrainStepBytes);
  uint64_t drained = 0;
  while (drained <= bytes_max) {
    const MutableByteSpan into{scratch.get(), kDrainStepBytes};
    Result<size_t> n = co_await read(into);
    if (!n) co_return false;
    if (*n == 0) co_return true;
    drained += *n;
  }
  co_return false;
}

}  // namespace atl::s3
