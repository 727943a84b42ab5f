// Structured logs: one line an event, with a module, a message and key=value fields.
//
// Text for people by default; one JSON object a line with set_log_format(kJson). Lines go to
// standard error, or to a sink that a test or the simulator installs. Any thread.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace atl {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

struct LogField {
  std::string_view key;
  std::string value;
  template <typename T>
  LogField(std::string_view k, const T& v) : key(k), value(fmt::format("{}", v)) {}
};

void set_log_level(LogLevel level);
void set_log_format(LogFormat format);
bool parse_log_level(std::string_view text, LogLevel* out);
using LogSink = std::function<void(LogLevel, std::string_view line)>;
void set_log_sink(LogSink sink);  // empty: back to standard error
bool log_enabled(LogLevel level);
void log(LogLevel level, std::string_view module, std::string_view message,
         std::initializer_list<LogField> fields = {});

}  // namespace atl

#define ATOLL_LOG(level, ...)                          \
  do {                                                 \
    if (::atl::log_enabled(::atl::LogLevel::level))    \
      ::atl::log(::atl::LogLevel::level, __VA_ARGS__); \
  } while (false)
