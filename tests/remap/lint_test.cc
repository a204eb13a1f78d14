#include "remap/lint.h"

#include <doctest/doctest.h>

#include "support/remap.h"

using namespace ckpt;

TEST_SUITE("remap/lint") {
  TEST_CASE("rules that are useless or irreversible are found without a file") {
    const auto found = [](const Strings& rules) {
      Strings out;
      for (const LintFinding& finding : lint(parse_rules(rules, '/'))) {
        out.push_back(std::string(name_of(finding.code)) + ": " + finding.message);
      }
      return out;
    };
    CHECK(found({"a/ = b/", "c = d | permute(1,0)", "a + c = x | concat(0)"}) ==
          Strings{"never-complete: rule 3 (a + c = x | concat(0)) never joins: rule 2 (c = d | "
                  "permute(1,0)) claims its source 2"});
    CHECK(found({"a = b", "a=b"}) == Strings{"duplicate: rule 2 (a = b) is the same as rule 1"});
    CHECK(
        found({"a/ = b/", "a/x = c"}) ==
        Strings{"never-fires: rule 2 (a/x = c) never decides: rule 1 (a/ = b/) claims all that it "
                "matches"});
    CHECK(found({"a = x", "b = x"}) ==
          Strings{"same-target: rule 2 (b = x) leads to the same name as rule 1"});
    CHECK(found({"opt/ = -"}) ==
          Strings{"not-invertible: rule 1 (opt/ = -) cannot be inverted: what is dropped does not "
                  "come back"});
    CHECK(found({"a/x = c", "a/ = b/", "p + q = r | concat(0)", "re:x = y"}) ==
          Strings{"not-invertible: rule 4 (re:x = y) cannot be inverted: a regular expression"});
  }
}
