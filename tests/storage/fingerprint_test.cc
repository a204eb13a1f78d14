#include "storage/fingerprint.h"

#include <doctest/doctest.h>

#include "core/text.h"

using namespace ckpt;

namespace {

Fingerprint print_of_bytes(Bytes bytes) { return fingerprint_of(*memory_file(std::move(bytes))); }

}  // namespace

TEST_SUITE("storage/fingerprint") {
  TEST_CASE("a fingerprint comes back from its text, and from no other") {
    for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 5000}) {
      const Fingerprint print = print_of_bytes(Bytes(size, std::byte{3}));
      const std::string text = to_string(print);
      CHECK(print.size == size);
      CHECK((parse_fingerprint(text) == print));
      for (std::size_t i = 0; i < text.size(); ++i) {
        CHECK(!parse_fingerprint(text.substr(0, i)));
        std::string other = text;
        other[i] = 'g';
        CHECK(!parse_fingerprint(other));
      }
      for (const std::string& other :
           {text + "0", " " + text, "0" + text, "-" + text, "+" + text}) {
        CHECK(!parse_fingerprint(other));
      }
    }
    CHECK(!parse_fingerprint("18446744073709551616 00000000000000000000000000000000"));
    CHECK(!parse_fingerprint("1 0000000000000000000000000000000A"));
  }

  TEST_CASE("every byte of a small file counts, and of a large one its ends and length") {
    const Bytes small(3000);
    for (std::size_t i = 0; i < small.size(); i += 7) {
      Bytes other = small;
      other[i] = std::byte{1};
      CHECK(!(print_of_bytes(other) == print_of_bytes(small)));
    }
    const std::size_t size = std::size_t{3} << 20U;
    const Fingerprint large = print_of_bytes(Bytes(size));
    CHECK(!(print_of_bytes(Bytes(size + 1)) == large));
    for (const std::size_t at : {std::size_t{0}, (std::size_t{256} << 10U) - 1,
                                 size - (std::size_t{256} << 10U), size - 1}) {
      Bytes other(size);
      other[at] = std::byte{1};
      CHECK(!(print_of_bytes(std::move(other)) == large));
    }
  }
}
