// Part D of the scope rules: scopes that have only a default name, and how they are numbered.

#include <doctest/doctest.h>

#include "scope/variable_store.h"
#include "support/error_of.h"
#include "support/scope_code_of.h"
#include "support/scope_options.h"

using ckpt::Reuse;
using ckpt::ScopeErrc;
using ckpt::ScopeGuard;
using ckpt::Shape;
using ckpt::Variable;
using ckpt::VariableOptions;
using ckpt::VariableScope;
using ckpt::VariableStore;

namespace {

// Opens a default name, closes it, and gives the scope's full name.
std::string visit(VariableStore& store, const std::string& default_name) {
  return store.open({.default_name = default_name}).scope().name();
}

// Gets `variable` in a scope with only a default name.
Variable& get_in(VariableStore& store, const std::string& default_name,
                 const std::string& variable) {
  const auto scope = store.open({.default_name = default_name});
  return store.get_variable(variable, kOne);
}

}  // namespace

TEST_SUITE("scope/counters") {
  TEST_CASE("D77: default names are numbered from the second on") {
    VariableStore store;
    CHECK(visit(store, "d") == "d");
    CHECK(visit(store, "d") == "d_1");
    CHECK(visit(store, "d") == "d_2");
  }

  TEST_CASE("D79: a default name beside an object is ignored") {
    VariableStore store;
    const VariableScope a = store.open("a").scope();
    CHECK(store.open(a, {.default_name = "d"})->name() == "a");
    CHECK(visit(store, "d") == "d");
  }

  TEST_CASE("D80: a scope needs a name or a default name") {
    VariableStore store;
    CHECK(scope_code_of([&] { (void)store.open(ckpt::ScopeOptions{}); }) == ScopeErrc::kNoName);
    CHECK(error_of([&] { (void)store.open(ckpt::ScopeOptions{}); }) ==
          "a scope was opened with neither a name nor a default name; give one of them");
  }

  TEST_CASE("D81: reuse cannot be asked for of a name that is always new") {
    VariableStore store;
    for (const Reuse reuse : {Reuse::kTrue, Reuse::kAuto}) {
      CHECK(scope_code_of([&] { (void)store.open({.default_name = "d", .reuse = reuse}); }) ==
            ScopeErrc::kReuseNoName);
    }
    CHECK(error_of([&] { (void)store.open({.default_name = "d", .reuse = Reuse::kAuto}); }) ==
          "a scope with only the default name 'd' was opened with reuse AUTO, but its name is "
          "always a new one; reuse needs a scope that has a name");
  }

  TEST_CASE("D83: a string takes its name even where a default name took it before") {
    VariableStore store;
    get_in(store, "bar", "v");
    const auto bar = store.open("bar");
    CHECK(scope_code_of([&] { store.get_variable("v", kOne); }) == ScopeErrc::kExists);
  }

  TEST_CASE("D84, D85: numbers that strings have taken are skipped") {
    VariableStore store;
    (void)store.open("bar_1").scope();
    CHECK(visit(store, "bar") == "bar");
    CHECK(visit(store, "bar") == "bar_2");
    (void)store.open("x").scope();
    (void)store.open("x_1").scope();
    CHECK(visit(store, "x") == "x_2");
    CHECK(visit(store, "x") == "x_3");
    CHECK(visit(store, "x_1") == "x_1_1");
  }

  TEST_CASE("D86: names that begin alike do not disturb one another") {
    VariableStore store;
    const auto layer_in = [&](const std::string& name) {
      const auto scope = store.open({.default_name = name});
      return visit(store, "layer");
    };
    CHECK(layer_in("d1") == "d1/layer");
    CHECK(layer_in("d1") == "d1_1/layer");
    CHECK(layer_in("d") == "d/layer");
    CHECK(layer_in("d1") == "d1_2/layer");
  }

  TEST_CASE("D87: closing a scope opened by string forgets the numbers below it") {
    VariableStore store;
    {
      const auto foo = store.open("foo");
      CHECK(visit(store, "bar") == "foo/bar");
      CHECK(visit(store, "bar") == "foo/bar_1");
    }
    const auto foo = store.open("foo");
    CHECK(visit(store, "bar") == "foo/bar");
  }

  TEST_CASE("D88: so the same code run twice is an error, not a second set") {
    VariableStore store;
    const auto model = [&] {
      const auto foo = store.open("foo");
      get_in(store, "bar", "a");
    };
    model();
    CHECK(error_of(model).starts_with("foo/bar/a: this variable already exists"));
  }

  TEST_CASE("D90: AUTO does not make two unnamed layers of one visit share") {
    VariableStore store;
    const auto scope = store.open("scope", {.reuse = Reuse::kAuto});
    CHECK(get_in(store, "bert", "v").name() == "scope/bert/v");
    CHECK(get_in(store, "bert", "v").name() == "scope/bert_1/v");
  }

  TEST_CASE("D91: a model built twice in one visit of the root is built twice") {
    VariableStore store;
    const auto root = store.open(store.current_scope(), {.reuse = Reuse::kAuto});
    CHECK(get_in(store, "Conv", "v").name() == "Conv/v");
    CHECK(get_in(store, "Conv", "v").name() == "Conv_1/v");
  }

  TEST_CASE("D92: with a visit of the root for each copy, the copies share") {
    VariableStore store;
    const auto copy = [&]() -> Variable& {
      const auto root = store.open(store.current_scope(), {.reuse = Reuse::kAuto});
      return get_in(store, "Conv", "v");
    };
    Variable& first = copy();
    CHECK(copy() == first);
  }

  TEST_CASE("D93: each entry of a scope begins to number anew, by object and by string") {
    VariableStore store;
    const VariableScope foo = store.open("foo").scope();
    for (int i = 0; i < 2; ++i) {
      const auto scope = store.open(foo);
      CHECK(visit(store, "k") == "foo/k");
    }
    const auto scope = store.open("foo");
    CHECK(visit(store, "k") == "foo/k");
  }

  TEST_CASE("D96: a jump into another scope does not disturb the numbers of this one") {
    VariableStore store;
    auto a = store.open("A");
    CHECK(visit(store, "l") == "A/l");
    a.close();
    const auto b = store.open("B");
    CHECK(visit(store, "l") == "B/l");
    {
      const auto jump = store.open(*a);
      CHECK(visit(store, "l") == "A/l");
    }
    CHECK(visit(store, "l") == "B/l_1");
  }

  TEST_CASE("D99: reuse_variables between two unnamed layers looks for the second one's") {
    VariableStore store;
    auto main = store.open("main");
    get_in(store, "memory_layer", "kernel");
    main->reuse_variables();
    CHECK(error_of([&] {
            get_in(store, "memory_layer", "kernel");
          }).starts_with("main/memory_layer_1/kernel: this variable does not exist"));
  }

  TEST_CASE("D100: an outer object re-entered with reuse finds what unnamed scopes made") {
    VariableStore store;
    auto outer = store.open("outer");
    Variable& w = get_in(store, "default", "w");
    outer.close();
    const auto again = store.open(*outer, {.reuse = Reuse::kTrue});
    CHECK(get_in(store, "default", "w") == w);
    CHECK(w.name() == "outer/default/w");
  }

  TEST_CASE("a number that is forgotten is free again, though others were given meanwhile") {
    VariableStore store;
    const VariableScope a = store.open("a").scope();
    const auto outer = store.open(a);
    for (int i = 0; i < 3; ++i) (void)visit(store, "x");
    {
      const auto inner = store.open(a);
      CHECK(visit(store, "x") == "a/x_3");
    }
    CHECK(visit(store, "x") == "a/x_3");
    CHECK(visit(store, "x") == "a/x_4");
  }

  TEST_CASE("closing an object entry brings back the numbers of its time, through nested entries") {
    VariableStore store;
    const VariableScope a = store.open("a").scope();
    {
      const auto outer = store.open(a);
      CHECK(visit(store, "x") == "a/x");
      {
        const auto inner = store.open(a);
        CHECK(visit(store, "x") == "a/x_1");
        const auto string = store.open("s");
        CHECK(visit(store, "y") == "a/s/y");
      }
      CHECK(visit(store, "x") == "a/x_1");
    }
    const auto outer = store.open(a);
    CHECK(visit(store, "x") == "a/x");
  }
}
