#include "base/check.h"
#include "base/codec.h"
#include "stripe/stripe.h"

namespace atl::stripe {
namespace {

constexpr const char* kNextIdKey = "stripe/next-id";
// Rounds of compare-and-swap for one lease. Each loss means that another node got its range, so
// losing this often means that something is wrong.
constexpr int kLeaseAttemptsMax = 16;

Result<uint64_t> decode_next_id(const std::string& value) {
  Decoder d(value);
  const uint64_t next = d.varint();
  ATOLL_TRY_STATUS(d.finish("stripe id lease"));
  if (next == 0) return fail(Errc::kCorrupt, "stripe id lease: 0 is no id");
  return next;
}

}  // namespace

Task<Result<StripeId>> StripeIdSource::next() {
  if (next_ < end_) co_return StripeId(next_++);
  auto permit = co_await mutex_.lock();
  Error last(Errc::kConflict, "no attempt was made");
  for (int attempt = 0; next_ >= end_ && attempt < kLeaseAttemptsMax; ++attempt) {
    std::string key = kNextIdKey;
    auto read = co_await coordinator_.get(key);
    if (!read && read.error().code != Errc::kNotFound)
      co_return fail(std::move(read).error().with_context("leasing stripe ids"));
    uint64_t first = 1;
    uint64_t version = 0;
    if (read) {
      ATOLL_CO_TRY(first, decode_next_id(read->value));
      version = read->version;
    }
    if (first > UINT64_MAX - kRange) co_return fail(Errc::kInternal, "stripe ids are used up");
    Encoder e;
    e.varint(first + kRange);
    std::string value = e.take();
    auto swapped =
        co_await coordinator_.compare_and_swap(std::move(key), version, std::move(value));
    if (swapped) {
      ATOLL_CHECK(first >= end_, "a range was leased twice");
      next_ = first;
      end_ = first + kRange;
      break;
    }
    // After kUnavailable the range may be taken, by nobody; the next get shows what comes after it.
    last = std::move(swapped).error();
    if (last.code != Errc::kConflict) break;
  }
  if (next_ >= end_) co_return fail(std::move(last).with_context("leasing stripe ids"));
  co_return StripeId(next_++);
}

}  // namespace atl::stripe
