#include "env/errno_error.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace atl::env {
namespace {

Errc code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
      return Errc::kNotFound;
    case EEXIST:
      return Errc::kExists;
    case ENOSPC:
    case EDQUOT:
      return Errc::kNoSpace;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::kPermission;
    case ENOTDIR:
      return Errc::kNotDirectory;
    case EISDIR:
      return Errc::kIsDirectory;
    case EBUSY:
    case EADDRINUSE:
      return Errc::kBusy;
    case EFBIG:
      return Errc::kTooLarge;
    case ECANCELED:
      return Errc::kCancelled;
    case ETIMEDOUT:
      return Errc::kTimeout;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENOTCONN:
    case EPIPE:
      return Errc::kUnavailable;
    default:
      return Errc::kIo;
  }
}

}  // namespace

Error errno_error(int error_number, std::string_view what, std::string_view subject) {
  const char* description = strerrordesc_np(error_number);
  return Error(code_of(error_number), fmt::format("{} {}: {}", what, subject,
                                                  description ? description : "unknown error"));
}

}  // namespace atl::env
