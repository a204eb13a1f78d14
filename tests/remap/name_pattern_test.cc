#include "remap/name_pattern.h"

#include <doctest/doctest.h>

#include "remap/rule.h"
#include "support/error_of.h"

using namespace ckpt;

namespace {

// What the rule makes of the name; "no" where it does not match.
std::string renamed(std::string_view rule_text, std::string_view name, char separator = '/') {
  const Rule rule = parse_rule(rule_text, separator);
  Bindings bindings;
  if (!match(rule.sources[0], rule.placeholders, name, separator, bindings)) return "no";
  return expand(rule.targets[0], bindings);
}

bool covers_names(std::string_view wide, std::string_view narrow) {
  const Rule a = parse_rule(std::string(wide) + " = -", '/');
  const Rule b = parse_rule(std::string(narrow) + " = -", '/');
  return covers(a.sources[0], a.placeholders, b.sources[0], b.placeholders, '/');
}

}  // namespace

TEST_SUITE("remap/name_pattern") {
  TEST_CASE("literals are literal and whole names match") {
    CHECK(renamed("a.b = c", "a.b") == "c");
    CHECK(renamed("a.b = c", "axb") == "no");
    CHECK(renamed("v_proj = qkv_proj", "qkv_proj") == "no");
    CHECK(renamed("a = c", "a/b") == "no");
    CHECK(renamed("a = c", "b/a") == "no");
  }

  TEST_CASE("a scope matches what is under it, not its name and not its namesakes") {
    CHECK(renamed("new/ = old/", "new/x/y") == "old/x/y");
    CHECK(renamed("new/ = old/", "new_2/x") == "no");
    CHECK(renamed("new/ = old/", "new") == "no");
    CHECK(renamed("new/ = old/", "new/") == "no");
    CHECK(renamed("module. = .", "module.w", '.') == "w");
    CHECK(renamed("/ = backbone/", "w") == "backbone/w");
    CHECK(renamed("dense_{i:int}/ = head/{i}/", "dense_12/a/b") == "head/12/a/b");
  }

  TEST_CASE("placeholders keep to their type") {
    CHECK(renamed("layer_{i:int}/{p}/kernel = h/{i}/{p}/w", "layer_10/att/kernel") == "h/10/att/w");
    CHECK(renamed("layer_{i:int}/{p}/kernel = h/{i}/{p}/w", "layer_x/att/kernel") == "no");
    CHECK(renamed("layer_{i:int}/{p}/kernel = h/{i}/{p}/w", "layer_1/a/b/kernel") == "no");
    CHECK(renamed("layer_{i:int}/{p}/kernel = h/{i}/{p}/w", "layer_1//kernel") == "no");
    CHECK(renamed("{p:path}/bias = {p}/b", "a/b/bias") == "a/b/b");
    CHECK(renamed("{p:path}/bias = {p}/b", "bias") == "no");
    CHECK(renamed("{p:path}/bias = {p}/b", "a/xbias") == "no");
  }

  TEST_CASE("earlier placeholders take as much as they can") {
    CHECK(renamed("{a}_{b} = {a}+{b}", "x_y_z") == "x_y+z");
    CHECK(renamed("{n}_{i:int} = {n}/{i}", "conv2d_1_2") == "conv2d_1/2");
    CHECK(renamed("{a:path}/{b:path} = {b}+{a}", "x/y/z") == "z+x/y");
  }

  TEST_CASE("a placeholder that occurs twice stands for the same text") {
    CHECK(renamed("{l}/{l}/{w} = {l}/{w}", "dense/dense/kernel") == "dense/kernel");
    CHECK(renamed("{l}/{l}/{w} = {l}/{w}", "dense/dense_1/kernel") == "no");
    CHECK(renamed("{_}/{_}/{w} = {w}", "a/b/c") == "c");
  }

  TEST_CASE("a pattern made to be slow is quick, or is refused") {
    const std::string name(300, '_');
    CHECK(renamed("{a}_{b}_{c}_{d}_{e}_{f}_{g}_{h}x = y", name + "x") == "y");
    CHECK(renamed("{a}_{b}_{c}_{d}_{e}_{f}_{g}_{h}/x = y", name + "y/x") == "y");
    CHECK(renamed("{a}_{b}_{c}_{d}_{e}_{f}_{g}_{h}z{i}x = y", name + "x") == "no");
    CHECK(error_of([&] { (void)renamed("{a}_{b}_{c}_{d}_{e}_{a}z{i}x = y", name + "x"); }) ==
          "matching '" + name + "x': too many steps");
  }

  TEST_CASE("one pattern covers another where it matches all that the other does") {
    CHECK(covers_names("a/", "a/b"));
    CHECK(covers_names("a/", "a/b/"));
    CHECK(covers_names("a/", "a/{x:int}/{y}"));
    CHECK(covers_names("/", "{x:path}"));
    CHECK(covers_names("{x:path}", "/"));
    CHECK(covers_names("{x}/{y}", "{i:int}/w{j}"));
    CHECK(covers_names("{x}/{x}", "{i:int}/{i}"));
    CHECK_FALSE(covers_names("{x}/{x}", "{i:int}/{j:int}"));
    CHECK_FALSE(covers_names("{x}", "a/"));
    CHECK_FALSE(covers_names("{i:int}", "{x}"));
    CHECK_FALSE(covers_names("a/b/", "a/"));
    CHECK_FALSE(covers_names("{p:path}/bias", "{q:path}/b"));
  }
}
