#include "core/blocks.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/file.h"
#include "support/temp_dir.h"

using namespace ckpt;

TEST_SUITE("core/blocks") {
  TEST_CASE("pieces of every size arrive whole and in order, small ones together") {
    std::string wanted;
    std::string got;
    std::vector<std::size_t> sizes;
    Blocks blocks([&](ByteView block) {
      got += as_text(block);
      sizes.push_back(block.size());
    });
    for (const std::size_t size : {1U, 65'535U, 1U, 65'536U, 0U, 3U, 70'000U, 40'000U, 40'000U}) {
      const std::string piece(size, static_cast<char>('a' + wanted.size() % 26));
      wanted += piece;
      blocks.add(piece);
    }
    blocks.flush();
    blocks.flush();  // has nothing left
    CHECK(got == wanted);
    CHECK(sizes == std::vector<std::size_t>{65'536, 1, 65'536, 3, 70'000, 40'000, 40'000});
  }
}
