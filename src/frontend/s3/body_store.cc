#include "frontend/s3/body_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"

namespace atl::s3 {

// Shared with the task that hashes, which may outlive an operation that gave up.
struct HashLane::State {
  struct Piece {
    Buf keep_alive;
    ByteSpan bytes;
  };

  State(env::Env& e, ChecksumAlgorithm algorithm) : env(e), digest(algorithm) {
    room.set();
    idle.set();
  }
  env::Env& env;
  BodyDigest digest;  // the worker's while `idle` is not set
  std::vector<Piece> waiting;
  size_t held = 0;  // pieces that wait or are being hashed
  env::Event room;  // set while another piece may wait
  env::Event idle;  // set while no worker runs
};

namespace {

// Hashes in order until nothing waits: all that waits in one go, because a worker that had to ask
// for each piece would stand still while the reactor encodes a stripe.
Task<void> run_lane(std::shared_ptr<HashLane::State> state) {
  while (!state->waiting.empty()) {
    const std::vector<HashLane::State::Piece> pieces = std::exchange(state->waiting, {});
    std::function<void()> work = [digest = &state->digest, &pieces] {
      for (const HashLane::State::Piece& piece : pieces) digest->update(piece.bytes);
    };
    co_await state->env.offload(std::move(work));
    state->held -= pieces.size();
    state->room.set();
  }
  state->idle.set();
}

}  // namespace

HashLane::HashLane(env::Env& env, ChecksumAlgorithm algorithm)
    : state_(std::make_shared<State>(env, algorithm)) {}

Task<void> HashLane::add(Buf keep_alive, ByteSpan bytes) {
  co_await state_->room.wait();
  state_->waiting.push_back({std::move(keep_alive), bytes});
  if (++state_->held >= kHashPiecesMax) state_->room.reset();
  if (!state_->idle.is_set()) co_return;
  state_->idle.reset();
  state_->env.spawn("hash", run_lane(state_));
}

Task<void> HashLane::add_inline(ByteSpan bytes) {
  if (!state_->idle.is_set()) co_await state_->idle.wait();
  state_->digest.update(bytes);
}

Task<void> HashLane::finish() {
  if (!state_->idle.is_set()) co_await state_->idle.wait();
  state_->digest.finish();
}

const BodyDigest& HashLane::digest() const {
  return state_->digest;
}

S3Result<uint64_t> check_body_length(const Request& request) {
  if (!request.content_length) return refuse(err::kMissingContentLength);
  if (*request.content_length > kSinglePutBytesMax) {
    S3Error error(err::kEntityTooLarge);
    error.details = {{"ProposedSize", std::to_string(*request.content_length)},
                     {"MaxSizeAllowed", std::to_string(kSinglePutBytesMax)}};
    return refuse(std::move(error));
  }
  return *request.content_length;
}

namespace {

S3Error body_failed(Op& op, const Error& error) {
  ATOLL_CHECK(op.body.error().status >= 400, error.to_string());
  return op.body.error();
}

// Fills `into` unless the body ends before. A short count means that the body ended.
Task<S3Result<size_t>> read_full(Op& op, MutableByteSpan into) {
  size_t filled = 0;
  while (filled < into.size()) {
    const Result<size_t> n = co_await op.body.read(into.subspan(filled));
    if (!n) co_return refuse(body_failed(op, n.error()));
    if (*n == 0) break;
    filled += *n;
  }
  co_return filled;
}

// The read that returns 0 is the one that vouches for all that came before it.
Task<S3Status> expect_end(Op& op) {
  uint8_t extra = 0;
  const Result<size_t> n = co_await op.body.read(MutableByteSpan(&extra, 1));
  if (!n) co_return refuse(body_failed(op, n.error()));
  if (*n != 0) co_return refuse(err::kIncompleteBody, "The body is longer than it was said to be.");
  co_return S3Status();
}

}  // namespace

Task<S3Result<StoredBody>> store_body(Op& op, BodyClaims claims, ChecksumAlgorithm algorithm) {
  S3_CO_TRY(const uint64_t length, check_body_length(op.request));
  if (claims.algorithm != ChecksumAlgorithm::kNone) algorithm = claims.algorithm;
  HashLane lane(op.env(), algorithm);
  std::unique_ptr<client::BodyWriter> writer = op.client().start_body(length);

  while (writer->size() < length) {
    // 4. The next bytes, from the socket into the stripe's memory.
    const uint64_t want = std::min<uint64_t>(length - writer->size(), kHashPieceBytes);
    Result<MutableByteSpan> space = co_await writer->space(want);
    if (!space) co_return refuse(from_error(space.error(), "write object"));
    S3_CO_TRY(const size_t n, co_await read_full(op, *space));
    if (n == 0) co_return refuse(err::kIncompleteBody);

    // 5. Their hashes, beside the next read.
    const ByteSpan piece(space->data(), n);
    if (length <= kInlineHashBytes)
      co_await lane.add_inline(piece);
    else
      co_await lane.add(writer->hold(), piece);

    // 6. A full stripe is on its way to the devices while the next one fills.
    const Status committed = co_await writer->commit(n);
    if (!committed) co_return refuse(from_error(committed.error(), "write object"));
  }

  // 7. All that the body promised of itself must hold before it gets a name.
  S3_CO_CHECK(co_await expect_end(op));
  co_await lane.finish();
  S3_CO_CHECK(check_claims(claims, lane.digest(), op.body.trailers()));
  Result<ns::FileData> data = co_await writer->finish();
  if (!data) co_return refuse(from_error(data.error(), "write object"));
  ATOLL_CHECK(data->size == length);
  StoredBody out;
  out.data = std::move(*data);
  out.etag = lane.digest().md5().hex();
  out.checksum = lane.digest().checksum();
  co_return out;
}

}  // namespace atl::s3
