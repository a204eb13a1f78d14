#include "core/name_set.h"

#include <doctest/doctest.h>

#include <string>
#include <unordered_set>
#include <vector>

#include "core/text.h"

using namespace ckpt;

TEST_SUITE("core/name_set") {
  TEST_CASE("a set of names is what std::unordered_set is") {
    std::vector<std::string> names;
    for (int i = 0; i < 5000; ++i) names.push_back(cat("scope_", i * i % 3001, "/w"));
    names.emplace_back();
    names.emplace_back();
    NameSet set;
    std::unordered_set<std::string_view> reference;
    for (const std::string& name : names) {
      CHECK(set.contains(name) == reference.contains(name));
      CHECK(set.insert(name) == reference.insert(name).second);
      CHECK(set.contains(name));
    }
    for (int i = 0; i < 3100; ++i) {
      const std::string name = cat("scope_", i, "/w");
      CHECK(set.contains(name) == reference.contains(name));
    }
    CHECK_FALSE(NameSet(7).contains(""));
  }
}
