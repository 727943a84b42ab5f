#include "base/result.h"

namespace atl {

std::string_view errc_name(Errc code) {
  switch (code) {
    case Errc::kNotFound:
      return "not_found";
    case Errc::kExists:
      return "exists";
    case Errc::kInvalidArgument:
      return "invalid_argument";
    case Errc::kCorrupt:
      return "corrupt";
    case Errc::kUnavailable:
      return "unavailable";
    case Errc::kNoSpace:
      return "no_space";
    case Errc::kFenced:
      return "fenced";
    case Errc::kConflict:
      return "conflict";
    case Errc::kTimeout:
      return "timeout";
    case Errc::kIo:
      return "io";
    case Errc::kForeign:
      return "foreign";
    case Errc::kBlank:
      return "blank";
    case Errc::kStale:
      return "stale";
    case Errc::kTooLarge:
      return "too_large";
    case Errc::kBusy:
      return "busy";
    case Errc::kCancelled:
      return "cancelled";
    case Errc::kNotEmpty:
      return "not_empty";
    case Errc::kNotDirectory:
      return "not_directory";
    case Errc::kIsDirectory:
      return "is_directory";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kPermission:
      return "permission";
    case Errc::kNotModified:
      return "not_modified";
    case Errc::kInternal:
      return "internal";
  }
  return "unknown";
}

Error Error::with_context(std::string_view what) && {
  Error out(code);
  out.message.reserve(what.size() + 2 + message.size());
  out.message.append(what);
  if (!message.empty()) out.message.append(": ").append(message);
  return out;
}

std::string Error::to_string() const {
  std::string out(errc_name(code));
  if (!message.empty()) out.append(": ").append(message);
  return out;
}

}  // namespace atl
