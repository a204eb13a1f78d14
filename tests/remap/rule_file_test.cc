#include "remap/rule_file.h"

#include <doctest/doctest.h>

#include "support/error_of.h"

using namespace ckpt;

namespace {

std::string map_file_fault(std::string_view json) {
  return error_of([&] { (void)parse_rule_file(json, '/'); });
}

std::string in_file(std::string_view rules) {
  return "{\"schema\": \"ckpt/map/1\", \"rules\": [" + std::string(rules) + "]}";
}

}  // namespace

TEST_SUITE("remap/rule_file") {
  TEST_CASE("strings and objects are interchangeable") {
    const Rules rules = parse_rule_file(R"json({
      "schema": "ckpt/map/1", "comment": "of version 2",
      "rules": [
        "module. = .",
        {"from": ["h.{i:int}.q", "h.{i}.k"], "to": "h.{i}.qk", "ops": ["concat(0)", "cast(f16)"],
         "optional": true, "comment": "fused"},
        {"from": "qk", "to": ["q", "k"], "ops": ["split(0)"]},
        {"from": "opt.", "to": null}
      ]})json",
                                        '.');
    const Rules texts =
        parse_rules({"module. = .", "h.{i:int}.q + h.{i}.k = h.{i}.qk | concat(0) | cast(f16) ?",
                     "qk = q + k | split(0)", "opt. = -"},
                    '.');
    REQUIRE(rules.rules.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(print(rules.rules[i], '.') == print(texts.rules[i], '.'));
    }
    CHECK(rules.rules[1].comment == "fused");
    CHECK(rules.rules[0].line == 4);
    CHECK(rules.rules[1].line == 5);
    CHECK(rules.rules[3].line == 8);
  }

  TEST_CASE("what is printed parses to the same rules") {
    Rules rules = parse_rules({"a/ = b/ ?", "q + k = qk | concat(0) | cast(f16) ?", "opt/ = -",
                               "a\\=\"b = \\ c", R"(re:(\d+) = x\1)"},
                              '/');
    rules.rules[1].comment = "two \"words\"";
    rules.rules[2].comment = "drop";
    const std::string text = print_rule_file(rules);
    CHECK(text ==
          "{\"schema\": \"ckpt/map/1\", \"rules\": [\n"
          "  \"a/ = b/ ?\",\n"
          "  {\"from\":\"q + k\",\"to\":\"qk\",\"ops\":[\"concat(0)\",\"cast(f16)\"],"
          "\"optional\":true,\"comment\":\"two \\\"words\\\"\"},\n"
          "  {\"from\":\"opt/\",\"to\":\"-\",\"comment\":\"drop\"},\n"
          "  \"a\\\\=\\\"b = \\\\ c\",\n"
          "  \"re:(\\\\d+) = x\\\\1\"\n"
          "]}\n");
    Rules again = parse_rule_file(text, '/');
    for (Rule& rule : again.rules) rule.line = 0;
    CHECK(again == rules);
  }

  TEST_CASE("a name that is not UTF-8 cannot be written into a rule file") {
    CHECK(error_of([] { (void)print_rule_file(parse_rules({"a\xff = b"}, '/')); }) ==
          "the rule a\\xff = b is not UTF-8, which JSON cannot hold");
  }

  TEST_CASE("a wrong rule is named by its line and number") {
    CHECK(map_file_fault("{\"schema\": \"ckpt/map/1\",\n \"rules\": [\"a = b\",\n  \"a/ = b\"]}") ==
          "line 3: rule 2: column 6: expected a scope that ends in '/', as the other side does\n"
          "  a/ = b\n       ^");
    CHECK(
        map_file_fault("{\"schema\": \"ckpt/map/1\",\n \"rules\": [\n\n  {\n \"from\": \"a\"}]}") ==
        "line 4: rule 1: \"to\" is missing");
  }

  TEST_CASE("what is not as it should be is refused") {
    CHECK(map_file_fault("{") ==
          "not JSON: parse error at line 1, column 2: syntax error while parsing object key - "
          "unexpected end of input; expected string literal");
    CHECK(map_file_fault("[]") == "expected an object with \"schema\": \"ckpt/map/1\"");
    CHECK(map_file_fault("{\"rules\": []}") == "\"schema\" is missing");
    CHECK(map_file_fault("{\"schema\": \"ckpt/map/2\", \"rules\": []}") ==
          "the schema is \"ckpt/map/2\", needed is \"ckpt/map/1\"");
    CHECK(map_file_fault("{\"schema\": \"ckpt/map/1\"}") ==
          "\"rules\" must be there and be an array");
    CHECK(map_file_fault("{\"schema\": \"ckpt/map/1\", \"rule\": [], \"rules\": []}") ==
          "the key \"rule\" is unknown; did you mean 'rules'?");
    CHECK(map_file_fault(in_file("1")) == "line 1: rule 1: a rule is a string or an object");
    CHECK(map_file_fault(in_file(R"({"from": "a", "too": "b"})")) ==
          "line 1: rule 1: the key \"too\" is unknown; did you mean 'to'?");
    CHECK(map_file_fault(in_file(R"({"from": null, "to": "b"})")) ==
          "line 1: rule 1: \"from\" must be a name or an array of names");
    CHECK(map_file_fault(in_file(R"({"from": ["a", 1], "to": "b"})")) ==
          "line 1: rule 1: \"from\" must be a name or an array of names");
    CHECK(map_file_fault(in_file(R"json({"from": "a", "to": "b", "ops": "cast(f16)"})json")) ==
          "line 1: rule 1: \"ops\" must be an array of operations");
    CHECK(map_file_fault(in_file(R"({"from": "a", "to": "b", "optional": 1})")) ==
          "line 1: rule 1: \"optional\" must be true or false");
    CHECK(map_file_fault(in_file(R"({"from": "a", "to": "b", "comment": 1})")) ==
          "line 1: rule 1: \"comment\" must be a string");
  }

  TEST_CASE("a key that is there twice is refused, wherever it is") {
    CHECK(map_file_fault("{\"schema\": \"ckpt/map/1\", \"rules\": [],\n \"rules\": []}") ==
          "line 2: the key \"rules\" is there twice");
    CHECK(map_file_fault(in_file("\n{\"from\": \"a\", \"to\": \"b\", \"to\": \"c\"}")) ==
          "line 2: the key \"to\" is there twice");
    CHECK(map_file_fault(in_file(R"({"from": "a", "to": "b"}, {"from": "b", "to": "a"})")) ==
          "no error");
  }
}
