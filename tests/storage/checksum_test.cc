#include "storage/checksum.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace ckpt;

TEST_SUITE("storage/checksum") {
  TEST_CASE("bytes have one checksum, whether they come at once or in pieces") {
    for (std::size_t size = 0; size < 2000; ++size) {
      const Bytes bytes(size, std::byte{7});
      Checksum sum;
      for (std::size_t at = 0; at < size; at += 9) {
        sum.add(ByteView(bytes).subspan(at, std::min<std::size_t>(9, size - at)));
      }
      CAPTURE(size);
      CHECK(sum.short_value() == short_checksum(bytes));
    }
  }
}
