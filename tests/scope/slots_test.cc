// Part K of the scope rules: optimizer slots and averages.

#include "scope/slots.h"

#include <doctest/doctest.h>

#include "scope/layers.h"
#include "scope/saveable.h"
#include "support/error_of.h"
#include "support/scope_code_of.h"

using ckpt::adam_slots;
using ckpt::Reuse;
using ckpt::Shape;
using ckpt::Variable;
using ckpt::VariableOptions;
using ckpt::VariableStore;

namespace {

// The variable m/kernel.
std::vector<Variable*> make_model(VariableStore& store) {
  const auto m = store.open("m");
  return {&store.get_variable("kernel", {.shape = Shape{2, 3}})};
}

}  // namespace

TEST_SUITE("scope/slots") {
  TEST_CASE("K210: an Adam optimizer keeps two slots a variable and two powers") {
    VariableStore store;
    const auto layer = ckpt::dense(store, 2, 3);
    const auto adam = adam_slots(store, std::vector{layer.kernel});
    CHECK(adam.first_moments[0]->name() == "dense/kernel/Adam");
    CHECK(adam.second_moments[0]->name() == "dense/kernel/Adam_1");
    CHECK(adam.first_moments[0]->key() == "dense/kernel/Adam/");
    CHECK(adam.first_moments[0]->shape() == Shape{2, 3});
    CHECK(adam.first_moments[0]->trainable() == false);
    CHECK(adam.beta1_power->name() == "beta1_power");
    CHECK(adam.beta2_power->name() == "beta2_power");
    CHECK(adam.beta1_power->shape() == Shape{});
  }

  TEST_CASE("K211: a second Adam goes on counting") {
    VariableStore store;
    const auto variables = make_model(store);
    adam_slots(store, variables);
    const auto second = adam_slots(store, variables);
    CHECK(second.first_moments[0]->name() == "m/kernel/Adam_2");
    CHECK(second.second_moments[0]->name() == "m/kernel/Adam_3");
    CHECK(second.beta1_power->name() == "beta1_power_1");
    CHECK(second.beta2_power->name() == "beta2_power_1");
  }

  TEST_CASE("K212: built inside a scope, the scope is put before the slots") {
    VariableStore store;
    const auto variables = make_model(store);
    const auto train = store.open("train");
    const auto adam = adam_slots(store, variables);
    CHECK(adam.first_moments[0]->name() == "train/m/kernel/Adam");
    CHECK(adam.second_moments[0]->name() == "train/m/kernel/Adam_1");
    CHECK(adam.beta1_power->name() == "train/beta1_power");
  }

  TEST_CASE("K213: two optimizers in two visits of one scope clash") {
    VariableStore store;
    const auto variables = make_model(store);
    const auto optimizer = [&] {
      const auto train = store.open("train");
      adam_slots(store, variables);
    };
    optimizer();
    CHECK(error_of(optimizer).starts_with("train/m/kernel/Adam/: this variable already exists"));
  }

  TEST_CASE("K214: an optimizer built while the root reuses finds no slots") {
    VariableStore store;
    Variable& w = store.get_variable("D/w", {.shape = Shape{1}});
    store.current_scope().reuse_variables();
    CHECK(error_of([&] {
            adam_slots(store, std::vector{&w});
          }).starts_with("D/w/Adam/: this variable does not exist"));
  }

  TEST_CASE("K216: zero-debias helpers inside their scope have its name doubled") {
    VariableStore store;
    const auto bn = store.open("bn");
    const Variable& mean =
        store.get_variable("moving_mean", {.shape = Shape{3}, .trainable = false});
    const auto helpers = ckpt::zero_debias(store, mean);
    CHECK(helpers.biased->name() == "bn/bn/moving_mean/biased");
    CHECK(helpers.biased->shape() == Shape{3});
    CHECK(helpers.local_step->name() == "bn/bn/moving_mean/local_step");
    CHECK(helpers.local_step->shape() == Shape{});
    CHECK(ckpt::zero_debias(store, mean).biased->name() == "bn/bn/moving_mean/biased_1");
  }

  TEST_CASE("momentum slots and moving averages are called after their owners") {
    VariableStore store;
    const auto variables = make_model(store);
    CHECK(ckpt::momentum_slots(store, variables)[0]->name() == "m/kernel/Momentum");
    CHECK(ckpt::moving_averages(store, variables)[0]->name() ==
          "m/kernel/ExponentialMovingAverage");
  }

  TEST_CASE("the slots of slices are slices of one slot") {
    VariableStore store;
    const auto scope = store.open("", {.partitioner = ckpt::fixed_size_partitioner(2)});
    Variable& v = store.get_variable("v", {.shape = Shape{3}});
    const auto adam = adam_slots(store, v.slices());
    CHECK(adam.second_moments[1]->name() == "v/part_1/Adam_1");
    CHECK(adam.second_moments[1]->slice()->full_name == "v/Adam_1");
    CHECK(adam.second_moments[1]->slice()->spec() == "3 2,1");
    std::vector<std::string> names;
    for (const auto& saveable : ckpt::saveables_of(store)) names.push_back(saveable.name);
    CHECK(names ==
          std::vector<std::string>{"beta1_power", "beta2_power", "v", "v/Adam", "v/Adam_1"});
  }
}
