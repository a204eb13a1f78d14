#include "core/name_index.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/text.h"

using namespace ckpt;

TEST_SUITE("core/name_index") {
  TEST_CASE("a name index finds the row of each name, and keeps the first of two") {
    std::vector<std::string> names{""};
    const auto name_of = [&](std::uint32_t i) -> std::string_view { return names[i]; };
    NameIndex index;
    CHECK(index.find("", name_of) == NameIndex::kNone);
    CHECK(index.add(0, name_of) == 0);
    for (std::uint32_t i = 1; i < 5000; ++i) {
      names.push_back(cat("name ", i));
      REQUIRE(index.add(i, name_of) == i);
    }
    names.push_back("name 77");
    CHECK(index.add(5000, name_of) == 77);
    for (std::uint32_t i = 0; i < 5000; ++i) REQUIRE(index.find(names[i], name_of) == i);
    CHECK(index.find("name 5000", name_of) == NameIndex::kNone);
  }
}
