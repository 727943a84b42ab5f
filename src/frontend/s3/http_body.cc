#include "frontend/s3/http_body.h"

#include <algorithm>

#include "base/check.h"
#include "base/probe.h"

namespace atl::s3 {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
// A read that asks for less is hashed after it has come, not while the next one comes.
constexpr uint64_t kOverlapBytesMin = 2 * kPayloadPieceBytes;
const Headers kNoTrailers;

}  // namespace

HttpBody::HttpBody(env::Env& env, env::Stream* stream, HttpInput* input, IoMeter* meter,
                   BodyPlan plan)
    : env_(env),
      stream_(stream),
      input_(input),
      meter_(meter),
      wire_(input, plan.framing),
      expects_continue_(plan.expects_continue),
      remaining_(plan.payload_length),
      payload_sha256_(plan.payload_sha256) {
  if (plan.aws_chunked)
    aws_chunked_ = std::make_unique<AwsChunkedReader>(env, &wire_, std::move(*plan.aws_chunked));
  if (!payload_sha256_.empty()) hash_ = std::make_unique<PayloadHash>(env);
  ATOLL_CHECK(aws_chunked_ == nullptr || hash_ == nullptr);
}

const Headers& HttpBody::trailers() const {
  return aws_chunked_ ? aws_chunked_->trailers() : kNoTrailers;
}

std::unexpected<Error> HttpBody::fail_with(S3Error error, Errc code) {
  failed_ = true;
  error_ = std::move(error);
  return fail(code, error_.message);
}

// A client that waits for it has sent nothing of the body; one that did not wait needs none.
Task<Status> HttpBody::send_continue() {
  expects_continue_ = false;
  if (!input_->buffered().empty()) co_return Status{};
  std::vector<ByteSpan> parts(1, as_bytes(kContinue));
  meter_->waiting = true;
  Status sent = co_await stream_->write_all(std::move(parts));
  meter_->waiting = false;
  if (sent) meter_->bytes_out += kContinue.size();
  co_return sent;
}

Task<Result<size_t>> HttpBody::read(MutableByteSpan into) {
  ATOLL_CHECK(!into.empty());
  if (failed_) co_return fail(Errc::kInvalidArgument, error_.message);
  if (finished_) co_return size_t{0};
  if (expects_continue_) {
    Status sent = co_await send_continue();
    if (!sent) co_return fail_with(err::kIncompleteBody, Errc::kUnavailable);
  }
  Result<size_t> n = co_await read_verified(into);
  if (!n) co_return n;
  if (*n == 0) {
    finished_ = true;
    ATOLL_CHECK(wire_.at_end());
    ATOLL_CHECK(!remaining_ || *remaining_ == 0);
  } else if (remaining_) {
    ATOLL_CHECK(*n <= *remaining_);
    *remaining_ -= *n;
  }
  co_return n;
}

Task<Result<size_t>> HttpBody::read_verified(MutableByteSpan into) {
  if (aws_chunked_) {
    Result<size_t> n = co_await aws_chunked_->read(into);
    if (!n) co_return fail_with(aws_chunked_->error(), n.error().code);
    co_return n;
  }
  Result<size_t> n(size_t{0});
  if (hash_) {
    n = co_await read_hashed(into);
  } else {
    n = co_await wire_.read(into);
  }
  if (!n) co_return fail_with(wire_.error(), n.error().code);
  if (*n != 0 || !hash_) co_return n;
  const std::string computed = hash_->finish().hex();
  if (equal_in_constant_time(computed, payload_sha256_)) co_return n;
  ATOLL_PROBE("s3_payload_hash_refused");
  S3Error mismatch(err::kXAmzContentSHA256Mismatch);
  mismatch.details.emplace_back("ClientComputedContentSHA256", payload_sha256_);
  mismatch.details.emplace_back("S3ComputedContentSHA256", computed);
  co_return fail_with(std::move(mismatch), Errc::kInvalidArgument);
}

// Fills a large `into` while a worker hashes what is already there; a small one as it comes.
Task<Result<size_t>> HttpBody::read_hashed(MutableByteSpan into) {
  const bool overlap =
      into.size() >= kOverlapBytesMin && (!remaining_ || *remaining_ >= kOverlapBytesMin);
  size_t filled = 0;
  size_t hashed = 0;
  do {
    const MutableByteSpan room =
        into.subspan(filled, std::min(into.size() - filled, kPayloadPieceBytes));
    Result<size_t> n = co_await wire_.read(room);
    if (!n) {
      co_await hash_->wait();
      co_return n;
    }
    if (*n == 0) break;
    filled += *n;
    if (filled - hashed >= kPayloadPieceBytes && !hash_->busy()) {
      ATOLL_PROBE("s3_payload_hash_overlapped");
      hash_->start(into.subspan(hashed, filled - hashed));
      hashed = filled;
    }
  } while (overlap && filled < into.size());
  co_await hash_->wait();
  if (filled != hashed) co_await hash_->add(into.subspan(hashed, filled - hashed));
  co_return filled;
}

bool HttpBody::can_be_drained(uint64_t bytes_max) const {
  // Answered before its "100 Continue": it may send the body or not, nobody can tell. Even with an
  // empty body the connection ends, as S3 ends it: botocore takes the status for the next answer's.
  if (expects_continue_) return false;
  if (wire_.at_end()) return true;
  const auto left = wire_.remaining();
  return left && *left <= bytes_max;
}

}  // namespace atl::s3
