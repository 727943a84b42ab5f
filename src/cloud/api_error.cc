// What the API's errors mean: HTTP statuses with reasons, and codes of operations (compute_json.h).
#include <algorithm>
#include <array>

#include "cloud/compute_json.h"
#include "cloud/json_field.h"

namespace atl::cloud {
namespace {

struct Meaning {
  std::string_view word;
  Errc code;
};

// errors[].reason of a 403 that is about quantities. Anything else in a 403 is kPermission.
constexpr std::array kForbiddenReasons{
    Meaning{"rateLimitExceeded", Errc::kBusy}, Meaning{"userRateLimitExceeded", Errc::kBusy},
    Meaning{"quotaExceeded", Errc::kNoSpace},  Meaning{"QUOTA_EXCEEDED", Errc::kNoSpace},
    Meaning{"limitExceeded", Errc::kNoSpace},  Meaning{"LIMIT_EXCEEDED", Errc::kNoSpace},
};

// Reasons of a 400 that are not the request's fault.
constexpr std::array kBadRequestReasons{
    // Another change of the same thing is under way.
    Meaning{"resourceNotReady", Errc::kUnavailable},
    Meaning{"ipInUseByAnotherResource", Errc::kConflict},
    Meaning{"resourceInUseByAnotherResource", Errc::kConflict},
    Meaning{"unsupportedOperation", Errc::kUnsupported},
};

constexpr std::array kOperationCodes{
    Meaning{"IP_IN_USE_BY_ANOTHER_RESOURCE", Errc::kConflict},
    Meaning{"RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", Errc::kConflict},
    Meaning{"CONDITION_NOT_MET", Errc::kConflict},
    Meaning{"RESOURCE_NOT_FOUND", Errc::kNotFound},
    Meaning{"RESOURCE_ALREADY_EXISTS", Errc::kExists},
    Meaning{"RATE_LIMIT_EXCEEDED", Errc::kBusy},
    Meaning{"QUOTA_EXCEEDED", Errc::kNoSpace},
    Meaning{"LIMIT_EXCEEDED", Errc::kNoSpace},
    Meaning{"PERMISSIONS_ERROR", Errc::kPermission},
    Meaning{"UNSUPPORTED_OPERATION", Errc::kUnsupported},
    Meaning{"RESOURCE_NOT_READY", Errc::kUnavailable},
    Meaning{"INTERNAL_ERROR", Errc::kUnavailable},
};

Errc look_up(std::span<const Meaning> meanings, std::string_view word, Errc otherwise) {
  const auto it = std::ranges::find(meanings, word, &Meaning::word);
  return it == meanings.end() ? otherwise : it->code;
}

Errc errc_of(int status, std::string_view reason) {
  if (status == 400) return look_up(kBadRequestReasons, reason, Errc::kInvalidArgument);
  if (status == 401) return Errc::kPermission;
  if (status == 403) return look_up(kForbiddenReasons, reason, Errc::kPermission);
  if (status == 404) return Errc::kNotFound;
  if (status == 409) return Errc::kExists;
  if (status == 412) return Errc::kConflict;
  // Google's other services say it so; a proxy in between may too.
  if (status == 429) return Errc::kBusy;
  if (status == 408 || status >= 500) return Errc::kUnavailable;
  if (status >= 400) return Errc::kInvalidArgument;
  return Errc::kUnavailable;  // redirects and the like: not the API
}

}  // namespace

Errc operation_errc(std::string_view code) {
  return look_up(kOperationCodes, code, Errc::kInvalidArgument);
}

Error api_error(int status, std::string_view body) {
  std::string reason;
  std::string message;
  // A body that is no JSON comes from something in between; the status must do then.
  if (Result<boost::json::value> value = parse_json_object(body)) {
    std::string ignored;
    JsonFields in(*value, &ignored);
    JsonFields error(in.object("error"), &ignored);
    message = error.text("message").substr(0, kApiMessageBytesMax);
    const boost::json::array& errors = error.list("errors");
    if (!errors.empty()) reason = JsonFields(errors.front(), &ignored).text("reason");
  }
  for (char& c : message)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  std::string text = fmt::format("HTTP {}", status);
  if (!reason.empty()) text += " " + reason.substr(0, kNameBytesMax);
  if (!message.empty()) text += ": " + message;
  return Error(errc_of(status, reason), std::move(text));
}

}  // namespace atl::cloud
