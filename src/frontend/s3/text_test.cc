#include "frontend/s3/text.h"

#include <gtest/gtest.h>

namespace atl::s3 {
namespace {

TEST(Text, PercentEncoding) {
  EXPECT_EQ(percent_encode("a b+c/d~é", true), "a%20b%2Bc/d~%C3%A9");
  EXPECT_EQ(percent_encode("a/b", false), "a%2Fb");
  EXPECT_EQ(percent_decode_text("a%20b+c%2fd", true), "a b c/d");
  EXPECT_EQ(percent_decode_text("a+b", false), "a+b");
  EXPECT_FALSE(percent_decode_text("%", false).has_value());
  EXPECT_FALSE(percent_decode_text("%4", false).has_value());
  EXPECT_FALSE(percent_decode_text("%zz", false).has_value());
}

TEST(Text, Utf8) {
  for (const char* good : {"", "a", "é", "€", "𝄞", "\x7f", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_valid_utf8(good)) << good;
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xffz"})
    EXPECT_FALSE(is_valid_utf8(bad));
  EXPECT_EQ(utf8_length("aé€𝄞"), 4u);
}

TEST(Text, WhatXmlCannotHoldIsPercentEncoded) {
  EXPECT_EQ(printable("a\tb é"), "a\tb é");
  EXPECT_EQ(printable("a\x01z"), "a%01z");
  EXPECT_EQ(printable("a\uFFFEz"), "a%EF%BF%BEz");
  EXPECT_EQ(printable("a\uFFFDz"), "a\uFFFDz");
}

TEST(Text, HeaderSafety) {
  EXPECT_TRUE(is_header_safe("attachment; filename=\"a b\"\té"));
  for (const char* bad : {"a\r\nSet-Cookie: x", "a\n", "\x01", "\x7f"})
    EXPECT_FALSE(is_header_safe(bad));
}

}  // namespace
}  // namespace atl::s3
