#include <doctest/doctest.h>

#include "storage/checksum.h"

using namespace ckpt;

TEST_SUITE("storage/checksum") {
  TEST_CASE("the short checksum is one number, of pieces and of the whole, at every length") {
    Bytes bytes;
    for (unsigned i = 0; i < 600; ++i) {
      CAPTURE(bytes.size());
      Checksum sum;
      sum.add(ByteView(bytes).first(bytes.size() / 3));
      sum.add(ByteView(bytes).subspan(bytes.size() / 3));
      CHECK(sum.short_value() == short_checksum(bytes));
      bytes.push_back(static_cast<std::byte>(i * 7 % 251));
    }
  }

  TEST_CASE("a number counts as its eight bytes, the lowest first") {
    Checksum of_number;
    of_number.add_number(0x0807060504030201);
    Bytes bytes;
    for (unsigned i = 1; i <= 8; ++i) bytes.push_back(static_cast<std::byte>(i));
    Checksum of_bytes;
    of_bytes.add(bytes);
    CHECK(of_number.value() == of_bytes.value());
    CHECK(of_number.short_value() == of_bytes.short_value());
  }
}
