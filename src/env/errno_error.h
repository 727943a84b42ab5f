// System call errors as Errors. For the inside of env only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace atl::env {

// "open /d/disk: No such file or directory", with the code that callers branch on.
Error errno_error(int error_number, std::string_view what, std::string_view subject);

}  // namespace atl::env
