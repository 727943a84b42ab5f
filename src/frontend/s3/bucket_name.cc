#include "frontend/s3/bucket_name.h"

#include <algorithm>

namespace atl::s3 {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// Four runs of digits with dots between.
bool looks_like_ipv4(std::string_view name) {
  return std::count(name.begin(), name.end(), '.') == 3 &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

}  // namespace

bool is_valid_bucket_name(std::string_view name) {
  if (name.size() < 3 || name.size() > 63) return false;
  const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '.' || c == '-'; };
  if (!std::all_of(name.begin(), name.end(), allowed)) return false;
  if (!is_letter_or_digit(name.front()) || !is_letter_or_digit(name.back())) return false;
  if (name.find("..") != std::string_view::npos || looks_like_ipv4(name)) return false;
  return !name.starts_with("xn--") && !name.starts_with("sthree-") &&
         !name.starts_with("amzn-s3-demo-") && !name.ends_with("-s3alias") &&
         !name.ends_with("--ol-s3") && !name.ends_with(".mrap") && !name.ends_with("--x-s3") &&
         !name.ends_with("--table-s3");
}

}  // namespace atl::s3
