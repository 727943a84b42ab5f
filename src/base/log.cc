#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <ctime>
#include <mutex>

#include <sys/time.h>

namespace atl {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<LogFormat> g_format{LogFormat::kText};
std::mutex g_mutex;  // one line at a time
LogSink g_sink;

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "?";
}

std::string timestamp() {
  timeval now{};
  gettimeofday(&now, nullptr);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  return fmt::format("{}.{:03}Z", text, now.tv_usec / 1000);
}

void append_json_string(std::string* out, std::string_view s) {
  out->push_back('"');
  for (const char c : s) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (u < 0x20) {
      fmt::format_to(std::back_inserter(*out), "\\u{:04x}", u);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

// A value that holds spaces, quotes or control characters is quoted, so that a line stays one line.
void append_text_value(std::string* out, std::string_view s) {
  const bool plain = !s.empty() && s.find_first_of(" \"=\n\r\t\\") == std::string_view::npos;
  if (plain) {
    out->append(s);
  } else {
    append_json_string(out, s);
  }
}

}  // namespace

void set_log_level(LogLevel level) {
  g_level = level;
}
void set_log_format(LogFormat format) {
  g_format = format;
}
bool log_enabled(LogLevel level) {
  return level >= g_level.load(std::memory_order_relaxed);
}

bool parse_log_level(std::string_view text, LogLevel* out) {
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    if (level_name(level) == text) {
      *out = level;
      return true;
    }
  }
  return false;
}

void set_log_sink(LogSink sink) {
  std::lock_guard lock(g_mutex);
  g_sink = std::move(sink);
}

void log(LogLevel level, std::string_view module, std::string_view message,
         std::initializer_list<LogField> fields) {
  std::string line;
  if (g_format == LogFormat::kJson) {
    line = fmt::format(R"({{"time":"{}","level":"{}","module":"{}","message":)", timestamp(),
                       level_name(level), module);
    append_json_string(&line, message);
    for (const LogField& field : fields) {
      line.push_back(',');
      append_json_string(&line, field.key);
      line.push_back(':');
      append_json_string(&line, field.value);
    }
    line.push_back('}');
  } else {
    line = fmt::format("{} {:5} {}: {}", timestamp(), level_name(level), module, message);
    for (const LogField& field : fields) {
      line.append(" ").append(field.key).append("=");
      append_text_value(&line, field.value);
    }
  }
  std::lock_guard lock(g_mutex);
  if (g_sink) {
    g_sink(level, line);
    return;
  }
  line.push_back('\n');
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace atl
