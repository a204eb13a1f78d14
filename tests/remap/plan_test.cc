#include "remap/plan.h"

#include <doctest/doctest.h>

#include "support/error_of.h"
#include "support/remap.h"

using namespace ckpt;

namespace {

Plan plan_of(const std::vector<Entry>& entries, const Strings& rules,
             const PlanOptions& options = {}, char separator = '/') {
  return make_plan(entries, parse_rules(rules, separator), options);
}

// The changes of a plan that must be free of problems.
Strings changes(const Strings& names, const Strings& rules, char separator = '/') {
  const Plan plan = plan_of(named(names, separator), rules, {}, separator);
  CHECK(messages_of(plan) == Strings{});
  return changes_of(plan);
}

Strings problems(const Strings& names, const Strings& rules, const PlanOptions& options = {}) {
  return messages_of(plan_of(named(names), rules, options));
}

}  // namespace

TEST_SUITE("remap/plan") {
  TEST_CASE("the examples of the rule language do what they say") {
    CHECK(changes({"a/b/kernel", "a/b/bias"}, {"a/b/kernel = x/y/kernel"}) ==
          Strings{"a/b/kernel > x/y/kernel"});
    CHECK(changes({"module/a/w", "module/b"}, {"module/ = /"}) ==
          Strings{"module/a/w > a/w", "module/b > b"});
    CHECK(changes({"a/w", "b"}, {"/ = backbone/"}) ==
          Strings{"a/w > backbone/a/w", "b > backbone/b"});
    CHECK(changes({"old/scope/x", "old/y"}, {"old/scope/ = new/"}) ==
          Strings{"old/scope/x > new/x"});
    CHECK(changes({"layer_3/att/kernel", "layer_x/att/kernel"},
                  {"layer_{i:int}/{p}/kernel = h/{i}/{p}/w"}) ==
          Strings{"layer_3/att/kernel > h/3/att/w"});
    CHECK(changes({"a/b/bias", "bias"}, {"{p:path}/bias = {p}/b"}) == Strings{"a/b/bias > a/b/b"});
    CHECK(changes({"opt/m/w", "w"}, {"opt/{_:path} = -"}) == Strings{"opt/m/w > -"});
    CHECK(changes({"h.12.attn.w", "x"}, {R"(re:^h\.(\d+)\. = layers.\1.)"}, '.') ==
          Strings{"h.12.attn.w > layers.12.attn.w"});
    CHECK(changes({"w_v2", "xw_v2x"}, {R"(re:(\w)_v(\d+) = \1/v\2)"}) == Strings{"w_v2 > w/v2"});
  }

  TEST_CASE("operations change shapes and dtypes in the plan") {
    const Plan plan = plan_of(
        entries_of({{"conv1/kernel", {3, 3, 1, 16}}, {"b", {16}}, {"n", {}, DType::kI64}}),
        {"conv{i:int}/kernel = c.{i}.weight | permute(3,2,0,1)", "{p:path} = {p} | cast(f16)"});
    CHECK(messages_of(plan) == Strings{});
    REQUIRE(plan.transforms.size() == 3);
    CHECK(plan.transforms[0].to ==
          std::vector<PlannedVariable>{{"c.1.weight", {DType::kF32, {16, 1, 3, 3}}}});
    CHECK(plan.transforms[1].to == std::vector<PlannedVariable>{{"b", {DType::kF16, {16}}}});
    CHECK(plan.transforms[2].before == std::vector<TensorSpec>{{DType::kI64, {}}});
    CHECK(plan.moves[0].transform == 0);
    CHECK(changes_of(plan) == Strings{"conv1/kernel > c.1.weight", "b > b", "n > n"});
    CHECK(plan.claims == std::vector<std::size_t>{1, 2});
  }

  TEST_CASE("operations that change nothing leave a plain move") {
    const Plan plan = plan_of(entries_of({{"a", {2, 3}, DType::kF16}, {"b", {2, 3}}}),
                              {"a = x | cast(f16)", "b = y | reshape(2,-1) | permute(0,1)"});
    CHECK(plan.transforms.empty());
    CHECK(changes_of(plan) == Strings{"a > x", "b > y"});
  }

  TEST_CASE("several variables are joined in the order of the rule") {
    const Plan plan =
        plan_of(entries_of({{"h.1.k", {2, 4}}, {"h.1.q", {3, 4}}, {"h.1.v", {5, 4}}}, '.'),
                {"h.{i:int}.q + h.{i}.k + h.{i}.v = h.{i}.qkv | concat(0)"}, {}, '.');
    CHECK(messages_of(plan) == Strings{});
    REQUIRE(plan.transforms.size() == 1);
    CHECK(plan.transforms[0].from == Strings{"h.1.q", "h.1.k", "h.1.v"});
    CHECK(plan.transforms[0].entries == std::vector<std::size_t>{1, 0, 2});
    CHECK(plan.transforms[0].to ==
          std::vector<PlannedVariable>{{"h.1.qkv", {DType::kF32, {10, 4}}}});
    CHECK(changes_of(plan) == Strings{"h.1.k > h.1.qkv", "h.1.q > h.1.qkv", "h.1.v > h.1.qkv"});
  }

  TEST_CASE("one variable is divided, evenly or by sizes") {
    const Plan plan = plan_of(entries_of({{"qkv", {9, 2}}, {"kv", {5}}}),
                              {"qkv = q + k + v | split(0)", "kv = a + b | split(-1,2,3)"});
    CHECK(messages_of(plan) == Strings{});
    CHECK(changes_of(plan) == Strings{"qkv > q", "qkv > k", "qkv > v", "kv > a", "kv > b"});
    CHECK(plan.transforms[0].ops[0].numbers == std::vector<std::int64_t>{3, 3, 3});
    CHECK(plan.transforms[1].to ==
          std::vector<PlannedVariable>{{"a", {DType::kF32, {2}}}, {"b", {DType::kF32, {3}}}});
    CHECK(outcome_of(plan, entries_of({{"qkv", {9, 2}}, {"kv", {5}}})).size() == 5);
  }

  TEST_CASE("members that a placeholder counts are stacked in the order of their numbers") {
    const auto entries = entries_of({{"e/10/w", {2}}, {"e/9/w", {2}}, {"e/11/w", {2}}});
    const Plan plan = plan_of(entries, {"e/{e:int}/w = e/w | stack(0, by=e)"});
    CHECK(messages_of(plan) == Strings{});
    REQUIRE(plan.transforms.size() == 1);
    CHECK(plan.transforms[0].from == Strings{"e/9/w", "e/10/w", "e/11/w"});
    CHECK(plan.transforms[0].to == std::vector<PlannedVariable>{{"e/w", {DType::kF32, {3, 2}}}});

    const Plan back = plan_of(entries_of({{"e/w", {3, 2}}}), {"e/w = e/{e}/w | unstack(0, by=e)"});
    CHECK(changes_of(back) == Strings{"e/w > e/0/w", "e/w > e/1/w", "e/w > e/2/w"});
  }

  TEST_CASE("swaps, chains and cycles act at once, on the original names") {
    CHECK(changes({"a", "b"}, {"a = b", "b = a"}) == Strings{"a > b", "b > a"});
    CHECK(changes({"norm0/w", "norm1/w"}, {"norm0/ = norm1/", "norm1/ = norm2/"}) ==
          Strings{"norm0/w > norm1/w", "norm1/w > norm2/w"});
    CHECK(changes({"a", "b", "c"}, {"a = b", "b = c", "c = a"}) ==
          Strings{"a > b", "b > c", "c > a"});
    CHECK(changes({"a/x"}, {"a/ = a/b/"}) == Strings{"a/x > a/b/x"});
    CHECK(changes({"v_proj", "qkv_proj"}, {"{p}_proj = qk{p}_proj"}) ==
          Strings{"v_proj > qkv_proj", "qkv_proj > qkqkv_proj"});
  }

  TEST_CASE("a name that is renamed to itself stays, and is kept from later rules") {
    CHECK(changes({"head/w", "b/w"}, {"head/ = head/", "/ = backbone/"}) ==
          Strings{"b/w > backbone/b/w"});
    CHECK(changes({"a"}, {"a = a"}) == Strings{});
  }

  TEST_CASE("the first rule that matches decides, and later ones are told as shadowed") {
    const Plan plan = plan_of(named({"a/x", "a/y", "b"}),
                              {"a/x = a/x", "a/ = c/", "{p:path}/x = {p}/z", "b = d"});
    CHECK(changes_of(plan) == Strings{"a/y > c/y", "b > d"});
    CHECK(plan.claims == std::vector<std::size_t>{1, 1, 0, 1});
    CHECK(plan.shadows == std::vector<Shadow>{{1, 0, 1, "a/x"}, {2, 0, 1, "a/x"}});
    CHECK(messages_of(plan) == Strings{});
    CHECK(plan.moves[0].rule == 0);
    CHECK(plan.moves[0].why == Why::kRule);
  }

  TEST_CASE("two variables with one target are both reported, and so is every other pair") {
    CHECK(problems({"a/w", "b/w", "c", "d"}, {"a/ = x/", "b/ = x/", "c = y", "d = y"}) ==
          Strings{
              "two-sources: 'x/w' would be the name of 2 variables: 'a/w' (rule 1), 'b/w' (rule 2)",
              "two-sources: 'y' would be the name of 2 variables: 'c' (rule 3), 'd' (rule 4)"});
    const Plan plan =
        plan_of(named({"dense_1/w", "dense_2/w", "dense_3/w"}), {"dense_{_:int}/ = dense/"});
    REQUIRE(plan.problems.size() == 1);
    CHECK(plan.problems[0].names == Strings{"dense/w", "dense_1/w", "dense_2/w", "dense_3/w"});
  }

  TEST_CASE("a target that stays where it is cannot be taken") {
    CHECK(problems({"a", "b"}, {"a = b"}) ==
          Strings{"target-taken: 'b' stays where it is, so that 'a' (rule 1) cannot take its name; "
                  "move or drop it as well"});
    CHECK(problems({"a", "b"}, {"a = b", "b = -"}) == Strings{});
  }

  TEST_CASE("a variable where a scope is, is a problem unless the target can hold both") {
    const Strings wanted{"variable-and-scope: 'y' would be a variable and the scope of 'y/z'"};
    CHECK(problems({"x/w", "y/z"}, {"x/w = y"}) == wanted);
    PlanOptions options;
    options.target.variable_beside_scope = true;
    CHECK(problems({"x/w", "y/z"}, {"x/w = y"}, options) == Strings{});
  }

  TEST_CASE("a variable beside its scope that the source has already is no problem") {
    CHECK(problems({"d/kernel", "d/kernel/Adam", "x"}, {"x = y"}) == Strings{});
    CHECK(problems({"d/kernel", "d/kernel/Adam"}, {"d/ = e/"}) ==
          Strings{"variable-and-scope: 'e/kernel' would be a variable and the scope of "
                  "'e/kernel/Adam'"});
  }

  TEST_CASE("names that are equal but for case clash") {
    CHECK(problems({"Dense/w", "x/w"}, {"x/ = dense/"}) ==
          Strings{"case-clash: 'Dense/w' and 'dense/w' would differ in case only"});
    CHECK(problems({"Dense/w", "dense/w", "x"}, {"x = y"}) == Strings{});
    CHECK(problems({"Dense/w"}, {"Dense/ = dense/"}) == Strings{});
  }

  TEST_CASE("a rule that matches nothing is a problem and says what was near") {
    CHECK(problems({"dense/kernel", "dense/bias"}, {"dense/kernl = x", "dense/bias = y"}) ==
          Strings{"unused-rule: rule 1 (dense/kernl = x) matches nothing; did you mean "
                  "'dense/kernel'?"});
    CHECK(problems({"module/a", "b"}, {"modul/ = x/", "b = c"}) ==
          Strings{"unused-rule: rule 1 (modul/ = x/) matches nothing; did you mean 'module/'?"});
    CHECK(problems({"layer_12/kernel", "b"}, {"layr_{i:int}/kernel = x{i}", "b = c"}) ==
          Strings{"unused-rule: rule 1 (layr_{i:int}/kernel = x{i}) matches nothing; did you mean "
                  "'layer_12/kernel'?"});
    CHECK(problems({"a/b/kernel", "c"}, {"{p:path}/kernal = {p}/k", "c = d"}) ==
          Strings{"unused-rule: rule 1 ({p:path}/kernal = {p}/k) matches nothing; did you mean "
                  "'/kernel'?"});
    CHECK(problems({"a"}, {"re:x+ = y"}) ==
          Strings{"unused-rule: rule 1 (re:x+ = y) matches nothing"});
    CHECK(problems({"a"}, {"b = c ?", "a = d"}) == Strings{});
  }

  TEST_CASE("a rule whose names are all claimed by earlier ones is shadowed, not unused") {
    CHECK(problems({"a/x"}, {"a/ = b/", "a/x = c"}) == Strings{});
  }

  TEST_CASE("a group that lacks members names them") {
    CHECK(
        problems({"q", "v", "h/0/q", "h/0/k"},
                 {"q + k + v = qkv | concat(0)", "h/{i:int}/q + h/{i}/k = h/{i}/qk | concat(0)"}) ==
        Strings{"missing-member: rule 1 (q + k + v = qkv | concat(0)): 'k' is missing or claimed "
                "by an earlier rule; it would be joined with 'q' and 'v'"});
    CHECK(problems({"e/0", "e/1", "e/3"}, {"e/{i:int} = e | stack(0, by=i)"}) ==
          Strings{"missing-member: rule 1 (e/{i:int} = e | stack(0,by=i)): number 2 is missing "
                  "among 'e/0', 'e/1' and 'e/3'"});
    CHECK(problems({"e/1", "e/01"}, {"e/{i:int} = e | stack(0, by=i)"}) ==
          Strings{"missing-member: rule 1 (e/{i:int} = e | stack(0,by=i)): number 1 is there twice "
                  "among 'e/1' and 'e/01'"});
    CHECK(problems({"e/9", "e/11"}, {"e/{i:int} = e | stack(0, by=i)"}) ==
          Strings{"missing-member: rule 1 (e/{i:int} = e | stack(0,by=i)): number 10 is missing "
                  "among 'e/9' and 'e/11'"});
  }

  TEST_CASE("shapes and dtypes that do not fit an operation are problems") {
    const auto fault = [](const std::vector<Spec>& specs, const std::string& rule) {
      const Strings all = messages_of(plan_of(entries_of(specs), {rule}));
      const std::string first = all.empty() ? "" : all[0];
      const auto at = first.rfind("): ");
      return at == std::string::npos ? first : first.substr(at + 3);
    };
    CHECK(messages_of(plan_of(entries_of({{"a", {2, 3}}}), {"a = b | permute(2,1,0)"})) ==
          Strings{"bad-operation: 'a': rule 1 (a = b | permute(2,1,0)): permute(2,1,0): orders 3 "
                  "dimensions, the tensor has shape [2, 3]"});
    CHECK(fault({{"a", {6}}}, "a = b | reshape(4,-1)") ==
          "the 6 elements of shape [6] cannot be divided into rows of 4");
    CHECK(fault({{"a", {6}}}, "a = b | reshape(4,2)") == "has 8 elements, shape [6] has 6");
    CHECK(fault({{"a", {5}}}, "a = b + c | split(0)") ==
          "extent 5 of axis 0 of shape [5] is no multiple of 2 targets; give the sizes");
    CHECK(fault({{"a", {5}}}, "a = b + c | split(0,2,2)") ==
          "the sizes add up to 4, but axis 0 of shape [5] has extent 5");
    CHECK(fault({{"a", {5}}}, "a = b + c | split(0,2,2,1)") == "has 3 sizes for 2 targets");
    CHECK(fault({{"a", {5}}}, "a = b + c | split(1)") ==
          "the tensor has 1 dimension, so that there is no axis 1");
    CHECK(fault({{"a", {5}}}, "a = b + c | unstack(0)") ==
          "axis 0 of shape [5] has extent 5, but there are 2 targets");
    CHECK(fault({{"a", {2, 3}}, {"b", {2, 4}}}, "a + b = c | concat(0)") ==
          "shapes [2, 3] and [2, 4] differ beside axis 0");
    CHECK(fault({{"a", {2, 3}}, {"b", {2, 4}}}, "a + b = c | stack(0)") ==
          "shapes [2, 3] and [2, 4] are not equal");
    CHECK(fault({{"a"}, {"b", {2}, DType::kF16}}, "a + b = c | concat(0)") ==
          "the members have dtypes f32 and f16; cast them first");
    CHECK(fault({{"a", {2}, DType::kC64}}, "a = b | cast(f32)") ==
          "would drop the imaginary part of c64");
  }

  TEST_CASE("what is no numbers is renamed, but no operation is done on it") {
    Entry text;
    text.name = "note";
    text.dtype = DType::kString;
    CHECK(changes_of(plan_of({text}, {"note = n"})) == Strings{"note > n"});
    CHECK(messages_of(plan_of({text}, {"note = n | cast(f16)"})) ==
          Strings{"bad-operation: 'note': rule 1 (note = n | cast(f16)): cast(f16): a variable of "
                  "dtype string has no numbers"});
  }

  TEST_CASE("names that the target cannot hold are refused") {
    CHECK(problems({"a"}, {"a = b//c"}) ==
          Strings{"bad-name: 'b//c', from 'a' (rule 1): has an empty segment"});
    CHECK(problems({"a"}, {"a = b/./c"}) ==
          Strings{"bad-name: 'b/./c', from 'a' (rule 1): has a segment '.'"});
    CHECK(problems({"a"}, {std::string("a = b\0c", 7)}) ==
          Strings{"bad-name: 'b\\x00c', from 'a' (rule 1): has a zero byte"});
    CHECK(problems({"x"}, {R"(re:(a*)x = \1)"}) ==
          Strings{"bad-name: 'x': rule 1 (re:(a*)x = \\1) leaves no name"});
    PlanOptions options;
    options.target.longest_name = 3;
    options.target.utf8_only = true;
    CHECK(problems({"a", "b"}, {"a = long", "b = \xff"}, options) ==
          Strings{"bad-name: 'long', from 'a' (rule 1): has 4 bytes, the target allows 3",
                  "bad-name: '\\xff', from 'b' (rule 2): is not UTF-8"});
    options.target.dot_segments = options.target.empty_segments = true;
    options.target.longest_name = 0;
    CHECK(problems({"a"}, {"a = .//b"}, options) == Strings{});
  }

  TEST_CASE("names that no rule claims are kept, dropped or an error") {
    PlanOptions options;
    options.rest = Rest::kDrop;
    CHECK(changes_of(plan_of(named({"a", "b", "c"}), {"a = x"}, options)) ==
          Strings{"a > x", "b > -", "c > -"});
    options.rest = Rest::kError;
    const Plan plan = plan_of(named({"a", "b", "c"}), {"a = x"}, options);
    CHECK(messages_of(plan) == Strings{"unclaimed: no rule claims 'b' and 'c'"});
    CHECK(plan.problems[0].names == Strings{"b", "c"});
  }

  TEST_CASE("a file that was migrated before is told, and nothing happens to it") {
    PlanOptions drop;
    drop.rest = Rest::kDrop;
    const Strings rules{"module/ = /", "x = dense/kernel", "opt/ = -", "y = z ?"};
    const Plan plan = plan_of(named({"dense/kernel", "other"}), rules, drop);
    CHECK(plan.already_migrated);
    CHECK(messages_of(plan) == Strings{});
    CHECK_FALSE(has_changes(plan));
    PlanOptions error;
    error.rest = Rest::kError;
    CHECK(plan_of(named({"dense/kernel", "other"}), rules, error).already_migrated);
    // One target that is not there, or one rule that matches, and it is none.
    CHECK_FALSE(plan_of(named({"dense/k", "other"}), rules).already_migrated);
    CHECK_FALSE(plan_of(named({"dense/kernel", "opt/x"}), rules).already_migrated);
    CHECK(plan_of(named({"c.1.weight"}), {"conv{i:int}/kernel = c.{i}.weight"}).already_migrated);
    CHECK(plan_of(named({"layers.1.w"}, '.'), {R"(re:^h\.(\d+)\. = layers.\1.)"}, {}, '.')
              .already_migrated);
    CHECK_FALSE(plan_of(named({"a"}), {"b = c ?"}).already_migrated);
  }

  TEST_CASE("a migrated file whose names are near to a rule's source gets a note") {
    const Plan plan = plan_of(named({"module/a"}), {"modul/ = /"});
    CHECK(plan.already_migrated);
    CHECK(plan.notes == Strings{"rule 1 (modul/ = /) matches nothing; did you mean 'module/'?"});
  }

  TEST_CASE("a prefix that all names have is noted before it is put there once more") {
    CHECK(plan_of(named({"backbone/a", "backbone/b"}), {"/ = backbone/"}).notes ==
          Strings{"all names are under 'backbone/' already; rule 1 (/ = backbone/) puts them under "
                  "it once more"});
    CHECK(plan_of(named({"backbone/a", "b"}), {"/ = backbone/"}).notes.empty());
  }

  TEST_CASE("an alias is a name like any other") {
    const auto entries = entries_of({{"m/embed", {2}, DType::kF32, {"m/head", "n/head"}}, {"m/z"}});
    const Plan plan = plan_of(entries, {"m/ = /"});
    CHECK(changes_of(plan) == Strings{"m/embed > embed", "m/head > head", "m/z > z"});
    CHECK(plan.moves[1].is_alias);
    CHECK(plan.moves[1].entry == 0);
    CHECK(outcome_of(plan, entries).size() == 2);
    CHECK(messages_of(plan_of(entries, {"m/embed = m/head"})).size() == 1);
  }

  TEST_CASE("aliases whose values change alike stay one tensor, others are told to part") {
    const auto entries = entries_of({{"a", {2, 3}, DType::kF32, {"b"}}});
    const Plan same = plan_of(entries, {"{p:path} = {p}/x | cast(f16)"});
    REQUIRE(same.transforms.size() == 1);
    CHECK(same.moves[1].transform == 0);
    CHECK(same.notes.empty());
    CHECK(changes_of(same) == Strings{"a > a/x", "b > b/x"});
    const Plan parted = plan_of(entries, {"a = c | cast(f16)"});
    CHECK(parted.notes == Strings{"'b' and 'a' are one tensor, but only one of them is changed: "
                                  "they will be two"});
  }

  TEST_CASE("a pattern that would take forever is an error that names it") {
    const std::string name(300, '_');
    CHECK(error_of([&] {
            (void)plan_of(named({name + "x"}), {"{a}_{b}_{c}_{d}_{e}_{a}z{i}x = y"});
          }) == "matching '" + name + "x': too many steps");
  }
}

TEST_SUITE("remap/companions") {
  TEST_CASE("slots and averages follow their variable wherever they are kept") {
    const Strings names{"dense/kernel",
                        "dense/kernel/Adam",
                        "dense/kernel/Adam_1",
                        "train/dense/kernel/Momentum",
                        "dense/kernel/ExponentialMovingAverage",
                        "dense/kernel/ExponentialMovingAverage/biased",
                        "optimizer/adam/m/dense/kernel",
                        "optimizer/adam/dense/kernel/v",
                        "optimizer/adam/dense_kernel_momentum",
                        "beta1_power",
                        "optimizer/iteration"};
    PlanOptions options;
    options.target.variable_beside_scope = true;
    const Plan plan = make_plan(named(names), parse_rules({"dense/kernel = enc/w"}, '/'), options);
    CHECK(messages_of(plan) == Strings{});
    CHECK(changes_of(plan) ==
          Strings{"dense/kernel > enc/w", "dense/kernel/Adam > enc/w/Adam",
                  "dense/kernel/Adam_1 > enc/w/Adam_1",
                  "train/dense/kernel/Momentum > train/enc/w/Momentum",
                  "dense/kernel/ExponentialMovingAverage > enc/w/ExponentialMovingAverage",
                  "dense/kernel/ExponentialMovingAverage/biased > "
                  "enc/w/ExponentialMovingAverage/biased",
                  "optimizer/adam/m/dense/kernel > optimizer/adam/m/enc/w",
                  "optimizer/adam/dense/kernel/v > optimizer/adam/enc/w/v",
                  "optimizer/adam/dense_kernel_momentum > optimizer/adam/enc_w_momentum"});
    CHECK(plan.moves[1].why == Why::kCompanion);
    CHECK(plan.moves[1].rule == 0);
    options.companions = false;
    CHECK(changes_of(make_plan(named(names), parse_rules({"dense/kernel = enc/w"}, '/'),
                               options)) == Strings{"dense/kernel > enc/w"});
  }

  TEST_CASE("a companion that a rule claims goes where the rule says") {
    PlanOptions options;
    options.target.variable_beside_scope = true;
    const Plan plan =
        make_plan(named({"w", "w/Adam"}), parse_rules({"w/Adam = -", "w = x"}, '/'), options);
    CHECK(changes_of(plan) == Strings{"w > x", "w/Adam > -"});
  }

  TEST_CASE(
      "a companion is dropped with its variable, and stays with it where the rest is dropped") {
    CHECK(changes_of(make_plan(named({"w", "w/Adam", "b"}), parse_rules({"w = -"}, '/'))) ==
          Strings{"w > -", "w/Adam > -"});
    PlanOptions options;
    options.rest = Rest::kDrop;
    options.target.variable_beside_scope = true;
    CHECK(changes_of(make_plan(named({"w", "w/Adam", "b"}), parse_rules({"w = w"}, '/'),
                               options)) == Strings{"b > -"});
  }

  TEST_CASE("a companion of the variable's shape goes through the same operations but casts") {
    PlanOptions options;
    options.target.variable_beside_scope = true;
    const auto entries = entries_of({{"w", {2, 3}},
                                     {"w/Adam", {2, 3}},
                                     {"w/local_step", {}},
                                     {"w/ExponentialMovingAverage", {2, 3}}});
    const Plan plan =
        make_plan(entries, parse_rules({"w = x | permute(1,0) | cast(f16)"}, '/'), options);
    CHECK(messages_of(plan) == Strings{});
    REQUIRE(plan.transforms.size() == 3);
    CHECK(plan.transforms[1].to == std::vector<PlannedVariable>{{"x/Adam", {DType::kF32, {3, 2}}}});
    CHECK(changes_of(plan) == Strings{"w > x", "w/Adam > x/Adam", "w/local_step > x/local_step",
                                      "w/ExponentialMovingAverage > x/ExponentialMovingAverage"});
    const Plan cast = make_plan(entries, parse_rules({"w = x | cast(f16)"}, '/'), options);
    CHECK(cast.transforms.size() == 1);
  }

  TEST_CASE("companions of joined variables are joined, where each has one") {
    PlanOptions options;
    options.target.variable_beside_scope = true;
    const Rules rules = parse_rules({"q + k = qk | concat(0)"}, '/');
    const Plan plan = make_plan(named({"q", "k", "k/Adam", "q/Adam"}), rules, options);
    CHECK(messages_of(plan) == Strings{});
    REQUIRE(plan.transforms.size() == 2);
    CHECK(plan.transforms[1].from == Strings{"q/Adam", "k/Adam"});
    CHECK(plan.transforms[1].to == std::vector<PlannedVariable>{{"qk/Adam", {DType::kF32, {4}}}});
    CHECK(messages_of(make_plan(named({"q", "k", "k/Adam"}), rules, options)) ==
          Strings{"companion: 'k/Adam' cannot follow 'q' through rule 1 (q + k = qk | concat(0)): "
                  "not all of the joined variables have one; drop them, or leave companions where "
                  "they are"});
    CHECK(
        messages_of(
            make_plan(entries_of({{"q"}, {"k"}, {"k/local_step", {}}, {"q/local_step", {}}}), rules,
                      options)) ==
        Strings{"companion: 'q/local_step' and 'k/local_step' cannot follow 'q' through rule 1 (q "
                "+ k = qk | concat(0)): its shape is another; drop them, or leave companions "
                "where they are"});
  }

  TEST_CASE("companions of a divided variable are divided") {
    PlanOptions options;
    options.target.variable_beside_scope = true;
    const Plan plan = make_plan(entries_of({{"qk", {4}}, {"qk/Adam", {4}}}),
                                parse_rules({"qk = q + k | split(0)"}, '/'), options);
    CHECK(messages_of(plan) == Strings{});
    CHECK(changes_of(plan) == Strings{"qk > q", "qk > k", "qk/Adam > q/Adam", "qk/Adam > k/Adam"});
  }
}
