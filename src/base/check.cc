#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace atl {

void check_failed(const char* file, int line, const char* expression, std::string_view detail) {
  std::fprintf(stderr, "atoll: internal error at %s:%d: check failed: %s%s%.*s\n", file, line,
               expression, detail.empty() ? "" : ": ", static_cast<int>(detail.size()),
               detail.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace atl
