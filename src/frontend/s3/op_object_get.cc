// GetObject and HeadObject. Steps as in docs/paths/read.md.
#include "base/check.h"
#include "frontend/s3/object_headers.h"
#include "frontend/s3/operation.h"

namespace atl::s3 {
namespace {

// Bodies up to here are answered from memory, head and body in one send.
constexpr uint64_t kFixedBodyMax = 64u << 10;

// A reader whose first piece has come: what fails before it can still be answered with an error.
class PrimedReader final : public client::BodyReader {
 public:
  PrimedReader(Buf first, std::unique_ptr<client::BodyReader> rest)
      : first_(std::move(first)), rest_(std::move(rest)) {}
  Task<Result<Buf>> next() override {
    if (first_.empty()) co_return co_await rest_->next();
    co_return std::exchange(first_, Buf());
  }

 private:
  Buf first_;
  std::unique_ptr<client::BodyReader> rest_;
};

Task<S3Result<std::string>> read_small(client::BodyReader& reader, uint64_t length) {
  std::string out;
  out.reserve(length);
  while (out.size() < length) {
    const Result<Buf> piece = co_await reader.next();
    if (!piece) co_return refuse(from_error(piece.error(), "read object"));
    if (piece->empty()) break;
    out.append(piece->view());
  }
  ATOLL_CHECK(out.size() == length, "a reader gives all it was asked for, or an error");
  co_return out;
}

}  // namespace

Task<OpResult> get_object(Op& op) {
  // 2. Look the key up: metadata and extents, whose stripes stay pinned while they are read.
  S3_CO_TRY(ns::ObjectInfo object, co_await find_object(op, true));

  // 3. Conditions, then the range.
  S3_CO_TRY(std::optional<Response> early, answer_precondition(op.request, object));
  if (early) co_return std::move(*early);
  S3_CO_TRY(const Selection selection, select_bytes(op.request, object));
  S3_CO_TRY(Response response, object_response(op.request, object, selection));

  // 4. The bytes: read ahead while the connection sends.
  const ByteRange range = selection.range;
  if (range.length == 0) co_return response;
  std::unique_ptr<client::BodyReader> reader =
      op.client().read_body(std::move(object), range.offset, range.length);
  if (range.length > kFixedBodyMax) {
    Result<Buf> first = co_await reader->next();
    if (!first) co_return refuse(from_error(first.error(), "read object"));
    response.stream = std::make_unique<PrimedReader>(std::move(*first), std::move(reader));
    response.stream_length = range.length;
    co_return response;
  }
  S3_CO_TRY(response.body, co_await read_small(*reader, range.length));
  co_return response;
}

Task<OpResult> head_object(Op& op) {
  S3_CO_TRY(const ns::ObjectInfo object, co_await find_object(op, false));
  S3_CO_TRY(std::optional<Response> early, answer_precondition(op.request, object));
  if (early) co_return std::move(*early);
  S3_CO_TRY(const Selection selection, select_bytes(op.request, object));
  S3_CO_TRY(Response response, object_response(op.request, object, selection));
  response.content_length = selection.range.length;
  co_return response;
}

}  // namespace atl::s3
