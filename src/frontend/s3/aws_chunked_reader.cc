#include "frontend/s3/aws_chunked_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "frontend/s3/payload_hash.h"

namespace atl::s3 {

std::unexpected<Error> AwsChunkedReader::fail_with(S3Error error) {
  error_ = std::move(error);
  return fail(Errc::kInvalidArgument, error_.message);
}

Task<Result<size_t>> AwsChunkedReader::read(MutableByteSpan into) {
  while (true) {
    if (decoder_.data_left() != 0) co_return co_await read_data(into);
    if (decoder_.done()) co_return co_await check_end();

    const ByteSpan ahead{lookahead_.data() + begin_, end_ - begin_};
    const size_t taken = decoder_.feed(as_string_view(ahead));
    begin_ += taken;
    if (decoder_.failed()) co_return fail_with(decoder_.error());
    if (taken != 0) continue;

    std::memmove(lookahead_.data(), lookahead_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    ATOLL_CHECK(end_ < lookahead_.size());
    const MutableByteSpan room = MutableByteSpan(lookahead_).subspan(end_);
    Result<size_t> n = co_await wire_->read(room);
    if (!n) {
      error_ = wire_->error();
      co_return n;
    }
    if (*n == 0)
      co_return fail_with({err::kIncompleteBody, "The aws-chunked body ends too early."});
    end_ += *n;
  }
}

Task<Result<size_t>> AwsChunkedReader::read_data(MutableByteSpan into) {
  into = into.first(std::min<uint64_t>(into.size(), decoder_.data_left()));
  size_t n = std::min(into.size(), end_ - begin_);
  if (n != 0) {
    std::memcpy(into.data(), lookahead_.data() + begin_, n);
    begin_ += n;
  } else {
    Result<size_t> got = co_await wire_->read(into);
    if (!got) {
      error_ = wire_->error();
      co_return got;
    }
    if (*got == 0)
      co_return fail_with({err::kIncompleteBody, "The aws-chunked body ends within a chunk."});
    n = *got;
  }
  const ByteSpan data = into.first(n);
  if (decoder_.hashes_data() && n > kInlineHashBytesMax) {
    AwsChunkedDecoder* decoder = &decoder_;
    std::function<void()> work = [decoder, data] { decoder->data(data); };
    co_await env_.offload(std::move(work));
  } else {
    decoder_.data(data);
  }
  co_return n;
}

// After the last chunk nothing may follow in the HTTP body.
Task<Result<size_t>> AwsChunkedReader::check_end() {
  uint8_t extra = 0;
  bool more = begin_ != end_;
  if (!more) {
    Result<size_t> n = co_await wire_->read(MutableByteSpan(&extra, 1));
    if (!n) {
      error_ = wire_->error();
      co_return n;
    }
    more = *n != 0;
  }
  if (more) co_return fail_with({err::kInvalidRequest, "Bytes follow the last chunk of the body."});
  co_return size_t{0};
}

}  // namespace atl::s3
