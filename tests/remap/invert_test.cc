#include "remap/invert.h"

#include <doctest/doctest.h>

#include "support/remap.h"

using namespace ckpt;

namespace {

// The inverse rules as text, then "rule N: why" for each that has none.
Strings inverted(const Strings& rules, const std::vector<Spec>& file = {}, char separator = '/') {
  const auto entries = entries_of(file, separator);
  const Inversion inversion = invert(parse_rules(rules, separator), entries);
  Strings out;
  for (const Rule& rule : inversion.rules.rules) out.push_back(print(rule, separator));
  for (const Offender& each : inversion.offenders) {
    out.push_back("rule " + std::to_string(each.rule + 1) + ": " + each.why);
  }
  return out;
}

// "a > b > c" for each name that does not come back, and the problems on the way.
Strings faults(const std::vector<Spec>& file, const Strings& rules, char separator = '/') {
  const auto entries = entries_of(file, separator);
  const Rules parsed = parse_rules(rules, separator);
  const RoundTrip trip = prove_round_trip(entries, parsed, invert(parsed, entries).rules);
  Strings out;
  for (const auto& [name, became, returned] : trip.faults) {
    out.push_back(name + " > " + became + " > " + returned);
  }
  for (const Problem& problem : trip.problems) out.push_back(problem.message);
  CHECK(trip.holds() == out.empty());
  return out;
}

}  // namespace

TEST_SUITE("remap/invert") {
  TEST_CASE("names are turned around, with the types of placeholders carried over") {
    CHECK(inverted({"a/b = x"}) == Strings{"x = a/b"});
    CHECK(inverted({"module/ = /"}) == Strings{"/ = module/"});
    CHECK(inverted({"layer_{i:int}/{p:path}/kernel = h/{i}/{p}/w"}) ==
          Strings{"h/{i:int}/{p:path}/w = layer_{i}/{p}/kernel"});
    CHECK(inverted({"a = b ?"}) == Strings{"b = a ?"});
  }

  TEST_CASE("operations are turned around where nothing else must be known") {
    CHECK(inverted({"a = b | permute(3,2,0,1)"}) == Strings{"b = a | permute(2,3,1,0)"});
    CHECK(inverted({"a + b = c | stack(0)"}) == Strings{"c = a + b | unstack(0)"});
    CHECK(inverted({"c = a + b | unstack(1)"}) == Strings{"a + b = c | stack(1)"});
    CHECK(inverted({"c = a + b | split(0,1,2)"}) == Strings{"a + b = c | concat(0)"});
    CHECK(inverted({"a + b = c | permute(1,2,0) | stack(0)"}) ==
          Strings{"c = a + b | unstack(0) | permute(2,0,1)"});
    CHECK(inverted({"e/{i:int}/w = e/w | stack(0,by=i)"}) ==
          Strings{"e/w = e/{i:int}/w | unstack(0,by=i)"});
  }

  TEST_CASE("sizes, shapes and dtypes come from the file") {
    CHECK(inverted({"a + b = c | concat(0)"}) ==
          Strings{"rule 1: concat(0): the sizes are known from a file or a receipt only"});
    CHECK(inverted({"a + b = c | concat(0)"}, {{"a", {2, 3}}, {"b", {4, 3}}}) ==
          Strings{"c = a + b | split(0,2,4)"});
    CHECK(inverted({"a = c | reshape(-1)"}, {{"a", {2, 3}}}) == Strings{"c = a | reshape(2,3)"});
    CHECK(inverted({"{p:path} = x/{p} | cast(f32)"},
                   {{"a", {2}, DType::kF16}, {"b", {2}, DType::kF16}}) ==
          Strings{"x/{p:path} = {p} | cast(f16)"});
    CHECK(inverted({"a = c | cast(f16)"}) ==
          Strings{"rule 1: cast(f16): the dtype before it is known from a file or a receipt only"});
  }

  TEST_CASE("what cannot come back is named with its reason") {
    CHECK(inverted({"opt/ = -"}) == Strings{"rule 1: what is dropped does not come back"});
    CHECK(inverted({"re:a(.*) = b\\1"}) == Strings{"rule 1: a regular expression"});
    CHECK(inverted({"h/{i:int}/w = h/w"}) == Strings{"rule 1: {i} is lost"});
    CHECK(inverted({"{_}/{x} = {x}"}) == Strings{"rule 1: {_} is lost"});
    CHECK(inverted({"{x}/{y} = {x}{y}"}) ==
          Strings{"rule 1: two placeholders of the target have no text between them"});
    CHECK(inverted({"a = b + c | copy"}) ==
          Strings{"rule 1: copy: the copies would have to become one again"});
    CHECK(inverted({"a = c | cast(f16)"}, {{"a"}}) ==
          Strings{"rule 1: cast(f16): does not keep all values of f32"});
    CHECK(inverted({"{p:path} = x/{p} | cast(f32)"}, {{"a", {2}, DType::kF16}, {"b"}}) ==
          Strings{"rule 1: its operations lead back in different ways for different variables"});
    CHECK(inverted({"{a}/q + {a}/k = {a}/qk | concat(0)"},
                   {{"x/q", {1}}, {"x/k", {1}}, {"y/q", {2}}, {"y/k", {1}}}) ==
          Strings{"rule 1: its operations lead back in different ways for different variables"});
  }

  TEST_CASE("inverse rules that overlap stand with the more specific first") {
    CHECK(inverted({"a/ = x/", "b/ = x/y/", "c = x/y/c"}) ==
          Strings{"x/y/c = c", "x/y/ = b/", "x/ = a/"});
    CHECK(faults({{"a/k"}, {"b/k"}, {"c"}}, {"a/ = x/", "b/ = x/y/", "c = x/y/c"}) == Strings{});
  }

  TEST_CASE("round trips hold for what the study of other languages tried") {
    CHECK(faults({{"module/a"}, {"module/b/c"}}, {"module/ = /"}) == Strings{});
    CHECK(faults({{"a"}, {"b"}}, {"a = b", "b = a"}) == Strings{});
    CHECK(faults({{"n0/w"}, {"n1/w"}, {"n2/w"}}, {"n0/ = n1/", "n1/ = n2/", "n2/ = n3/"}) ==
          Strings{});
    CHECK(faults({{"h.0.q", {2, 2}}, {"h.0.k", {1, 2}}, {"h.0.v", {1, 2}}},
                 {"h.{i:int}.q + h.{i}.k + h.{i}.v = h.{i}.qkv | concat(0)"}, '.') == Strings{});
    CHECK(faults({{"e/0/w"}, {"e/1/w"}}, {"e/{i:int}/w = e/w | stack(0,by=i)"}) == Strings{});
    CHECK(faults({{"conv1/kernel", {3, 3, 1, 8}}},
                 {"conv{i:int}/kernel = c/{i}/w | permute(3,2,0,1)"}) == Strings{});
  }

  TEST_CASE("a name that passed through untouched may look like a rule's output, and is named") {
    CHECK(faults({{"encoder.layers.0.w"}, {"layers.1.w"}}, {"encoder.layers. = layers."}, '.') ==
          Strings{"layers.1.w > layers.1.w > encoder.layers.1.w"});
    CHECK(faults({{"e/1/w"}, {"e/2/w"}}, {"e/{i:int}/w = e/w | stack(0,by=i)"}) ==
          Strings{"e/1/w > e/w > e/0/w", "e/2/w > e/w > e/0/w"});
    CHECK(faults({{"a"}, {"b"}}, {"a = -"}) == Strings{"a >  > "});
  }

  TEST_CASE("a plan with problems is no round trip") {
    CHECK(faults({{"a"}, {"b"}}, {"a = b"}) ==
          Strings{"'b' stays where it is, so that 'a' (rule 1) cannot take its name; move or drop "
                  "it as well"});
  }

  TEST_CASE("companions come back with their variable") {
    PlanOptions options;
    options.target.variable_beside_scope = true;
    const auto entries = entries_of({{"w", {2, 3}}, {"w/Adam", {2, 3}}});
    const Rules rules = parse_rules({"w = x | permute(1,0)"}, '/');
    CHECK(prove_round_trip(entries, rules, invert(rules, entries, options).rules, options).holds());
  }
}
