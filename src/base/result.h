// The namespace is `atl` because libc already declares a function named atoll.
// Errors are values. `Result<T>` is a value or an `Error`; `Status` is success or an `Error`.
//
// An Error has a code, which callers branch on, and a message, which people read. On the way up a
// caller adds what it was doing with `with_context`; the error is logged once, where it is handled.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace atl {

enum class Errc : uint16_t {
  kNotFound = 1,         // the named thing does not exist
  kExists = 2,           // it does already
  kInvalidArgument = 3,  // the caller's input is wrong; trying again will not help
  kCorrupt = 4,          // a checksum or an invariant of stored data does not hold
  kUnavailable = 5,      // not reachable now; trying again may help
  kNoSpace = 6,          // no room; deleting makes room
  kFenced = 7,           // a higher epoch owns this: stop, do not retry
  kConflict = 8,         // compare-and-swap or precondition failed
  kTimeout = 9,          // the deadline passed; the outcome may be unknown
  kIo = 10,              // the disk or the network failed
  kForeign = 11,         // a disk of another cluster, or in the wrong place
  kBlank = 12,           // a disk without a superblock
  kStale = 13,           // an older state of something than the cluster knows
  kTooLarge = 14,        // over a named limit
  kBusy = 15,            // a bounded queue is full: back off
  kCancelled = 16,       // stopped on request
  kNotEmpty = 17,        // a directory or bucket that still holds something
  kNotDirectory = 18,
  kIsDirectory = 19,
  kUnsupported = 20,  // known, and not offered
  kPermission = 21,
  kNotModified = 22,  // a conditional read whose condition says: you have it
  kInternal = 23,     // a bug that was contained
};

// The enumerator's name without the k, in snake_case: "not_found".
std::string_view errc_name(Errc code);

struct [[nodiscard]] Error {
  Errc code = Errc::kInternal;
  std::string message;

  Error() = default;
  explicit Error(Errc c, std::string m = {}) : code(c), message(std::move(m)) {}

  Error with_context(std::string_view what) &&;
  std::string to_string() const;  // "not_found: bucket b does not exist"
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

inline std::unexpected<Error> fail(Errc code, std::string message = {}) {
  return std::unexpected(Error(code, std::move(message)));
}
inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

}  // namespace atl

#define ATOLL_CONCAT_INNER(a, b) a##b
#define ATOLL_CONCAT(a, b) ATOLL_CONCAT_INNER(a, b)

// In functions: ATOLL_TRY(auto x, f()) binds the value or returns the error; ATOLL_TRY_STATUS(f()).
#define ATOLL_TRY(target, expression) \
  ATOLL_TRY_INNER(ATOLL_CONCAT(atoll_try_, __LINE__), target, expression, return)
#define ATOLL_TRY_STATUS(expression) \
  ATOLL_TRY_STATUS_INNER(ATOLL_CONCAT(atoll_try_, __LINE__), expression, return)
// The same in coroutines. The expression is usually `co_await something`.
#define ATOLL_CO_TRY(target, expression) \
  ATOLL_TRY_INNER(ATOLL_CONCAT(atoll_try_, __LINE__), target, expression, co_return)
#define ATOLL_CO_TRY_STATUS(expression) \
  ATOLL_TRY_STATUS_INNER(ATOLL_CONCAT(atoll_try_, __LINE__), expression, co_return)

#define ATOLL_TRY_INNER(tmp, target, expression, ret)          \
  auto tmp = (expression);                                     \
  if (!tmp) [[unlikely]]                                       \
    ret std::unexpected<::atl::Error>(std::move(tmp).error()); \
  target = std::move(*tmp)
#define ATOLL_TRY_STATUS_INNER(tmp, expression, ret)             \
  do {                                                           \
    auto tmp = (expression);                                     \
    if (!tmp) [[unlikely]]                                       \
      ret std::unexpected<::atl::Error>(std::move(tmp).error()); \
  } while (false)
