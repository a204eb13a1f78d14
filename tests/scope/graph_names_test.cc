// Parts E and F of the scope rules: name scopes, plain variables and the names of operations.

#include <doctest/doctest.h>

#include "scope/saveable.h"
#include "scope/variable_store.h"
#include "support/error_of.h"
#include "support/scope_code_of.h"
#include "support/scope_options.h"

using ckpt::Reuse;
using ckpt::ScopeErrc;
using ckpt::Shape;
using ckpt::Variable;
using ckpt::VariableOptions;
using ckpt::VariableScope;
using ckpt::VariableStore;

TEST_SUITE("scope/graph_names") {
  TEST_CASE("E104: a name scope reaches plain variables and never get_variable") {
    VariableStore store;
    const auto n = store.name_scope("n");
    CHECK(store.get_variable("v", kOne).name() == "v");
    CHECK(store.make_variable("w", kOne).name() == "n/w");
    CHECK(store.current_name_scope() == "n");
  }

  TEST_CASE("E107: variables keep their scope's name where its name scopes are numbered") {
    VariableStore store;
    auto t = store.open("t");
    Variable& v = store.get_variable("v", kOne);
    CHECK(store.add_op("c") == "t/c");
    t.close();
    {
      const auto again = store.open("t", {.reuse = Reuse::kTrue});
      CHECK(store.get_variable("v", kOne) == v);
      CHECK(store.add_op("c") == "t_1/c");
    }
    const auto jump = store.open(*t, {.reuse = Reuse::kTrue});
    CHECK(store.get_variable("v", kOne) == v);
    CHECK(v.name() == "t/v");
    CHECK(store.add_op("c") == "t_2/c");
  }

  TEST_CASE("E108: the original name scope of an object is that of its making") {
    VariableStore store;
    auto t = store.open("t");
    t.close();
    const auto n = store.name_scope("n");
    auto again = store.open(*t);
    CHECK(again->original_name_scope() == "t/");
    CHECK(store.current_name_scope() == "n/t");
  }

  TEST_CASE("E110: without its name scope a scope names variables and not operations") {
    VariableStore store;
    {
      auto scope = store.open("scope", {.auxiliary_name_scope = false});
      CHECK(store.get_variable("w", kOne).name() == "scope/w");
      CHECK(store.add_op("c") == "c");
      CHECK(scope->original_name_scope() == "");
    }
    const auto outer = store.open("outer");
    auto inner = store.open("inner", {.auxiliary_name_scope = false});
    CHECK(store.get_variable("w", kOne).name() == "outer/inner/w");
    CHECK(store.add_op("c") == "outer/c");
    CHECK(inner->original_name_scope() == "outer/");
  }

  TEST_CASE("E111: so does a scope with a default name, and the name scope stays free") {
    VariableStore store;
    {
      const auto scope = store.open({.default_name = "default", .auxiliary_name_scope = false});
      CHECK(store.get_variable("w", kOne).name() == "default/w");
      CHECK(store.add_op("c") == "c");
    }
    CHECK(store.name_scope("default").name() == "default/");
  }

  TEST_CASE("the name scope of a default name is numbered by the graph, not by the scope") {
    VariableStore store;
    (void)store.add_op("d");
    const auto visit = [&] {
      auto scope = store.open({.default_name = "d"});
      return scope->name() + " " + store.add_op("c");
    };
    CHECK(visit() == "d d_1/c");
    CHECK(visit() == "d_1 d_2/c");
  }

  TEST_CASE("E114: name scopes that differ in case alone are numbered") {
    VariableStore store;
    CHECK(store.name_scope("Foo").name() == "Foo/");
    CHECK(store.name_scope("foo").name() == "foo_1/");
  }

  TEST_CASE("the empty name scope is the root, a final slash re-enters") {
    VariableStore store;
    const auto a = store.name_scope("a");
    const auto root = store.name_scope("");
    CHECK(root.name() == "");
    CHECK(store.add_op("c") == "c");
    const auto again = store.name_scope(a.name());
    CHECK(again.name() == "a/");
    CHECK(store.add_op("c") == "a/c");
    CHECK(scope_code_of([&] { (void)store.name_scope("b:0"); }) == ScopeErrc::kName);
    CHECK(store.current_name_scope() == "a");
  }

  TEST_CASE("F116: reuse does not touch plain variables: a second visit makes a second one") {
    VariableStore store;
    {
      const auto a = store.open("a");
      CHECK(store.make_variable("w", kOne).name() == "a/w");
    }
    const auto a = store.open("a", {.reuse = Reuse::kTrue});
    CHECK(store.make_variable("w", kOne).name() == "a_1/w");
  }

  TEST_CASE("F117, F118: plain variables of one name are numbered, unnamed ones too") {
    VariableStore store;
    CHECK(store.make_variable("w", kOne).name() == "w");
    CHECK(store.make_variable("w", kOne).name() == "w_1");
    CHECK(store.make_variable("", kOne).name() == "Variable");
    CHECK(store.make_variable("", kOne).name() == "Variable_1");
    CHECK(store.find("w") == nullptr);
  }

  TEST_CASE("F122: an operation of the name changes the checkpoint's name, not the store's") {
    VariableStore store;
    store.add_op("w");
    Variable& w = store.get_variable("w", kOne);
    CHECK(w.key() == "w");
    CHECK(w.name() == "w_1");
    CHECK(ckpt::saveables_of(store).front().name == "w_1");
    store.current_scope().reuse_variables();
    CHECK(store.get_variable("w", kOne) == w);
  }

  TEST_CASE("F124: numbered names are taken names") {
    VariableStore store;
    const auto foo = store.open("foo");
    store.add_op("v");
    CHECK(store.get_variable("v", kOne).name() == "foo/v_1");
    CHECK(store.get_variable("v_1", kOne).name() == "foo/v_1_1");
  }

  TEST_CASE("F125, F126: the store tells upper from lower case, the graph does not") {
    VariableStore store;
    Variable& upper = store.get_variable("W", kOne);
    Variable& lower = store.get_variable("w", kOne);
    CHECK(upper.name() == "W");
    CHECK(lower.name() == "w_1");
    CHECK(lower.key() == "w");
    const auto in = [&](const char* scope_name) {
      const auto scope = store.open(scope_name);
      return store.get_variable("w", kOne).name();
    };
    CHECK(in("Foo") == "Foo/w");
    CHECK(in("foo") == "foo/w_1");
  }

  TEST_CASE("F127: the original name scope re-entered is the same one, its names are taken") {
    VariableStore store;
    auto t = store.open("t");
    CHECK(store.make_variable("b", kOne).name() == "t/b");
    t.close();
    auto again = store.open(*t, {.auxiliary_name_scope = false});
    const auto names = store.name_scope(again->original_name_scope());
    CHECK(store.make_variable("b", kOne).name() == "t/b_1");
  }

  TEST_CASE("two variables with one name in a checkpoint cannot be saved") {
    VariableStore store;
    store.make_variable("a", {.shape = Shape{1}, .origin = "here"});
    const auto a = store.open("a");
    store.get_variable("", {.shape = Shape{1}, .origin = "there"});
    CHECK(scope_code_of([&] { (void)ckpt::saveables_of(store); }) == ScopeErrc::kSaverDup);
    CHECK(error_of([&] { (void)ckpt::saveables_of(store); }) ==
          "a: 2 variables would have this name in a checkpoint, and they are not slices that make "
          "up one whole; they were made at here and there; give each a name of its own");
  }
}
