// Assertions that stay on in every build. A failed check means a bug in Atoll, never bad input:
// bad input is an Error (base/result.h). The process stops, because going on could lose data.
#pragma once

#include <string_view>

namespace atl {

[[noreturn]] void check_failed(const char* file, int line, const char* expression,
                               std::string_view detail = {});

}  // namespace atl

#define ATOLL_CHECK(condition, ...)                                                   \
  do {                                                                                \
    if (!(condition)) [[unlikely]]                                                    \
      ::atl::check_failed(__FILE__, __LINE__, #condition __VA_OPT__(, ) __VA_ARGS__); \
  } while (false)
