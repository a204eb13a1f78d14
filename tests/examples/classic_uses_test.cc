// The four classic uses of variable scopes. The README quotes what is between "// README:" and
// "// end".

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "checkpoint/memory_checkpoint.h"
#include "checkpoint/store_io.h"
#include "scope/layers.h"
#include "scope/scope_error.h"
#include "scope/variable_store.h"
#include "support/error_of.h"

using namespace ckpt;

namespace {

// README: basic reuse
void basic_reuse() {
  VariableStore store;
  auto scope = store.open("my_scope");
  Variable& first = store.get_variable("my_var", {.shape = Shape{1}});
  scope.close();

  auto again = store.open(*scope, {.reuse = Reuse::kTrue});  // the same scope, by its object
  Variable& second = store.get_variable("my_var", {.shape = Shape{1}});

  CHECK(first == second);  // one variable, my_scope/my_var
  store.initialize(/*seed=*/1);
  CHECK(first.value() == second.value());
}
// end

// README: nested scopes
void nested_scopes() {
  VariableStore store;
  auto outer = store.open("outer_scope");
  auto inner = store.open("inner_scope");
  Variable& made = store.get_variable("my_var", {.shape = Shape{1}});
  inner.close();
  outer.close();

  // By the inner scope's object: a jump, wherever we are.
  auto jump = store.open(*inner, {.reuse = Reuse::kTrue});
  Variable& by_object = store.get_variable("my_var");
  jump.close();

  // By the outer scope's object, and the inner one's string put behind it. Reuse is inherited.
  auto outer_again = store.open(*outer, {.reuse = Reuse::kTrue});
  auto inner_again = store.open("inner_scope");
  Variable& by_string = store.get_variable("my_var");

  CHECK(made.name() == "outer_scope/inner_scope/my_var");
  CHECK(made == by_object);
  CHECK(made == by_string);
}
// end

// README: reuse across calls
KernelAndBias create_layer(VariableStore& store, const std::string& name) {
  auto scope = store.open(name);
  return {&store.get_variable("weights", {.shape = Shape{10, 10}}),
          &store.get_variable("biases", {.shape = Shape{10}, .initializer = Initializer::zeros()})};
}

void reuse_across_calls() {
  VariableStore store;
  KernelAndBias first = create_layer(store, "my_layer");

  auto root = store.open(store.current_scope(), {.reuse = Reuse::kTrue});
  KernelAndBias second = create_layer(store, "my_layer");

  CHECK(first.kernel == second.kernel);  // my_layer/weights
  CHECK(first.bias == second.bias);      // my_layer/biases
  CHECK(store.variables().size() == 2);
  CHECK(store.get_variable("my_layer/weights") == *first.kernel);
}
// end

// README: the mistakes
void the_mistakes() {
  VariableStore store;
  create_layer(store, "my_layer");
  try {
    create_layer(store, "my_layer");  // without reuse: an error, never a second variable
    FAIL("made twice");
  } catch (const ScopeError& e) {
    CHECK(e.scope_code() == ScopeErrc::kExists);
    const std::string message = e.what();  // "my_layer/weights: this variable already exists, …"
    CHECK(message.find("reuse True") != std::string::npos);
    CHECK(message.find("reuse AUTO") != std::string::npos);
  }

  // What does make ghost twins, silently: unnamed layers and plain variables.
  for (int call = 0; call < 2; ++call) {
    dense(store, 10, 10);
    store.make_variable("step", {.shape = Shape{}});
  }
  MemoryCheckpoint checkpoint;
  store.initialize();
  save(store, [&](auto specs) { return create_memory(checkpoint, std::move(specs)); });

  std::vector<std::string> names;
  for (const auto& variable : checkpoint.variables) names.push_back(variable.name);
  CHECK(names == std::vector<std::string>{"dense/bias", "dense/kernel", "dense_1/bias",
                                          "dense_1/kernel", "my_layer/biases", "my_layer/weights",
                                          "step", "step_1"});
}
// end

}  // namespace

TEST_SUITE("examples/classic_uses") {
  TEST_CASE("a scope entered again with reuse gives the same variable") { basic_reuse(); }
  TEST_CASE("three ways to one nested variable") { nested_scopes(); }
  TEST_CASE("a layer function called twice shares its variables under reuse") {
    reuse_across_calls();
  }
  TEST_CASE("without reuse an error, and ghost twins where nothing is asked") { the_mistakes(); }

  TEST_CASE("a layer's variable asked for at the root without reuse is an error that says so") {
    VariableStore store;
    const KernelAndBias layer = create_layer(store, "my_layer");
    CHECK(error_of([&] { store.get_variable("my_layer/weights"); })
              .starts_with("my_layer/weights: this variable already exists, first made at "
                           "classic_uses_test.cc:"));
    store.current_scope().reuse_variables();
    CHECK(store.get_variable("my_layer/weights") == *layer.kernel);
  }
}
