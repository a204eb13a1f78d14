#include "report/units.h"

#include <doctest/doctest.h>

#include <limits>

using namespace ckpt;

TEST_SUITE("report/units") {
  TEST_CASE("bytes are told in powers of 1024 and never in four digits") {
    CHECK(human_bytes(0) == "0 B");
    CHECK(human_bytes(1023) == "1023 B");
    CHECK(human_bytes(1024) == "1.0 KiB");
    CHECK(human_bytes(1536) == "1.5 KiB");
    CHECK(human_bytes(102300) == "99.9 KiB");
    CHECK(human_bytes(102400) == "100 KiB");
    CHECK(human_bytes(1048575) == "1.0 MiB");
    CHECK(human_bytes(std::uint64_t{20} << 30) == "20.0 GiB");
    CHECK(human_bytes(std::numeric_limits<std::uint64_t>::max()) == "16.0 EiB");
  }

  TEST_CASE("numbers have six digits and odd ones a name") {
    CHECK(human_number(0.1) == "0.1");
    CHECK(human_number(1.0 / 3) == "0.333333");
    CHECK(human_number(-1e-9) == "-1e-09");
    CHECK(human_number(std::numeric_limits<double>::quiet_NaN()) == "nan");
    CHECK(human_number(-std::numeric_limits<double>::infinity()) == "-inf");
  }

  TEST_CASE("wide and combining characters count the columns they take") {
    CHECK(display_width("dense") == 5);
    CHECK(display_width("größe") == 5);
    CHECK(display_width("层") == 2);
    CHECK(display_width("e\xcc\x81") == 1);
  }

  TEST_CASE("a long name is cut in its middle to the columns there are") {
    CHECK(shorten("encoder/layer_0", 15) == "encoder/layer_0");
    CHECK(shorten("encoder/layer_0", 9) == "enco…er_0");
    CHECK(shorten("层层层层", 5) == "层…层");
    CHECK(shorten("abc", 1) == "…");
    CHECK(pad_right("层", 4) == "层  ");
    CHECK(pad_left("12", 4) == "  12");
  }
}
