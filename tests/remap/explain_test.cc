#include "remap/explain.h"

#include <doctest/doctest.h>

#include "support/remap.h"

using namespace ckpt;

TEST_SUITE("remap/explain") {
  TEST_CASE("each name is told which rule decides and which are shadowed") {
    const Rules rules = parse_rules({"a/x = b", "a/ = c/", "re:a/.* = d", "{p:path} = {p}"}, '/');
    const Strings names{"a/x", "a/y", "z"};
    CHECK(explain(names, rules) ==
          std::vector<Explanation>{{"a/x", 0, {1, 2, 3}}, {"a/y", 1, {2, 3}}, {"z", 3, {}}});
    CHECK(explain(Strings{"z"}, parse_rules({"a = b"}, '/')) ==
          std::vector<Explanation>{{"z", kNoIndex, {}}});
  }
}
