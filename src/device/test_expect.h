// For tests: expectations on Status and Result that print the error.
#pragma once

#include <gtest/gtest.h>

#include "base/result.h"

#define EXPECT_OK(expression)                                            \
  do {                                                                   \
    const auto& expect_ok = (expression);                                \
    EXPECT_TRUE(expect_ok.has_value()) << expect_ok.error().to_string(); \
  } while (false)

#define ASSERT_OK(expression)                                            \
  do {                                                                   \
    const auto& expect_ok = (expression);                                \
    ASSERT_TRUE(expect_ok.has_value()) << expect_ok.error().to_string(); \
  } while (false)

#define EXPECT_ERRC(expression, errc)                                             \
  do {                                                                            \
    const auto& expect_errc = (expression);                                       \
    ASSERT_FALSE(expect_errc.has_value());                                        \
    EXPECT_EQ(expect_errc.error().code, errc) << expect_errc.error().to_string(); \
  } while (false)
