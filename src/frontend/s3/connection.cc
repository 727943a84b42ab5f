#include "frontend/s3/connection.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/probe.h"
#include "frontend/s3/sigv4.h"
#include "frontend/s3/text.h"
#include "frontend/s3/url.h"

namespace atl::s3 {

Connection::Connection(std::shared_ptr<ServerCore> core, std::unique_ptr<env::Stream> stream,
                       bool is_tls, bool refuse)
    : keep_core_(std::move(core)),
      core_(*keep_core_),
      stream_(std::move(stream)),
      is_tls_(is_tls),
      refused_(refuse),
      remote_(stream_->remote().to_string()),
      input_(stream_.get(), &meter_),
      born_(core_.env.now()) {
  place_ = core_.connections.insert(core_.connections.end(), this);
  if (refused_) ++core_.refusals;
  core_.metrics.connections.set(static_cast<double>(core_.connections.size()));
  enter(Phase::kIdle);
}

Connection::~Connection() {
  stream_->close();
  core_.connections.erase(place_);
  if (refused_) --core_.refusals;
  core_.metrics.connections.set(static_cast<double>(core_.connections.size()));
  core_.changed.set();
}

Task<void> Connection::run(std::unique_ptr<Connection> connection) {
  if (connection->refused_) {
    co_await connection->refuse_with_slow_down();
  } else {
    co_await connection->serve_requests();
  }
  connection.reset();  // now, and not when the frame goes
}

Task<void> Connection::serve_requests() {
  while (!core_.stopping) {
    const bool go_on = co_await serve_one();
    if (!go_on) break;
  }
}

void Connection::enter(Phase phase) {
  phase_ = phase;
  phase_second_ = window_second_ = core_.seconds;
  window_bytes_ = meter_.bytes_in + meter_.bytes_out;
}

// --- Deadlines ---

void Connection::sweep() {
  const uint32_t in_phase = core_.seconds - phase_second_;
  switch (phase_) {
    case Phase::kIdle:
      if (in_phase <= static_cast<uint32_t>(kIdleSecondsMax)) return;
      core_.metrics.idle_timeouts.add();
      break;
    case Phase::kHead:
      if (in_phase <= static_cast<uint32_t>(kHeadSecondsMax)) return;
      ATOLL_PROBE("s3_slow_head_closed");
      core_.metrics.slow_timeouts.add();
      break;
    case Phase::kServe:
      sweep_stall();
      return;
    case Phase::kLinger:
      if (in_phase <= static_cast<uint32_t>(kLingerSecondsMax)) return;
      break;
  }
  stream_->close();
}

void Connection::sweep_stall() {
  const uint64_t bytes = meter_.bytes_in + meter_.bytes_out;
  if (meter_.waiting) {
    if (core_.seconds - window_second_ < static_cast<uint32_t>(kStallSeconds)) return;
    if (bytes - window_bytes_ < kStallBytesMin) {
      ATOLL_PROBE("s3_stalled_peer_closed");
      core_.metrics.slow_timeouts.add();
      if (!begin_timeout_answer()) stream_->close();
      return;
    }
  }
  window_second_ = core_.seconds;
  window_bytes_ = bytes;
}

void Connection::close_if_idle() {
  if (phase_ == Phase::kIdle) stream_->close();
}

// --- A planned move ---

namespace {

// The kernel may hold so much of an answer that was written whole; a smaller one goes out in the
// first round trip.
constexpr uint64_t kAnswerInKernelMin = 16_KiB;

}  // namespace

void Connection::end_if_between_requests() {
  if (phase_ != Phase::kIdle || !served_ || ending_) return;
  ending_ = true;
  stream_->shutdown_send();
}

bool Connection::transfers(uint64_t bytes, Nanos since) const {
  if (phase_ == Phase::kIdle) return ending_ && answer_bytes_ >= bytes;
  return request_ && (answer_bytes_ >= bytes || request_->start <= since);
}

bool Connection::under_way(Nanos since) const {
  if (phase_ != Phase::kIdle) return true;
  if (!served_) return born_ > since;
  return ending_ && answer_bytes_ >= kAnswerInKernelMin;
}

// --- Reading a request ---

void Connection::new_request() {
  request_ = core_.take_request();
  request_->remote_address = remote_;
  request_->is_tls = is_tls_;
  request_->request_id = core_.make_request_id();
  request_->start = core_.env.now();
  request_->wall_time = core_.env.wall_now();
  exchange_ = {};
  answer_bytes_ = 0;
  answer_begun_ = false;
}

Task<Connection::HeadOutcome> Connection::read_head() {
  size_t empty_lines = 0;
  scanner_.reset();
  while (true) {
    while (input_.buffered().starts_with("\r\n") && empty_lines++ < kLeadingEmptyLinesMax)
      input_.consume(2);
    const std::string_view bytes = input_.buffered();
    if (!bytes.empty() && phase_ == Phase::kIdle) enter(Phase::kHead);
    if (!bytes.empty() && bytes != "\r") {
      const HeadScanner::Outcome outcome = scanner_.scan(bytes);
      if (outcome == HeadScanner::Outcome::kComplete) co_return HeadOutcome::kComplete;
      if (outcome == HeadScanner::Outcome::kBad) co_return HeadOutcome::kBad;
    }
    Result<size_t> n = co_await input_.fill(kHeadBytesMax);
    if (!n || *n == 0) co_return HeadOutcome::kEnded;
  }
}

std::optional<S3Error> Connection::prepare(const HttpInput::Head& head) {
  auto error = parse_head(head.bytes, request_.get());
  if (error) return error;
  auto framing = body_framing(*request_);
  if (!framing) return std::move(framing).error();

  // The request's end is known from here on: what follows can be refused and the connection kept.
  BodyPlan plan;
  plan.framing = *framing;
  if (framing->kind == BodyFraming::Kind::kLength) plan.payload_length = framing->length;
  if (framing->kind == BodyFraming::Kind::kChunked) plan.payload_length = std::nullopt;
  error = admit(&plan);
  body_.emplace(core_.env, stream_.get(), &input_, &meter_, std::move(plan));
  return error;
}

namespace {

// What the presigner of AWS's SDK for JavaScript 2 puts there besides x-amz- headers. Whoever uses
// the URL mostly sends the header as well, and that one counts then.
bool is_presigned_content_header(std::string_view name) {
  return name == "content-type" || name == "content-md5" || name == "cache-control";
}

// SDKs that presign put x-amz- headers into the query, where the signature covers them too: they
// mean there what they mean as headers.
std::optional<S3Error> take_headers_from_query(Request* request) {
  constexpr std::string_view kPrefix = "x-amz-";
  for (const Query::Param& param : request->query) {
    std::string name = to_lower_ascii(param.key);
    const bool of_content = is_presigned_content_header(name);
    if (!of_content && (!name.starts_with(kPrefix) || is_presign_parameter(name))) continue;
    const auto sent = request->headers.find(name);
    if (sent && of_content && (*sent == param.value || name != "content-md5")) continue;
    if (sent) return S3Error(err::kInvalidArgument, fmt::format("{} is given twice", name));
    if (!is_header_safe(param.value))
      return S3Error(err::kInvalidArgument,
                     fmt::format("The value of {} is no header value", name));
    request->headers.add(std::move(name), param.value);
  }
  return std::nullopt;
}

}  // namespace

std::optional<S3Error> Connection::admit(BodyPlan* plan) {
  if (auto expect = request_->headers.find("expect"); expect && request_->version_minor == 1) {
    plan->expects_continue = true;  // or something else: nobody can tell whether the body comes
    if (!equals_ignore_case(*expect, "100-continue")) return S3Error(err::kExpectationFailed);
  }
  if (auto error = resolve_bucket_and_key(core_.options.domains, request_.get())) return error;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(request_->wall_time).count();
  auto identity = core_.authenticator.authenticate(*request_, now);
  if (!identity) {
    core_.metrics.unauthenticated.add();
    return std::move(identity).error();
  }
  request_->access_key = identity->access_key;
  request_->content_sha256 = identity->content_sha256;
  ATOLL_CHECK(!request_->access_key.empty());
  if (identity->presigned)
    if (auto error = take_headers_from_query(request_.get())) return error;
  return plan_payload(std::move(*identity), plan);
}

std::optional<S3Error> Connection::plan_payload(Identity identity, BodyPlan* plan) {
  if (identity.payload == PayloadKind::kSha256) plan->payload_sha256 = identity.content_sha256;
  if (is_aws_chunked(identity.payload)) {
    const auto length = parse_decimal(request_->headers.get("x-amz-decoded-content-length"));
    if (!length)
      return S3Error(err::kMissingContentLength,
                     "An aws-chunked body needs the header x-amz-decoded-content-length.");
    for (std::string_view name : split_list(request_->headers.get("x-amz-trailer")))
      request_->trailer_names.push_back(to_lower_ascii(name));
    if (request_->trailer_names.size() > kTrailerFieldsMax)
      return S3Error(err::kInvalidRequest, "x-amz-trailer declares too many trailers.");
    request_->aws_chunked = true;
    AwsChunkedParams params;
    params.kind = identity.payload;
    params.decoded_length = *length;
    params.trailer_names = request_->trailer_names;
    if (identity.chunk_signatures) params.signatures = std::move(*identity.chunk_signatures);
    plan->aws_chunked = std::move(params);
    plan->payload_length = *length;
  } else if (request_->headers.has("x-amz-trailer")) {
    return S3Error(err::kInvalidRequest,
                   "x-amz-trailer needs an aws-chunked body that ends with it.");
  }
  request_->content_length = plan->payload_length;
  // Without a body there is no length to declare, but S3 wants a PUT of nothing to say so.
  const bool declared =
      request_->headers.has("content-length") || request_->headers.has("transfer-encoding");
  if (request_->method == "PUT" && !declared) request_->content_length = std::nullopt;
  return std::nullopt;
}

// --- One request ---

Task<bool> Connection::serve_one() {
  enter(Phase::kIdle);
  exchange_in_ = meter_.bytes_in - input_.buffered().size();
  exchange_out_ = meter_.bytes_out;
  const HeadOutcome outcome = co_await read_head();
  if (outcome == HeadOutcome::kEnded) co_return false;

  new_request();
  HttpInput::Head head;
  std::optional<S3Error> error;
  if (outcome == HeadOutcome::kBad) {
    error = scanner_.error();
  } else {
    head = input_.take_head(scanner_.head_size());
    error = prepare(head);
  }
  if (!body_) core_.metrics.malformed.add();
  ATOLL_CHECK(body_ || error);

  enter(Phase::kServe);
  Response response;
  if (error) {
    response = error_response(*error, *request_);
  } else {
    response = co_await core_.handler.handle(*request_, *body_);
  }
  const bool go_on = co_await finish_exchange(std::move(response));
  body_.reset();
  core_.give_back(std::move(request_));
  input_.give_back(std::move(head));
  co_return go_on;
}

bool Connection::may_keep_alive(const Response& response) const {
  return body_ && body_->can_be_drained(kDrainBytesMax) && !response.close && !core_.stopping &&
         !core_.draining && wants_keep_alive(*request_);
}

Task<bool> Connection::finish_exchange(Response response) {
  const bool keep_alive = may_keep_alive(response) && !meter_.timed_out;
  answer_begun_ = true;
  exchange_.status = response.status;
  answer_bytes_ = response.stream ? response.stream_length : response.body.size();
  if (meter_.timed_out) {
    exchange_.complete = co_await timeout_answered();
  } else {
    exchange_.complete = co_await send(std::move(response), keep_alive);
  }
  exchange_.bytes_in = meter_.bytes_in - exchange_in_;
  exchange_.bytes_out = meter_.bytes_out - exchange_out_;
  exchange_.duration = core_.env.now() - request_->start;
  core_.metrics.count(*request_, exchange_);
  if (!exchange_.complete) co_return false;  // closed as it is: the client sees a broken answer
  served_ = true;
  // A drain may have begun after the head had gone out.
  if (!keep_alive || core_.draining) {
    co_await linger();
    co_return false;
  }
  co_return co_await body_->drain(kDrainBytesMax);
}

}  // namespace atl::s3
