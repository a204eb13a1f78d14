#include "core/shell_word.h"

#include <doctest/doctest.h>

#include "support/process.h"

using namespace ckpt;

TEST_SUITE("core/shell_word") {
  TEST_CASE("plain names stay, others are quoted, and nothing is hidden from who reads them") {
    CHECK(shell_word("a/model-1.h5") == "a/model-1.h5");
    CHECK(shell_word("-model.h5") == "./-model.h5");
    CHECK(shell_word("- model.h5") == "'./- model.h5'");
    CHECK(shell_word("") == "''");
    CHECK(shell_word("my model.h5") == "'my model.h5'");
    CHECK(shell_word("it's") == "'it'\\''s'");
    CHECK(shell_word("größe") == "'größe'");
    CHECK(shell_word("a\\b") == "'a\\b'");
    CHECK(shell_word("a\nb'\\") == "$'a\\x0ab\\x27\\x5c'");
    CHECK(shell_word("\xe2\x80\xae.h5") == "$'\\xe2\\x80\\xae.h5'");
  }

  TEST_CASE("a shell reads the name itself") {
    for (const std::string name : {"$(id) `id` \"$x\" *", "~root", "a!b#c",
                                   "\xff\n\x01"
                                   "f",
                                   "it's"}) {
      CAPTURE(name);
      const auto result = run({"bash", "-c", "printf %s " + shell_word(name)});
      CHECK(result.out == name);
    }
  }
}
