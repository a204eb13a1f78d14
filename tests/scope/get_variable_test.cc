// Part C of the scope rules: what is found, made or refused.

#include <doctest/doctest.h>

#include <array>

#include "core/text.h"
#include "scope/variable_store.h"
#include "support/error_of.h"
#include "support/scope_code_of.h"
#include "support/scope_options.h"

using ckpt::cat;
using ckpt::DType;
using ckpt::Initializer;
using ckpt::Reuse;
using ckpt::ScopeErrc;
using ckpt::Shape;
using ckpt::Tensor;
using ckpt::Variable;
using ckpt::VariableOptions;
using ckpt::VariableScope;
using ckpt::VariableStore;

namespace {

Tensor int_scalar(std::int32_t value) {
  const std::array values{value};
  const auto bytes = ckpt::as_byte_view(values);
  return {DType::kI32, {}, ckpt::Bytes(bytes.begin(), bytes.end())};
}

}  // namespace

TEST_SUITE("scope/get_variable") {
  TEST_CASE("an existing name without reuse is an error that says both remedies") {
    VariableStore store;
    const auto a = store.open("a");
    const int line = __LINE__ + 1;
    store.get_variable("v", kOne);
    CHECK(scope_code_of([&] { store.get_variable("v", kOne); }) == ScopeErrc::kExists);
    CHECK(error_code_of([&] { store.get_variable("v", kOne); }) == ckpt::Errc::kConflict);
    CHECK(error_of([&] { store.get_variable("v", kOne); }) ==
          cat("a/v: this variable already exists, first made at get_variable_test.cc:", line,
              ", and reuse is False here; open the scope with reuse True to share it, or with "
              "reuse AUTO to share it where it exists and make it where it does not"));
  }

  TEST_CASE("C51: a missing name with reuse is an error that names the nearest") {
    VariableStore store;
    const VariableScope a = store.open("a").scope();
    {
      const auto scope = store.open(a);
      store.get_variable("kernel", kOne);
    }
    const auto scope = store.open(a, {.reuse = Reuse::kTrue});
    CHECK(scope_code_of([&] { store.get_variable("kernal", kOne); }) == ScopeErrc::kMissing);
    CHECK(error_code_of([&] { store.get_variable("kernal", kOne); }) == ckpt::Errc::kNotFound);
    CHECK(error_of([&] { store.get_variable("kernal", kOne); }) ==
          "a/kernal: this variable does not exist, or was not made by get_variable, and reuse is "
          "True here; open the scope with reuse AUTO to make it where it is missing, or without "
          "reuse; did you mean 'a/kernel'?");
  }

  TEST_CASE("C52: so it is in a scope below, by its full name") {
    VariableStore store;
    const VariableScope a = store.open("a").scope();
    const auto outer = store.open(a, {.reuse = Reuse::kTrue});
    const auto baz = store.open("baz");
    CHECK(error_of([&] { store.get_variable("v", kOne); }).starts_with("a/baz/v: "));
  }

  TEST_CASE("C53: AUTO makes a variable once") {
    VariableStore store;
    const auto a = store.open("a", {.reuse = Reuse::kAuto});
    Variable& v = store.get_variable("v", kOne);
    CHECK(store.get_variable("v", kOne) == v);
    CHECK(store.global_variables().size() == 1);
    CHECK(store.trainable_variables().size() == 1);
  }

  TEST_CASE("C54, C56: a shape not asked for, or in part unknown, fits what is there") {
    VariableStore store;
    Variable& v = store.get_variable("v", {.shape = Shape{1, 2}});
    store.current_scope().reuse_variables();
    CHECK(store.get_variable("v") == v);
    CHECK(store.get_variable("v", {.shape = Shape{ckpt::kUnknownExtent, 2}}) == v);
    CHECK(scope_code_of([&] {
            store.get_variable("v", {.shape = Shape{ckpt::kUnknownExtent, 3}});
          }) == ScopeErrc::kShape);
    CHECK(scope_code_of([&] {
            store.get_variable("v", {.shape = Shape{1, 2, 1}});
          }) == ScopeErrc::kShape);
  }

  TEST_CASE("C59: a call without a dtype asks for the scope's, not for any") {
    VariableStore store;
    const std::string made_at = cat("get_variable_test.cc:", __LINE__ + 1);
    store.get_variable("v", {.shape = Shape{1}, .dtype = DType::kI32});
    store.current_scope().reuse_variables();
    CHECK(scope_code_of([&] { store.get_variable("v", kOne); }) == ScopeErrc::kDType);
    CHECK(error_of([&] { store.get_variable("v", kOne); }) ==
          cat("v: exists with dtype i32, first made at ", made_at,
              ", but was asked for with dtype f32; a call without a dtype asks for its scope's"));
  }

  TEST_CASE("C60: AUTO never makes a second variable out of a conflict") {
    VariableStore store;
    const auto root = store.open("", {.reuse = Reuse::kAuto});
    const std::string made_at = cat("get_variable_test.cc:", __LINE__ + 1);
    store.get_variable("v", kOne);
    CHECK(error_of([&] { store.get_variable("v", {.shape = Shape{2}}); }) ==
          cat("v: exists with shape [1], first made at ", made_at,
              ", but was asked for with shape [2]; ask for that shape, or for another name"));
    CHECK(scope_code_of([&] {
            store.get_variable("v", {.shape = Shape{1}, .dtype = DType::kF64});
          }) == ScopeErrc::kDType);
    CHECK(store.variables().size() == 1);
  }

  TEST_CASE("C61, C62: what else a call says of a variable that exists is ignored") {
    VariableStore store;
    const float two = 2;
    Variable& v = store.get_variable(
        "v", {.initializer = Initializer::value(ckpt::make_tensor({}, {&two, 1}))});
    v.initialize(0);
    store.current_scope().reuse_variables();
    const float three = 3;
    CHECK(store.get_variable(
              "v", {.initializer = Initializer::value(ckpt::make_tensor({}, {&three, 1}))}) == v);
    CHECK(v.value() == ckpt::make_tensor({}, {&two, 1}));
    CHECK(store.get_variable("v", {.trainable = false, .collections = {{"mine"}}}) == v);
    CHECK(v.trainable());
    CHECK(store.collection("mine").empty());
    CHECK(store.trainable_variables().size() == 1);
  }

  TEST_CASE("C63: a new variable needs a shape or an initializer") {
    VariableStore store;
    CHECK(scope_code_of([&] { store.get_variable("v"); }) == ScopeErrc::kNoShape);
    CHECK(error_of([&] { store.get_variable("v"); }) ==
          "v: a new variable needs a shape whose extents are all known, or an initializer that "
          "brings its shape; neither was given");
    CHECK(error_of([&] { store.get_variable("v", {.shape = Shape{ckpt::kUnknownExtent}}); }) ==
          "v: a new variable needs a shape whose extents are all known, or an initializer "
          "that brings its shape; the shape given is [-1]");
  }

  TEST_CASE("a name that exists is refused before its missing shape is") {
    VariableStore store;
    store.get_variable("v", kOne);
    CHECK(scope_code_of([&] { store.get_variable("v"); }) == ScopeErrc::kExists);
  }

  TEST_CASE("C65: a constant initializer excludes a shape, also one that the scope has") {
    VariableStore store;
    const auto scope = store.open("s", {.initializer = Initializer::value(int_scalar(7))});
    CHECK(scope_code_of([&] { store.get_variable("v", kOne); }) == ScopeErrc::kConstShape);
    CHECK(error_of([&] { store.get_variable("v", kOne); }) ==
          "s/v: the shape [1] was given beside a constant initializer, which has a shape of its "
          "own, []; give one of them");
  }

  TEST_CASE("C67: a constant initializer of another dtype than asked for is refused") {
    VariableStore store;
    const VariableOptions options{.dtype = DType::kF32,
                                  .initializer = Initializer::value(int_scalar(7))};
    CHECK(scope_code_of([&] { store.get_variable("v", options); }) == ScopeErrc::kInitDType);
    CHECK(error_of([&] { store.get_variable("v", options); }) ==
          "v: its constant initializer is i32, but the dtype asked for is f32; give a constant of "
          "that dtype or no dtype");
    CHECK(store.get_variable("v", {.initializer = options.initializer}).dtype() == DType::kI32);
  }

  TEST_CASE("C68: an initializer function without arguments needs no shape") {
    VariableStore store;
    const auto seven =
        Initializer::function(Initializer::FromNothing([] { return int_scalar(7); }));
    Variable& v = store.get_variable("v", {.initializer = seven});
    CHECK(v.dtype() == DType::kI32);
    CHECK(v.shape() == Shape{});
    v.initialize(0);
    CHECK(v.value() == int_scalar(7));
  }

  TEST_CASE("C69: an initializer that needs a shape is refused without one") {
    VariableStore store;
    CHECK(scope_code_of([&] { store.get_variable("v", {.initializer = Initializer::ones()}); }) ==
          ScopeErrc::kInitSignature);
    CHECK(error_of([&] { store.get_variable("v", {.initializer = Initializer::ones()}); }) ==
          "v: its initializer makes values of a shape that it is given, so the call needs a shape "
          "whose extents are all known; there is none");
  }

  TEST_CASE("C73: a complex variable has no default initializer") {
    VariableStore store;
    const VariableOptions complex{.shape = Shape{1}, .dtype = DType::kC64};
    CHECK(scope_code_of([&] { store.get_variable("v", complex); }) == ScopeErrc::kInitRequired);
    CHECK(error_of([&] { store.get_variable("v", complex); }) ==
          "v: there is no default initializer for dtype c64; give one");
    VariableOptions with_zeros = complex;
    with_zeros.initializer = Initializer::zeros();
    CHECK(store.get_variable("v", with_zeros).dtype() == DType::kC64);
  }

  TEST_CASE("an origin given by the caller is what messages name") {
    VariableStore store;
    store.get_variable("v", {.shape = Shape{1}, .origin = "model.json: statement 3"});
    CHECK(
        error_of([&] {
          store.get_variable("v", kOne);
        }).starts_with("v: this variable already exists, first made at model.json: statement 3, "));
  }
}
