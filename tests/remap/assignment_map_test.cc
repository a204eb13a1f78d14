#include "remap/assignment_map.h"

#include <doctest/doctest.h>

#include "support/error_of.h"
#include "support/remap.h"

using namespace ckpt;

namespace {

const Strings kTensors{"old/x", "old/y", "x", "y", "old_2/x", "w"};

// "variable < tensor" for each assignment; the error's sentence alone where there is one.
Strings resolved(std::string_view map, const Strings& tensors, const Strings& variables) {
  Strings out;
  const std::string error = error_of([&] {
    for (const Assignment& each :
         resolve_assignments(parse_assignment_map(map), tensors, std::span(variables))) {
      out.push_back(each.variable + " < " + each.tensor);
    }
  });
  return error == "no error" ? out : Strings{error};
}

Strings without_model(std::string_view map, const Strings& tensors) {
  Strings out;
  const std::string error = error_of([&] {
    for (const Assignment& each : resolve_assignments(parse_assignment_map(map), tensors)) {
      out.push_back(each.variable + " < " + each.tensor);
    }
  });
  return error == "no error" ? out : Strings{error};
}

}  // namespace

TEST_SUITE("remap/assignment_map") {
  TEST_CASE("the consequences of TensorFlow's rules, one after the other") {
    // 1 to 4: scopes, from and to the root.
    CHECK(resolved(R"({"old/": "new/"})", kTensors, {"new/x", "new/y"}) ==
          Strings{"new/x < old/x", "new/y < old/y"});
    CHECK(resolved(R"({"/": "new/"})", kTensors, {"new/x"}) == Strings{"new/x < x"});
    CHECK(resolved(R"({"/": "/"})", kTensors, {"old/x", "w"}) == Strings{"old/x < old/x", "w < w"});
    CHECK(resolved(R"({"old/": "/"})", kTensors, {"x", "y"}) == Strings{"x < old/x", "y < old/y"});
    // 5: a scope is not a prefix of a segment.
    CHECK(resolved(R"({"old/": "new/"})", kTensors, {"new/x", "new_2/x"}) ==
          Strings{"new/x < old/x"});
    // 6: every variable of the scope must be there.
    CHECK(resolved(R"({"old/": "new/"})", kTensors, {"new/x", "new/z"}) ==
          Strings{"'old/': 'new/': the checkpoint has no tensor 'old/z'; did you mean 'old/x' or "
                  "'old/y'?"});
    // 7: a scope goes to a scope.
    CHECK(resolved(R"({"old": "new/"})", kTensors, {"new/x"}) ==
          Strings{"'old': 'new/': the model has no variable of that name; did you mean 'new/x'?; "
                  "for a scope, both sides must end in '/'"});
    // 8: without its slash, the scope is the root, and each name loses a character.
    CHECK(resolved(R"({"old/": "new"})", kTensors, {"ax", "by"}) ==
          Strings{"ax < old/x", "by < old/y"});
    CHECK(resolved(R"({"old/": "new"})", kTensors, {"new/x"}) ==
          Strings{"'old/': 'new': the checkpoint has no tensor 'old/ew/x'"});
    // 9: what stands behind the last slash is ignored.
    CHECK(resolved(R"({"old/": "new/typo"})", kTensors, {"new/x"}) == Strings{"new/x < old/x"});
    // 12: names are without ":0".
    CHECK(resolved(R"({"w:0": "new/x"})", kTensors, {"new/x"}) ==
          Strings{"'w:0': 'new/x': the checkpoint has no tensor 'w:0'"});
    // 14: a scope that catches nothing does nothing.
    CHECK(resolved(R"({"old/": "none/"})", kTensors, {"new/x"}) == Strings{});
  }

  TEST_CASE("pieces of a partitioned variable count once, under its name") {
    CHECK(resolved(R"({"old/": "new/"})", kTensors, {"new/x/part_0", "new/x/part_1", "new/y"}) ==
          Strings{"new/x < old/x", "new/y < old/y"});
    CHECK(resolved(R"({"w": "new/x"})", kTensors, {"new/x/part_0", "new/x/part_1"}) ==
          Strings{"new/x < w"});
  }

  TEST_CASE("the larger key wins where rules overlap, in whatever order they stand") {
    CHECK(resolved(R"({"w": "new/x", "old/": "new/"})", kTensors, {"new/x", "new/y"}) ==
          Strings{"new/x < w", "new/y < old/y"});
    CHECK(resolved(R"({"old/y": "new/x", "old/": "new/"})", kTensors, {"new/x", "new/y"}) ==
          Strings{"new/x < old/y", "new/y < old/y"});
  }

  TEST_CASE("without a model, a scope leads to what is under it") {
    CHECK(without_model(R"({"old/": "new/", "w": "v"})", kTensors) ==
          Strings{"new/x < old/x", "new/y < old/y", "v < w"});
    CHECK(without_model(R"({"old/": "/"})", kTensors) == Strings{"x < old/x", "y < old/y"});
    CHECK(without_model(R"({"/": "m/"})", {"a", "b/c"}) == Strings{"m/a < a", "m/b/c < b/c"});
    CHECK(without_model(R"({"old/": "a/", "old_2/": "a/"})", {"old/x", "old_2/x", "old_2/z"}) ==
          Strings{"a/x < old_2/x", "a/z < old_2/z"});
    CHECK(
        without_model(R"({"old/": "new"})", kTensors) ==
        Strings{"'old/': 'new': one side ends in '/' and one does not: a scope goes to a scope, a "
                "tensor to a variable"});
    CHECK(without_model(R"({"odl": "new"})", kTensors) ==
          Strings{"'odl': 'new': the checkpoint has no tensor 'odl'"});
  }

  TEST_CASE("the outcome as rules gives a plan, with copies where variables share a tensor") {
    const auto assignments = resolve_assignments(
        parse_assignment_map(R"([["w", "a"], ["w", "b"], ["x", "c"]])"), Strings{"w", "x", "z"});
    const Rules rules = assignment_rules(assignments);
    REQUIRE(rules.rules.size() == 2);
    CHECK(print(rules.rules[0], '/') == "w = a + b | copy");
    CHECK(print(rules.rules[1], '/') == "x = c");
    PlanOptions options;
    options.rest = Rest::kDrop;
    const auto entries = named({"w", "x", "z"});
    const Plan plan = make_plan(entries, rules, options);
    CHECK(messages_of(plan) == Strings{});
    CHECK(changes_of(plan) == Strings{"w > a", "w > b", "x > c", "z > -"});
  }

  TEST_CASE("a map that is none is refused") {
    const auto fault = [](std::string_view json) {
      return error_of([&] { (void)parse_assignment_map(json); });
    };
    CHECK(fault("1") == "an assignment map is an object or an array of pairs");
    CHECK(fault(R"({"a": 1})") == "\"a\" must be mapped to a string");
    CHECK(fault(R"({"a": "b", "a": "c"})") == "line 1: the key \"a\" is there twice");
    CHECK(fault(R"([["a", "b"], ["a"]])") == "pair 2 must be an array of two strings");
  }
}
