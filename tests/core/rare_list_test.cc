#include "core/rare_list.h"

#include <doctest/doctest.h>

#include <string>

using namespace ckpt;

TEST_SUITE("core/rare_list") {
  TEST_CASE("a list is a vector in all but room") {
    static_assert(sizeof(RareList<std::string>) == sizeof(void*));
    RareList<std::string> list;
    CHECK(list.empty());
    CHECK(list.begin() == list.end());
    CHECK(list.items().empty());
    list.push_back("b");
    list.push_back("a");
    std::ranges::sort(list);
    CHECK(list.items() == std::vector<std::string>{"a", "b"});
    CHECK(list.front() == "a");

    RareList<std::string> copy = list;
    copy.push_back("c");
    CHECK(list.size() == 2);
    CHECK(copy[2] == "c");
    CHECK_FALSE(copy == list);
    list = std::move(copy);
    CHECK(list == RareList<std::string>{"a", "b", "c"});
    list.clear();
    CHECK(list == RareList<std::string>(std::vector<std::string>{}));
  }
}
