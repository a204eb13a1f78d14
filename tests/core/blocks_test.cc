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

  TEST_CASE("a file gets them from a place on, which moves along") {
    const TempDir dir;
    NewFile file(dir / "f", Overwrite::kNo);
    file.write_at(0, as_byte_view("head"));
    std::uint64_t at = 4;
    Blocks blocks(file, at);
    blocks.add("body");
    CHECK(at == 4);
    blocks.flush();
    CHECK(at == 8);
    file.commit();
    Bytes bytes(8);
    open_file(dir / "f")->read_at(0, bytes);
    CHECK(as_text(bytes) == "headbody");
  }
}
