#include "core/text.h"

#include <doctest/doctest.h>

using ckpt::cat;
using ckpt::glob_match;

TEST_SUITE("core/text") {
  TEST_CASE("cat prints text, characters and numbers without a locale") {
    CHECK(cat("a", 'b', std::string("c"), 1, -2, 3U, 1.5, std::uint64_t{18446744073709551615U}) ==
          "abc1-231.518446744073709551615");
    CHECK(cat() == "");
  }

  TEST_CASE("split gives the pieces between separators, empty ones too") {
    CHECK(ckpt::split("a//b", "/") == std::vector<std::string_view>{"a", "", "b"});
    CHECK(ckpt::split("", "/") == std::vector<std::string_view>{""});
  }

  TEST_CASE("count_of speaks of one variable and of many variables") {
    CHECK(ckpt::count_of(1, "variable") == "1 variable");
    CHECK(ckpt::count_of(0, "variable") == "0 variables");
    CHECK(ckpt::count_of(1234567, "variable") == "1,234,567 variables");
    CHECK(ckpt::with_commas(999) == "999");
  }

  TEST_CASE("a star stays inside a segment and a double star crosses segments") {
    CHECK(glob_match("conv*/kernel", "conv1/kernel", '/'));
    CHECK_FALSE(glob_match("conv*", "conv1/kernel", '/'));
    CHECK(glob_match("conv**", "conv1/kernel", '/'));
    CHECK(glob_match("**/kernel", "a/b/kernel", '/'));
    CHECK_FALSE(glob_match("*/kernel", "a/b/kernel", '/'));
    CHECK(glob_match("*", "a/b", 0));
    CHECK(glob_match("**a*b", "x/y/aXb", '/'));
    CHECK_FALSE(glob_match("**a*b", "x/y/aX/b", '/'));
  }

  TEST_CASE("question marks and sets match one character") {
    CHECK(glob_match("layer_?/w", "layer_3/w", '/'));
    CHECK_FALSE(glob_match("a?b", "a/b", '/'));
    CHECK(glob_match("layer_[0-9]/w", "layer_3/w", '/'));
    CHECK_FALSE(glob_match("layer_[!0-9]/w", "layer_3/w", '/'));
    CHECK(glob_match("a[]]b", "a]b", '/'));
    CHECK(glob_match("a[b", "a[b", '/'));
    CHECK_FALSE(glob_match("", "a", '/'));
    CHECK(glob_match("", "", '/'));
  }

  TEST_CASE("a pattern of many stars ends in time that is not exponential") {
    const std::string text(2000, 'a');
    CHECK_FALSE(glob_match("*a*a*a*a*a*a*a*a*a*a*a*b", text, '/'));
  }
}
