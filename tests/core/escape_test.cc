#include "core/escape.h"

#include <doctest/doctest.h>

#include "core/nearest.h"

using namespace ckpt;

TEST_SUITE("core/escape") {
  TEST_CASE("control characters, bad UTF-8 and invisible characters are shown, plain names kept") {
    CHECK(escape("dense_1/kernel:0") == "dense_1/kernel:0");
    CHECK(escape("größe/层") == "größe/层");
    CHECK(escape("a\x1b[31m\n\tb\\") == "a\\x1b[31m\\n\\tb\\\\");
    CHECK(escape("\xff\xc0\x80") == "\\xff\\xc0\\x80");
    CHECK(escape("a\xe2\x80\xae"
                 "b") == "a\\u{202e}b");
    CHECK(escape("\xc2\x9b") == "\\u{009b}");
    CHECK(escape(std::string_view("\0", 1)) == "\\x00");
  }

  TEST_CASE("UTF-8 is told from what is not") {
    CHECK(is_utf8("größe \xf0\x9f\x98\x80"));
    CHECK_FALSE(is_utf8("\xed\xa0\x80"));      // a surrogate
    CHECK_FALSE(is_utf8("\xe0\x80\x80"));      // overlong
    CHECK_FALSE(is_utf8("\xf4\x90\x80\x80"));  // past U+10FFFF
    CHECK_FALSE(is_utf8("a\xc3"));             // cut
    CHECK(replace_invalid_utf8("a\xff"
                               "b") ==
          "a\xef\xbf\xbd"
          "b");
    CHECK(to_hex("a\xff") == "61ff");
  }
}

TEST_SUITE("core/nearest") {
  TEST_CASE("the distance counts edits and stops at its limit") {
    CHECK(edit_distance("kernel", "kernel", 3) == 0);
    CHECK(edit_distance("kernal", "kernel", 3) == 1);
    CHECK(edit_distance("sitting", "kitten", 5) == 3);
    CHECK(edit_distance("abc", "xyz", 1) == 2);
  }

  TEST_CASE("the nearest names come first, then those that end in what was typed") {
    const std::vector<std::string> names{"dense/kernel", "dense/bias", "conv/kernel",
                                         "dense_1/kernel"};
    CHECK(nearest("dense/kernl", names) ==
          std::vector<std::string>{"dense/kernel", "dense_1/kernel"});
    CHECK(nearest("kernel", names, 2) == std::vector<std::string>{"conv/kernel", "dense/kernel"});
    CHECK(nearest("optimizer_step_count", names).empty());
    CHECK(did_you_mean(nearest("dense/bia", names, 1)) == "; did you mean 'dense/bias'?");
    CHECK(did_you_mean({}) == "");
  }
}
