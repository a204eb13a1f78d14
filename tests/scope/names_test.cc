// Part A of the scope rules: names from scopes.

#include <doctest/doctest.h>

#include <stdexcept>

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

TEST_SUITE("scope/names") {
  TEST_CASE("A1: the name of a variable is the path of the scopes it is made in") {
    VariableStore store;
    const auto a = store.open("a");
    const auto b = store.open("b");
    CHECK(store.get_variable("v", kOne).name() == "a/b/v");
  }

  TEST_CASE("A2: a string is always appended, never matched against the current scope") {
    VariableStore store;
    const auto outer = store.open("a");
    const auto inner = store.open("a");
    CHECK(store.get_variable("v", kOne).name() == "a/a/v");
  }

  TEST_CASE("A3: a scope object entered inside itself is a jump, only name scopes nest") {
    VariableStore store;
    auto a = store.open("a");
    const auto again = store.open(*a);
    CHECK(store.get_variable("v", kOne).name() == "a/v");
    CHECK(store.add_op("c") == "a/a/c");
  }

  TEST_CASE("A4: an object jump ignores where it is made from") {
    VariableStore store;
    auto root = store.open("root");
    auto tower = store.open("towerA");
    Variable& v = store.get_variable("v", kOne);
    tower.close();
    const auto fo = store.open("fo");
    const auto bar = store.open("bar");
    const auto jump = store.open(*tower, {.reuse = Reuse::kTrue});
    CHECK(store.get_variable("v", kOne) == v);
    CHECK(v.name() == "root/towerA/v");
  }

  TEST_CASE("A5: after a jump the variable scope is the object's and the name scope is nested") {
    VariableStore store;
    const VariableScope tower4 = store.open("tower4").scope();
    const auto tower6 = store.open("tower6");
    auto jump = store.open(tower4, {.reuse = Reuse::kTrue});
    CHECK(jump->name() == "tower4");
    CHECK(store.add_op("c") == "tower6/tower4/c");
  }

  TEST_CASE("A6: a string of two segments is one scope") {
    VariableStore store;
    auto scope = store.open("a/b");
    CHECK(scope->name() == "a/b");
    CHECK(scope->original_name_scope() == "a/b/");
    CHECK(store.get_variable("v", kOne).name() == "a/b/v");
  }

  TEST_CASE("A9, A10: the empty string at the root is the root scope, with reuse too") {
    VariableStore store;
    auto root = store.open("");
    CHECK(root->name() == "");
    Variable& v = store.get_variable("v", kOne);
    CHECK(v.name() == "v");
    root.close();
    const auto again = store.open("", {.reuse = Reuse::kTrue});
    CHECK(store.get_variable("v", kOne) == v);
  }

  TEST_CASE("A11: the empty string inside a scope does not mean the root") {
    VariableStore store;
    const auto a = store.open("a");
    auto empty = store.open("");
    CHECK(empty->name() == "a/");
    CHECK(store.get_variable("v", kOne).name() == "a//v");
  }

  TEST_CASE("A17: a name may begin with an underscore inside a scope, not at the root") {
    VariableStore store;
    CHECK(error_of([&] { (void)store.open("_a"); }) ==
          "'_a': is not a valid name at the root of a graph: the first character must be a letter, "
          "a digit or '.', the others letters, digits or one of _ . \\ / > -");
    CHECK(store.current_scope().name() == "");
    const auto a = store.open("a");
    const auto b = store.open("_b");
    CHECK(store.get_variable("_v", kOne).name() == "a/_b/_v");
    CHECK(error_of([&] { (void)store.open("b c"); }) ==
          "'b c': is not a valid name inside a scope: each character must be a letter, a digit or "
          "one of _ . \\ / > -");
  }

  TEST_CASE("A18, A19: a variable's name is checked when it is made, and nothing is left behind") {
    VariableStore store;
    CHECK(scope_code_of([&] { store.get_variable("_v", kOne); }) == ScopeErrc::kName);
    CHECK(scope_code_of([&] { store.get_variable("v:0", kOne); }) == ScopeErrc::kName);
    CHECK(store.find("_v") == nullptr);
    CHECK(store.variables().empty());
    CHECK(store.global_variables().empty());
  }

  TEST_CASE("A20: an empty name makes a variable called as its scope, and is not made unique") {
    VariableStore store;
    CHECK(store.add_op("a") == "a");
    const auto a = store.open(VariableScope(store.open("a").scope()));
    Variable& v = store.get_variable("", kOne);
    CHECK(v.key() == "a/");
    CHECK(v.name() == "a");
    CHECK(store.find("a/") == &v);
    CHECK(store.find("a") == nullptr);
  }

  TEST_CASE("A21: the root object inside a scope names variables from the root, operations not") {
    VariableStore store;
    const VariableScope root = store.current_scope();
    const auto a = store.open("a");
    const auto jump = store.open(root);
    CHECK(store.get_variable("v", kOne).name() == "v");
    CHECK(store.add_op("c") == "a/c");
  }

  TEST_CASE("A22: leaving scopes by an exception restores scope, reuse and name scope") {
    VariableStore store;
    try {
      const auto a = store.open("a", {.reuse = Reuse::kAuto});
      const auto n = store.name_scope("n");
      const auto b = store.open("b");
      throw std::runtime_error("out");
    } catch (const std::runtime_error&) {
    }
    CHECK(store.current_scope().name() == "");
    CHECK(store.current_scope().reuse() == Reuse::kFalse);
    CHECK(store.current_name_scope() == "");
    CHECK(store.get_variable("x", kOne).name() == "x");
  }

  TEST_CASE("A24: a scope cannot be closed before one that was opened inside it") {
    VariableStore store;
    auto outer = store.open("outer");
    auto inner = store.open("inner");
    CHECK(scope_code_of([&] { outer.close(); }) == ScopeErrc::kNest);
    CHECK(error_of([&] { outer.close(); }) ==
          "scope 'outer' cannot be closed: scope 'outer/inner' was opened inside it and is still "
          "open; close what was opened last first");
    CHECK(store.current_scope() == *inner);
    inner.close();
    outer.close();
    CHECK(store.current_scope().name() == "");
    outer.close();  // once more is nothing
  }

  TEST_CASE("a guard that goes away early closes what is open inside, which then may go too") {
    VariableStore store;
    std::optional outer(store.open("outer"));
    auto inner = store.open("inner");
    outer.reset();
    CHECK(store.current_scope().name() == "");
    const auto other = store.open("other");
    inner.close();
    CHECK(store.current_scope().name() == "other");
  }

  TEST_CASE("A25: two graphs do not know each other") {
    VariableStore first;
    VariableStore second;
    Variable& v = first.get_variable("v", kOne);
    Variable& w = second.get_variable("v", kOne);
    CHECK(w.name() == "v");
    CHECK_FALSE(v == w);
  }
}
