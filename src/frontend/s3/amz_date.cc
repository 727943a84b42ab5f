#include "frontend/s3/amz_date.h"

#include <chrono>

#include <fmt/format.h>

namespace atl::s3 {
namespace {

// The number that `digits` decimal digits at `position` write, or -1.
int number_at(std::string_view text, size_t position, size_t digits) {
  int value = 0;
  for (size_t i = position; i < position + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

std::string format_amz_date(UnixSeconds time) {
  using namespace std::chrono;
  const sys_seconds point{seconds(time)};
  const sys_days day = floor<days>(point);
  const year_month_day date(day);
  const hh_mm_ss clock(point - day);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::optional<UnixSeconds> parse_amz_date(std::string_view text) {
  using namespace std::chrono;
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  const int y = number_at(text, 0, 4), m = number_at(text, 4, 2), d = number_at(text, 6, 2);
  const int hour = number_at(text, 9, 2), minute = number_at(text, 11, 2),
            second = number_at(text, 13, 2);
  if (y < 0 || m < 0 || d < 0 || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  const year_month_day date{year(y), month(static_cast<unsigned>(m)),
                            std::chrono::day(static_cast<unsigned>(d))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return sys_days(date).time_since_epoch().count() * int64_t{86400} + hour * 3600 + minute * 60 +
         second;
}

}  // namespace atl::s3
