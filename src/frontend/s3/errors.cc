#include "frontend/s3/errors.h"

#include "base/log.h"
#include "base/metrics.h"
#include "frontend/s3/http.h"
#include "frontend/s3/text.h"
#include "frontend/s3/xml.h"

namespace atl::s3 {

Response error_response(const S3Error& error, const Request& request) {
  Response response(error.status);
  for (const auto& [name, value] : error.headers) response.set(name, value);
  if (error.status == 503) response.set("Retry-After", std::to_string(kRetryAfterSeconds));
  response.set("Content-Type", "application/xml");
  if (request.is_head()) return response;  // the status is all that HEAD can say

  XmlWriter xml;
  xml.open("Error").text("Code", error.code).text("Message", printable(error.message));
  for (const auto& [name, value] : error.details) xml.text(name, printable(value));
  xml.text("Resource", printable(request.path))
      .text("RequestId", request.request_id)
      .close("Error");
  response.body = xml.take();
  return response;
}

S3Error from_error(const Error& error, std::string_view doing) {
  switch (error.code) {
    case Errc::kNoSpace:
      return err::kInsufficientStorage;
    case Errc::kBusy:
      return err::kSlowDown;
    case Errc::kUnavailable:
    case Errc::kTimeout:
    case Errc::kFenced:
    case Errc::kCancelled:
      return err::kServiceUnavailable;
    case Errc::kConflict:
      return err::kPreconditionFailed;
    case Errc::kInvalidArgument:
      return {err::kInvalidArgument, error.message};
    case Errc::kTooLarge:
      return {err::kEntityTooLarge, error.message};
    case Errc::kUnsupported:
      return {err::kNotImplemented, error.message};
    case Errc::kNotFound:
    case Errc::kExists:
    case Errc::kCorrupt:
    case Errc::kIo:
    case Errc::kForeign:
    case Errc::kBlank:
    case Errc::kStale:
    case Errc::kNotEmpty:
    case Errc::kNotDirectory:
    case Errc::kIsDirectory:
    case Errc::kPermission:
    case Errc::kNotModified:
    case Errc::kInternal:
      break;
  }
  static Counter& internal_errors =
      metric_counter("atoll_s3_internal_errors_total", "Requests answered with InternalError");
  internal_errors.add();
  ATOLL_LOG(kError, "s3", "request failed", {{"doing", doing}, {"error", error.to_string()}});
  return err::kInternalError;
}

}  // namespace atl::s3
