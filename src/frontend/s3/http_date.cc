#include "frontend/s3/http_date.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/check.h"

namespace atl::s3 {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Broken {  // a moment in UTC
  int year = 1970;
  unsigned month = 1, day = 1, hour = 0, minute = 0, second = 0, weekday = 4;
};

Broken break_down(int64_t seconds) {
  using namespace std::chrono;
  const sys_seconds moment{std::chrono::seconds(seconds)};
  const sys_days day_start = floor<days>(moment);
  const year_month_day date(day_start);
  const auto in_day = static_cast<unsigned>((moment - day_start).count());
  return {int(date.year()),
          unsigned(date.month()),
          unsigned(date.day()),
          in_day / 3600,
          in_day / 60 % 60,
          in_day % 60,
          weekday(day_start).c_encoding()};
}

std::optional<Nanos> put_together(Broken b) {
  using namespace std::chrono;
  // A leap second is taken for the second after it.
  if (b.hour > 23 || b.minute > 59 || b.second > 60) return std::nullopt;
  if (!year_month_day{year(b.year), month(b.month), day(b.day)}.ok()) return std::nullopt;
  if (b.year < 1700) b = {1700, 1, 1, 0, 0, 0, 0};
  if (b.year > 2250) b = {2250, 12, 31, 23, 59, 59, 0};
  const sys_days date = year_month_day{year(b.year), month(b.month), day(b.day)};
  return Nanos(date.time_since_epoch()) + hours(b.hour) + minutes(b.minute) +
         std::chrono::seconds(b.second);
}

// Reads fixed text formats from the front of a view.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool literal(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  bool digits(size_t count, unsigned* out) {
    if (text_.size() < count) return false;
    unsigned value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return false;
      value = value * 10 + static_cast<unsigned>(text_[i] - '0');
    }
    text_.remove_prefix(count);
    *out = value;
    return true;
  }
  bool year4(int* out) {
    unsigned value = 0;
    if (!digits(4, &value)) return false;
    *out = static_cast<int>(value);
    return true;
  }
  bool month(unsigned* out) {
    for (size_t i = 0; i < kMonths.size(); ++i)
      if (literal(kMonths[i])) {
        *out = static_cast<unsigned>(i + 1);
        return true;
      }
    return false;
  }
  bool time(Broken* b) {
    return digits(2, &b->hour) && literal(":") && digits(2, &b->minute) && literal(":") &&
           digits(2, &b->second);
  }
  bool utc() { return literal(" GMT") || literal(" UTC") || literal(" +0000"); }
  bool weekday_before(char end) {  // "Sun" to "Wednesday"; its truth is not checked
    const size_t at = text_.find(end);
    if (at == std::string_view::npos || at < 3 || at > 9) return false;
    text_.remove_prefix(at);
    return true;
  }
  bool at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
};

bool scan_imf_fixdate(std::string_view text, Broken* b) {  // Sun, 06 Nov 1994 08:49:37 GMT
  Scanner s(text);
  return s.weekday_before(',') && s.literal(", ") && s.digits(2, &b->day) && s.literal(" ") &&
         s.month(&b->month) && s.literal(" ") && s.year4(&b->year) && s.literal(" ") && s.time(b) &&
         s.utc() && s.at_end();
}

bool scan_rfc850(std::string_view text, Broken* b) {  // Sunday, 06-Nov-94 08:49:37 GMT
  Scanner s(text);
  unsigned year = 0;
  const bool ok = s.weekday_before(',') && s.literal(", ") && s.digits(2, &b->day) &&
                  s.literal("-") && s.month(&b->month) && s.literal("-") && s.digits(2, &year) &&
                  s.literal(" ") && s.time(b) && s.utc() && s.at_end();
  b->year = static_cast<int>(year < 70 ? 2000 + year : 1900 + year);
  return ok;
}

bool scan_asctime(std::string_view text, Broken* b) {  // Sun Nov  6 08:49:37 1994
  Scanner s(text);
  return s.weekday_before(' ') && s.literal(" ") && s.month(&b->month) && s.literal(" ") &&
         (s.literal(" ") ? s.digits(1, &b->day) : s.digits(2, &b->day)) && s.literal(" ") &&
         s.time(b) && s.literal(" ") && s.year4(&b->year) && s.at_end();
}

// Decimal digits and text at a place in a string of fixed length.
char* put2(char* at, unsigned value) {
  *at++ = static_cast<char>('0' + value / 10 % 10);
  *at++ = static_cast<char>('0' + value % 10);
  return at;
}
char* put4(char* at, unsigned value) {
  return put2(put2(at, value / 100), value % 100);
}
char* put(char* at, std::string_view text) {
  return std::copy(text.begin(), text.end(), at);
}
char* put_time(char* at, const Broken& b) {
  return put2(put(put2(put(put2(at, b.hour), ":"), b.minute), ":"), b.second);
}

}  // namespace

std::string iso8601_date(Nanos since_epoch) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(since_epoch);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(ms);
  const Broken b = break_down(seconds.count());
  const auto fraction = static_cast<unsigned>((ms - seconds).count());
  std::string out(24, ' ');
  char* at = put4(out.data(), static_cast<unsigned>(b.year));
  at = put2(put(at, "-"), b.month);
  at = put2(put(at, "-"), b.day);
  at = put_time(put(at, "T"), b);
  at = put(at, ".");
  *at++ = static_cast<char>('0' + fraction / 100);
  at = put(put2(at, fraction % 100), "Z");
  ATOLL_CHECK(at == out.data() + out.size());
  return out;
}

std::string http_date(Nanos since_epoch) {
  const Broken b = break_down(std::chrono::floor<std::chrono::seconds>(since_epoch).count());
  std::string out(29, ' ');
  char* at = put(put(out.data(), kDays[b.weekday]), ", ");
  at = put(put(put(put2(at, b.day), " "), kMonths[b.month - 1]), " ");
  at = put(put_time(put(put4(at, static_cast<unsigned>(b.year)), " "), b), " GMT");
  ATOLL_CHECK(at == out.data() + out.size());
  return out;
}

std::optional<Nanos> parse_http_date(std::string_view text) {
  for (auto* scan : {&scan_imf_fixdate, &scan_rfc850, &scan_asctime}) {
    Broken b;
    if (scan(text, &b)) return put_together(b);
  }
  return std::nullopt;
}

}  // namespace atl::s3
