// How a connection answers: whole bodies, streams, and the end of the connection.
#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "frontend/s3/connection.h"
#include "frontend/s3/response_head.h"

namespace atl::s3 {
namespace {

constexpr size_t kLingerStepBytes = 16_KiB;

void log_aborted(const Request& request, std::string_view why) {
  ATOLL_LOG(kWarn, "s3", "answer broken off",
            {{"id", request.request_id}, {"path", request.raw_path}, {"why", why}});
}

}  // namespace

// `head` and `body` go out in steps, the head with the first. The memory stays the caller's.
Task<bool> Connection::write(std::string_view head, ByteSpan body) {
  do {
    const ByteSpan step = body.first(std::min(body.size(), kSendStepBytes));
    body = body.subspan(step.size());
    std::vector<ByteSpan> parts;
    parts.reserve(2);
    if (!head.empty()) parts.push_back(as_bytes(head));
    if (!step.empty()) parts.push_back(step);
    const size_t bytes = head.size() + step.size();
    head = {};
    if (bytes == 0) co_return true;
    meter_.waiting = true;
    Status written = co_await stream_->write_all(std::move(parts));
    meter_.waiting = false;
    if (!written) co_return false;
    meter_.bytes_out += bytes;
  } while (!body.empty());
  co_return true;
}

Task<bool> Connection::send(Response response, bool keep_alive) {
  const bool with_body = has_body(response, *request_);
  Buf first;
  if (with_body && response.stream && response.stream_length != 0) {
    // The first bytes are there before the head is sent: so a read that fails at once can still be
    // answered with an error instead of a broken connection.
    Result<Buf> got = co_await response.stream->next();
    if (got && got->empty()) got = fail(Errc::kInternal, "the object's body is empty");
    if (got) {
      first = std::move(*got);
    } else {
      ATOLL_PROBE("s3_first_read_failed");
      response = error_response(from_error(got.error(), "read the object"), *request_);
      exchange_.status = response.status;
    }
  }
  ResponseHead common;
  common.date = core_.http_date_now();
  common.host_id = core_.options.host_id;
  common.keep_alive = keep_alive;
  std::string head;
  head.reserve(512);
  append_response_head(response, *request_, common, &head);
  if (!with_body) co_return co_await write(head, {});
  if (!response.stream) {
    const ByteSpan body = as_bytes(response.body);
    co_return co_await write(head, body);
  }
  co_return co_await send_stream(*response.stream, response.stream_length, head, std::move(first));
}

Task<bool> Connection::send_stream(client::BodyReader& stream, uint64_t length,
                                   std::string_view head, Buf first) {
  uint64_t left = length;
  Buf chunk = std::move(first);
  while (true) {
    if (chunk.size() > left) {
      log_aborted(*request_, "the object's body is longer than promised");
      co_return false;
    }
    const bool written = co_await write(head, chunk.span());
    if (!written) co_return false;
    head = {};
    left -= chunk.size();
    if (left == 0) co_return true;
    Result<Buf> next = co_await stream.next();
    if (!next || next->empty()) {
      ATOLL_PROBE("s3_read_failed_within_answer");
      log_aborted(*request_,
                  next ? "the object's body is shorter than promised" : next.error().to_string());
      co_return false;
    }
    chunk = std::move(*next);
  }
}

// Nothing was written yet, and a stream takes a writer beside its reader. From now on the handler's
// reads fail, whatever still comes: the client has been told that nothing was stored.
bool Connection::begin_timeout_answer() {
  if (!meter_.reading || answer_begun_) return false;
  ATOLL_PROBE("s3_stalled_body_answered");
  meter_.timed_out = true;
  timeout_sent_ = false;
  timeout_done_.reset();
  enter(Phase::kLinger);  // if the answer stalls as well
  core_.env.spawn("s3_timeout_answer", answer_timeout(this));
  return true;
}

// `self` stays: timeout_answered() is waited for before it goes.
Task<void> Connection::answer_timeout(Connection* self) {
  Response response = error_response(S3Error(err::kRequestTimeout), *self->request_);
  self->timeout_sent_ = co_await self->send(std::move(response), false);
  self->timeout_done_.set();
}

Task<bool> Connection::timeout_answered() {
  co_await timeout_done_.wait();
  meter_.timed_out = false;
  co_return timeout_sent_;
}

// Closing while the client still sends would reset the connection, and it might never see the
// answer.
Task<void> Connection::linger() {
  enter(Phase::kLinger);
  stream_->shutdown_send();
  auto scratch = std::make_unique_for_overwrite<uint8_t[]>(kLingerStepBytes);
  uint64_t read = 0;
  while (read < kLingerBytesMax) {
    const MutableByteSpan into{scratch.get(), kLingerStepBytes};
    Result<size_t> n = co_await input_.read(into);
    if (!n || *n == 0) break;
    read += *n;
  }
}

Task<void> Connection::refuse_with_slow_down() {
  ATOLL_PROBE("s3_connection_limit");
  enter(Phase::kLinger);
  new_request();
  Response response = error_response(
      S3Error(err::kSlowDown, "This node has as many connections as it can serve."), *request_);
  const bool sent = co_await send(std::move(response), false);
  if (sent) co_await linger();
}

}  // namespace atl::s3
