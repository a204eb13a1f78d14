// Part B of the scope rules: the reuse flag and how it is inherited.

#include <doctest/doctest.h>

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

namespace {

template <typename T>
constexpr bool has_reuse_argument = requires(T options) {
  options.reuse;
};

}  // namespace

TEST_SUITE("scope/reuse") {
  TEST_CASE("B26: reuse is False at the root") {
    CHECK(VariableStore().current_scope().reuse() == Reuse::kFalse);
  }

  TEST_CASE("B27, B28: False means to inherit and cannot switch reuse off") {
    for (const Reuse outer : {Reuse::kTrue, Reuse::kAuto}) {
      VariableStore store;
      const auto a = store.open("a", {.reuse = outer});
      auto b = store.open("b", {.reuse = Reuse::kFalse});
      CHECK(b->reuse() == outer);
    }
  }

  TEST_CASE("B32: reuse reaches scopes far below") {
    VariableStore store;
    const auto get = [&](Reuse reuse) -> Variable& {
      const auto a = store.open("a", {.reuse = reuse});
      const auto b = store.open("b");
      auto c = store.open("c");
      CHECK(c->reuse() == reuse);
      return store.get_variable("v", kOne);
    };
    Variable& v = get(Reuse::kFalse);
    CHECK(get(Reuse::kTrue) == v);
    CHECK(v.name() == "a/b/c/v");
  }

  TEST_CASE("B33, B34, B35: a re-entered object has its own flag unless another is given") {
    VariableStore store;
    const auto entered = [&](const VariableScope& scope, Reuse reuse) {
      return store.open(scope, {.reuse = reuse})->reuse();
    };
    const VariableScope on = store.open("on", {.reuse = Reuse::kTrue}).scope();
    CHECK(entered(on, Reuse::kFalse) == Reuse::kTrue);
    CHECK(entered(on, Reuse::kTrue) == Reuse::kTrue);
    CHECK(store.open(on)->reuse() == Reuse::kTrue);
    const VariableScope off = store.open("off").scope();
    CHECK(store.open(off)->reuse() == Reuse::kFalse);
    CHECK(entered(off, Reuse::kTrue) == Reuse::kTrue);
    CHECK(entered(off, Reuse::kFalse) == Reuse::kFalse);
    const VariableScope either = store.open("either", {.reuse = Reuse::kAuto}).scope();
    CHECK(store.open(either)->reuse() == Reuse::kAuto);
  }

  TEST_CASE("B34: an object's own False counts even inside a scope that reuses") {
    VariableStore store;
    const VariableScope off = store.open("off").scope();
    const auto outer = store.open("outer", {.reuse = Reuse::kTrue});
    CHECK(store.open(off)->reuse() == Reuse::kFalse);
  }

  TEST_CASE("B37: the current scope's object keeps the current flag") {
    VariableStore store;
    const auto a = store.open("a", {.reuse = Reuse::kTrue});
    CHECK(store.open(store.current_scope())->reuse() == Reuse::kTrue);
  }

  TEST_CASE("B38: re-entering with reuse makes another scope and leaves the first as it was") {
    VariableStore store;
    const VariableScope a = store.open("a").scope();
    const VariableScope again = store.open(a, {.reuse = Reuse::kTrue}).scope();
    CHECK_FALSE(again == a);
    CHECK(again.reuse() == Reuse::kTrue);
    CHECK(a.reuse() == Reuse::kFalse);
    CHECK(store.open(a)->reuse() == Reuse::kFalse);
  }

  TEST_CASE("B39: reuse_variables changes that very scope, also for later entries") {
    VariableStore store;
    VariableScope a = store.open("a").scope();
    a.reuse_variables();
    CHECK(store.open(a)->reuse() == Reuse::kTrue);
    auto live = store.open("b");
    store.current_scope().reuse_variables();
    CHECK(live->reuse() == Reuse::kTrue);
  }

  TEST_CASE("B41: reuse_variables on an outer scope does not reach an inner one that is open") {
    VariableStore store;
    auto outer = store.open("outer");
    auto inner = store.open("inner");
    outer->reuse_variables();
    CHECK(inner->reuse() == Reuse::kFalse);
    CHECK(outer->reuse() == Reuse::kTrue);
  }

  TEST_CASE("B42: reuse_variables on an inner scope ends with its visit") {
    VariableStore store;
    auto outer = store.open("outer");
    auto inner = store.open("inner");
    inner->reuse_variables();
    inner.close();
    CHECK(outer->reuse() == Reuse::kFalse);
    CHECK(store.open("inner")->reuse() == Reuse::kFalse);
  }

  TEST_CASE("B43: reuse_variables at the root holds for all that comes later") {
    VariableStore store;
    store.current_scope().reuse_variables();
    CHECK(store.open("later")->reuse() == Reuse::kTrue);
    CHECK(scope_code_of([&] { store.get_variable("v", kOne); }) == ScopeErrc::kMissing);
  }

  TEST_CASE("B45: a flag that programs write is true, false or auto") {
    CHECK(ckpt::parse_reuse("true") == Reuse::kTrue);
    CHECK(ckpt::parse_reuse("False") == Reuse::kFalse);
    CHECK(ckpt::parse_reuse("AUTO") == Reuse::kAuto);
    CHECK(scope_code_of([] { (void)ckpt::parse_reuse("1"); }) == ScopeErrc::kReuseValue);
    CHECK(error_of([] { (void)ckpt::parse_reuse("yes"); }) ==
          "reuse is 'yes', but can be only true, false or auto");
  }

  TEST_CASE("B46: scopes take a reuse flag, get_variable takes none") {
    CHECK(has_reuse_argument<ckpt::ScopeOptions>);
    CHECK_FALSE(has_reuse_argument<VariableOptions>);
  }

  TEST_CASE("B47: the call by full name, without a flag, finds or makes") {
    VariableStore store;
    Variable& v = store.get_by_key("a/v", kOne);
    CHECK(store.get_by_key("a/v", kOne) == v);
    CHECK(scope_code_of([&] { store.get_by_key("a/v", kOne, Reuse::kFalse); }) ==
          ScopeErrc::kExists);
  }
}
