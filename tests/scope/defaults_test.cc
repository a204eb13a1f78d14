// Part G of the scope rules: what variables inherit from their scope.

#include <doctest/doctest.h>

#include <cstring>

#include "scope/variable_store.h"
#include "support/error_of.h"
#include "support/scope_code_of.h"
#include "support/scope_options.h"

using ckpt::CustomGetter;
using ckpt::DType;
using ckpt::Initializer;
using ckpt::Reuse;
using ckpt::ScopeErrc;
using ckpt::Shape;
using ckpt::Variable;
using ckpt::VariableGetter;
using ckpt::VariableOptions;
using ckpt::VariableRequest;
using ckpt::VariableScope;
using ckpt::VariableStore;

namespace {

std::vector<float> floats(const Variable& variable) {
  const ckpt::Tensor tensor = variable.value();
  std::vector<float> out(tensor.bytes.size() / sizeof(float));
  std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
  return out;
}

// A custom getter that puts `suffix` behind the name.
CustomGetter appending(const std::string& suffix) {
  return [suffix](const VariableGetter& next, VariableRequest request) -> Variable& {
    request.name += suffix;
    return next(request);
  };
}

}  // namespace

TEST_SUITE("scope/defaults") {
  TEST_CASE("G130: an initializer set on a live scope holds in it, and goes with it") {
    VariableStore store;
    {
      const auto scope = store.open("s");
      store.current_scope().defaults().initializer = Initializer::constant(0.5);
      store.get_variable("a", kOne);
      const auto inner = store.open("t");
      store.get_variable("b", kOne);
    }
    const auto scope = store.open("s");
    Variable& c = store.get_variable("c", kOne);
    store.initialize();
    CHECK(floats(*store.find("s/a")) == std::vector{0.5F});
    CHECK(floats(*store.find("s/t/b")) == std::vector{0.5F});
    CHECK(floats(c) != std::vector{0.5F});
  }

  TEST_CASE("G131: a constant that the scope has gives shape and values") {
    VariableStore store;
    const std::vector<float> values{1, 2};
    const auto scope =
        store.open("s", {.initializer = Initializer::value(ckpt::make_tensor({2}, values))});
    Variable& v = store.get_variable("v");
    store.initialize();
    CHECK(v.shape() == Shape{2});
    CHECK(floats(v) == values);
  }

  TEST_CASE("G132: a call without a dtype uses the scope's, of any depth") {
    VariableStore store;
    const auto outer = store.open("outer", {.dtype = DType::kF64});
    const auto inner = store.open("inner");
    CHECK(store.get_variable("v", kOne).dtype() == DType::kF64);
    CHECK(store.get_variable("w", {.shape = Shape{1}, .dtype = DType::kF16}).dtype() ==
          DType::kF16);
  }

  TEST_CASE("G133: a jump takes the object's dtype with it") {
    VariableStore store;
    const VariableScope half = store.open("half", {.dtype = DType::kF16}).scope();
    const auto outer = store.open("outer", {.dtype = DType::kF64});
    const auto jump = store.open(half);
    CHECK(store.get_variable("v", kOne).dtype() == DType::kF16);
  }

  TEST_CASE("G134: a regularizer adds one loss when a variable is made, unless switched off") {
    VariableStore store;
    const auto root = store.open("", {.reuse = Reuse::kAuto, .regularizer = {{"l2"}}});
    Variable& v = store.get_variable("v", kOne);
    CHECK(store.get_variable("v", kOne) == v);
    store.get_variable("per_call", {.shape = Shape{1}, .regularizer = ckpt::no_regularizer()});
    {
      const auto off = store.open("off", {.regularizer = ckpt::no_regularizer()});
      store.get_variable("per_scope", kOne);
    }
    {
      const auto off = store.open("off2");
      store.current_scope().defaults().regularizer = ckpt::no_regularizer();
      store.get_variable("by_setter", kOne);
    }
    REQUIRE(store.regularization_losses().size() == 1);
    CHECK(store.regularization_losses()[0].regularizer == "l2");
    CHECK(*store.regularization_losses()[0].variable == v);
  }

  TEST_CASE("G135: a partitioner is inherited and kept by the object") {
    VariableStore store;
    auto scope = store.open("s", {.partitioner = ckpt::fixed_size_partitioner(2)});
    {
      const auto child = store.open("child");
      CHECK(store.get_variable("v", {.shape = Shape{4}}).slices().size() == 2);
    }
    scope.close();
    const auto again = store.open(*scope);
    CHECK(store.get_variable("w", {.shape = Shape{4}}).slices().size() == 2);
    CHECK(store.get_variable("scalar", {.shape = Shape{}}).slices().empty());
  }

  TEST_CASE("G136, G137: use_resource and caching device are inherited by string and by object") {
    VariableStore store;
    auto scope = store.open("s", {.caching_device = "/cpu:0", .use_resource = true});
    {
      const auto child = store.open("child");
      const auto& facts = store.get_variable("v", kOne).facts();
      CHECK(facts.use_resource);
      CHECK(facts.caching_device == "/cpu:0");
    }
    scope.close();
    auto again = store.open(*scope);
    CHECK(store.get_variable("v", kOne).facts().use_resource);
    const auto off = store.open("off", {.caching_device = ""});
    CHECK(store.get_variable("v", kOne).facts().caching_device == "");
    store.current_scope().defaults().caching_device = "/cpu:1";
    CHECK(store.get_variable("w", kOne).facts().caching_device == "/cpu:1");
  }

  TEST_CASE("G138: a constraint is not inherited") {
    VariableStore store;
    auto scope = store.open("s", {.constraint = "non_negative"});
    CHECK(store.get_variable("v", kOne).facts().constraint == "non_negative");
    {
      const auto child = store.open("child");
      CHECK(store.get_variable("v", kOne).facts().constraint == "");
    }
    scope.close();
    const auto again = store.open(*scope);
    CHECK(store.get_variable("w", kOne).facts().constraint == "");
    CHECK(store.get_variable("x", {.shape = Shape{1}, .constraint = "unit_norm"})
              .facts()
              .constraint == "unit_norm");
  }

  TEST_CASE("G139: the getters of nested scopes compose, the innermost is called first") {
    VariableStore store;
    const auto outer = store.open("o", {.custom_getter = appending("/O")});
    const auto inner = store.open("i", {.custom_getter = appending("/I")});
    CHECK(store.get_variable("v", kOne).name() == "o/i/v/I/O");
    CHECK(store.get_variable("w", {.shape = Shape{1}, .custom_getter = appending("/C")}).name() ==
          "o/i/w/C");
  }

  TEST_CASE("G140: the name that a getter asks for is the name in the store") {
    VariableStore store;
    const auto scope = store.open("s", {.custom_getter = appending("_suffix")});
    Variable& v = store.get_variable("v", kOne);
    CHECK(v.key() == "s/v_suffix");
    CHECK(store.find("s/v") == nullptr);
    CHECK(store.find("s/v_suffix") == &v);
  }

  TEST_CASE("G142: a getter sees the flag that is in force") {
    for (const Reuse reuse : {Reuse::kFalse, Reuse::kAuto}) {
      VariableStore store;
      std::optional<Reuse> seen;
      const CustomGetter getter = [&](const VariableGetter& next,
                                      VariableRequest request) -> Variable& {
        seen = request.reuse;
        return next(std::move(request));
      };
      const auto scope = store.open("s", {.reuse = reuse, .custom_getter = getter});
      store.get_variable("v", kOne);
      CHECK(seen == reuse);
      store.current_scope().reuse_variables();
      store.get_variable("v", kOne);
      CHECK(seen == Reuse::kTrue);
    }
  }

  TEST_CASE("G143: an empty function is no getter, neither of a scope nor of a call") {
    VariableStore store;
    CHECK(error_of([&] { (void)store.open("s", {.custom_getter = CustomGetter()}); }) ==
          "the custom getter of a scope is an empty function; give one that can be called, or "
          "none");
    const VariableOptions options{.shape = Shape{1}, .custom_getter = CustomGetter()};
    CHECK(scope_code_of([&] { store.get_variable("v", options); }) == ScopeErrc::kGetter);
    CHECK(error_of([&] { store.get_variable("v", options); }) ==
          "v: its custom getter is an empty function; give one that can be called, or none");
  }

  TEST_CASE("G144: creators see every variable that is made, the last one set first") {
    VariableStore store;
    std::vector<std::string> seen;
    const auto creator = [&](const std::string& who) {
      return [&seen, who](const VariableGetter& next, VariableRequest request) -> Variable& {
        seen.push_back(who + " " + request.name);
        return next(std::move(request));
      };
    };
    auto outer = store.add_creator(creator("outer"));
    auto inner = store.add_creator(creator("inner"));
    store.get_variable("v", kOne);
    store.make_variable("w", kOne);
    CHECK(seen == std::vector<std::string>{"inner v", "outer v", "inner w", "outer w"});
    CHECK(scope_code_of([&] { outer.close(); }) == ScopeErrc::kNest);
    inner.close();
    outer.close();
    store.make_variable("x", kOne);
    CHECK(seen.size() == 4);
  }

  TEST_CASE("L225: a getter sees how a variable is kept the same and combined") {
    VariableStore store;
    std::vector<VariableRequest> seen;
    const CustomGetter getter = [&](const VariableGetter& next,
                                    VariableRequest request) -> Variable& {
      seen.push_back(request);
      return next(std::move(request));
    };
    const auto scope = store.open("s", {.custom_getter = getter});
    store.get_variable("v", kOne);
    Variable& w = store.get_variable("w", {.shape = Shape{1},
                                           .synchronization = ckpt::Synchronization::kOnRead,
                                           .aggregation = ckpt::Aggregation::kMean});
    CHECK(seen[0].options.synchronization == ckpt::Synchronization::kAuto);
    CHECK(seen[0].options.aggregation == ckpt::Aggregation::kNone);
    CHECK(seen[1].options.synchronization == ckpt::Synchronization::kOnRead);
    CHECK(seen[1].options.aggregation == ckpt::Aggregation::kMean);
    CHECK_FALSE(w.trainable());
  }
}
