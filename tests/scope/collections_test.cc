// Part I of the scope rules: collections, their order, local variables.

#include <doctest/doctest.h>

#include <type_traits>

#include "scope/variable_store.h"
#include "support/scope_code_of.h"
#include "support/scope_options.h"

using ckpt::Reuse;
using ckpt::ScopeErrc;
using ckpt::Shape;
using ckpt::Variable;
using ckpt::VariableOptions;
using ckpt::VariableStore;
using Variables = std::vector<Variable*>;

TEST_SUITE("scope/collections") {
  TEST_CASE("I169: global variables are in the order of their making, reuse adds nothing") {
    VariableStore store;
    const auto root = store.open("", {.reuse = Reuse::kAuto});
    Variable& b = store.get_variable("b", kOne);
    Variable& a = store.get_variable("a", kOne);
    store.get_variable("b", kOne);
    CHECK(store.global_variables() == Variables{&b, &a});
  }

  TEST_CASE("I174: a variable that is not trained is global only") {
    VariableStore store;
    Variable& v = store.get_variable("v", {.shape = Shape{1}, .trainable = false});
    CHECK(store.global_variables() == Variables{&v});
    CHECK(store.trainable_variables().empty());
  }

  TEST_CASE("I176: local variables are in their collection and those given, by the same rules") {
    VariableStore store;
    auto scope = store.open("s");
    Variable& v = store.get_local_variable("v", {.shape = Shape{1}, .collections = {{"mine"}}});
    CHECK(v.name() == "s/v");
    CHECK(store.local_variables() == Variables{&v});
    CHECK(store.collection("mine") == Variables{&v});
    CHECK(store.global_variables().empty());
    CHECK(store.trainable_variables().empty());
    CHECK(scope_code_of([&] { store.get_local_variable("v", kOne); }) == ScopeErrc::kExists);
    scope.close();
    const auto again = store.open(*scope, {.reuse = Reuse::kTrue});
    CHECK(store.get_local_variable("v", kOne) == v);
  }

  TEST_CASE("I177: local and other variables share their names") {
    VariableStore store;
    store.get_local_variable("w", kOne);
    CHECK(scope_code_of([&] { store.get_variable("w", kOne); }) == ScopeErrc::kExists);
  }

  TEST_CASE("I178: a variable in the local collection is trained unless told otherwise") {
    VariableStore store;
    Variable& v = store.get_variable(
        "v", {.shape = Shape{1}, .collections = {{std::string(ckpt::kLocalVariables)}}});
    CHECK(store.global_variables().empty());
    CHECK(store.local_variables() == Variables{&v});
    CHECK(store.trainable_variables() == Variables{&v});
  }

  TEST_CASE("a collection that is named twice has the variable once") {
    VariableStore store;
    Variable& v = store.get_variable("v", {.shape = Shape{1}, .collections = {{"mine", "mine"}}});
    CHECK(store.collection("mine") == Variables{&v});
  }

  TEST_CASE("I179: get_variable and get_local_variable take the same arguments") {
    CHECK(std::is_same_v<decltype(&VariableStore::get_variable),
                         decltype(&VariableStore::get_local_variable)>);
  }

  TEST_CASE("L222: the global variables of a scope are those below it") {
    VariableStore store;
    store.get_variable("a", kOne);
    store.get_variable("foot", kOne);
    auto foo = store.open("foo");
    Variable& b = store.get_variable("b", kOne);
    CHECK(store.global_variables(*foo) == Variables{&b});
    CHECK(store.global_variables().size() == 3);
  }
}
