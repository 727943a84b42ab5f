#include "lab/service_kind.h"

#include <fmt/format.h>

namespace atl::lab {

std::string_view service_kind_name(ServiceKind kind) {
  switch (kind) {
    case ServiceKind::kHttp:
      return "http";
    case ServiceKind::kS3:
      return "s3";
  }
  return "";
}

Result<ServiceKind> find_service_kind(std::string_view name) {
  for (const ServiceKind kind : {ServiceKind::kHttp, ServiceKind::kS3})
    if (service_kind_name(kind) == name) return kind;
  return fail(Errc::kInvalidArgument, fmt::format("there is no service {}: http or s3", name));
}

}  // namespace atl::lab
