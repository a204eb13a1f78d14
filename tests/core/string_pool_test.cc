#include "core/string_pool.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace ckpt;

TEST_SUITE("core/string_pool") {
  TEST_CASE("strings stay what and where they are, as more are added and when the pool moves") {
    StringPool pool;
    std::vector<std::string> wanted;
    std::vector<std::string_view> views;
    for (const std::size_t size : {0U, 5U, 65'535U, 1U, 65'536U, 70'000U, 3U, 40'000U, 40'000U}) {
      wanted.emplace_back(size, static_cast<char>('a' + wanted.size()));
      views.push_back(pool.add(wanted.back()));
    }
    const StringPool moved = std::move(pool);
    for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(views[i] == wanted[i]);
  }
}
