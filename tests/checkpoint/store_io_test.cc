#include "checkpoint/store_io.h"

#include <doctest/doctest.h>

#include "checkpoint/memory_checkpoint.h"
#include "scope/slots.h"
#include "support/error_of.h"

using ckpt::DType;
using ckpt::MemoryCheckpoint;
using ckpt::Reuse;
using ckpt::Shape;
using ckpt::Variable;
using ckpt::VariableStore;

namespace {

MemoryCheckpoint saved(const VariableStore& store) {
  MemoryCheckpoint out;
  save(store, [&](auto specs) { return create_memory(out, std::move(specs)); });
  return out;
}

std::vector<std::string> names_of(const MemoryCheckpoint& checkpoint) {
  std::vector<std::string> names;
  for (const auto& variable : checkpoint.variables) names.push_back(variable.name);
  return names;
}

ckpt::Tensor floats(std::vector<float> values) {
  return ckpt::make_tensor({static_cast<std::int64_t>(values.size())}, values);
}

ckpt::RestoreReport restore_from(VariableStore& store, const MemoryCheckpoint& checkpoint,
                                 const ckpt::RestoreOptions& options = {}) {
  return restore(store, *open_memory(checkpoint), options);
}

}  // namespace

TEST_SUITE("checkpoint/store_io") {
  TEST_CASE("a store is saved by the names of its operations, sorted, local variables left out") {
    VariableStore store;
    store.add_op("w");
    store.get_variable("w", {.shape = Shape{1}});
    store.get_variable("b", {.shape = Shape{2}, .trainable = false});
    store.make_variable("a", {.shape = Shape{}, .dtype = DType::kI64});
    store.get_local_variable("local", {.shape = Shape{1}});
    store.initialize(3);
    CHECK(names_of(saved(store)) == std::vector<std::string>{"a", "b", "w_1"});
    const auto specs = specs_of(store);
    CHECK(specs[0].dtype == DType::kI64);
    CHECK(specs[1].trainable == false);
    CHECK(specs[1].collections == std::vector<std::string>{"variables"});
    CHECK(specs[2].shape == Shape{1});
    CHECK(specs[2].collections == std::vector<std::string>{"variables", "trainable_variables"});
  }

  TEST_CASE("what was saved is restored") {
    const auto build = [](VariableStore& store) {
      const auto m = store.open("m");
      Variable& w = store.get_variable("w", {.shape = Shape{3, 2}});
      adam_slots(store, std::vector{&w});
    };
    VariableStore first;
    build(first);
    first.initialize(1);
    VariableStore second;
    build(second);
    const auto report = restore_from(second, saved(first));
    CHECK(report.restored == std::vector<std::string>{"m/beta1_power", "m/beta2_power",
                                                      "m/m/w/Adam", "m/m/w/Adam_1", "m/w"});
    CHECK(report.missing.empty());
    CHECK(report.unexpected.empty());
    CHECK(second.find("m/w")->value() == first.find("m/w")->value());
  }

  TEST_CASE("a partitioned variable is saved whole, and restored into whatever slices there are") {
    const auto build = [](VariableStore& store, std::int64_t pieces) -> Variable& {
      return store.get_variable(
          "v", {.shape = Shape{5, 4}, .partitioner = ckpt::fixed_size_partitioner(pieces, 1)});
    };
    VariableStore two;
    build(two, 2);
    two.initialize(5);
    const MemoryCheckpoint checkpoint = saved(two);
    CHECK(names_of(checkpoint) == std::vector<std::string>{"v"});
    CHECK(checkpoint.variables[0].tensor == two.find("v")->value());
    VariableStore three;
    Variable& v = build(three, 3);
    restore_from(three, checkpoint);
    CHECK(v.value() == checkpoint.variables[0].tensor);
    VariableStore whole;
    Variable& w = whole.get_variable("v", {.shape = Shape{5, 4}});
    restore_from(whole, checkpoint);
    CHECK(w.value() == checkpoint.variables[0].tensor);
  }

  TEST_CASE("variables without values are named, and no writer is made") {
    VariableStore store;
    store.get_variable("b", {.shape = Shape{1}});
    store.get_variable("a", {.shape = Shape{1}});
    bool made = false;
    CHECK(error_of([&] {
            save(store, [&](auto specs) {
              made = true;
              static MemoryCheckpoint target;
              return create_memory(target, std::move(specs));
            });
          }) ==
          "2 variables cannot be saved without a value: a, b; initialise or restore the "
          "store first");
    CHECK_FALSE(made);
    CHECK(error_of([&] { (void)store.find("a")->value(); }) ==
          "a: has no value yet; initialise or restore it first");
  }

  TEST_CASE("all that does not fit is reported at once, and nothing is written") {
    VariableStore store;
    Variable& fits = store.get_variable("fits", {.shape = Shape{1}});
    store.get_variable("dense/kernel", {.shape = Shape{1}});
    store.get_variable("other", {.shape = Shape{1}});
    store.get_variable("shape", {.shape = Shape{2}});
    store.get_variable("type", {.shape = Shape{1}, .dtype = DType::kF64});
    fits.assign(floats({1}));
    MemoryCheckpoint checkpoint;
    checkpoint.add("fits", floats({2}));
    checkpoint.add("dense_1/kernel", floats({2}));
    checkpoint.add("shape", floats({1, 2, 3}));
    checkpoint.add("type", floats({2}));
    CHECK(error_of([&] { restore_from(store, checkpoint); }) ==
          "the checkpoint does not fit the store: 2 variables missing in it: dense/kernel "
          "(nearest: dense_1/kernel), other; 1 variable of it not in the store: dense_1/kernel; 2 "
          "variables of another shape or dtype: shape (the store has f32 [2], the checkpoint f32 "
          "[3]), type (the store has f64 [1], the checkpoint f32 [1])");
    CHECK(error_code_of([&] { restore_from(store, checkpoint); }) == ckpt::Errc::kNotFound);
    CHECK(fits.value() == floats({1}));
    const ckpt::RestoreOptions lenient{.allow_missing = true, .allow_unexpected = true};
    CHECK(error_of([&] { restore_from(store, checkpoint, lenient); }) ==
          "the checkpoint does not fit the store: 2 variables of another shape or dtype: shape "
          "(the store has f32 [2], the checkpoint f32 [3]), type (the store has f64 [1], the "
          "checkpoint f32 [1])");
    CHECK(error_code_of([&] { restore_from(store, checkpoint, lenient); }) ==
          ckpt::Errc::kConflict);
  }

  TEST_CASE("missing and unexpected variables may be allowed, and are reported") {
    VariableStore store;
    Variable& here = store.get_variable("here", {.shape = Shape{1}});
    Variable& missing = store.get_variable("missing", {.shape = Shape{1}});
    missing.assign(floats({9}));
    MemoryCheckpoint checkpoint;
    checkpoint.add("unexpected", floats({3}));
    checkpoint.add("here", floats({2}));
    CHECK(error_of([&] { restore_from(store, checkpoint, {.allow_missing = true}); }) ==
          "the checkpoint does not fit the store: 1 variable of it not in the store: unexpected");
    CHECK(error_of([&] { restore_from(store, checkpoint, {.allow_unexpected = true}); }) ==
          "the checkpoint does not fit the store: 1 variable missing in it: missing");
    const auto report =
        restore_from(store, checkpoint, {.allow_missing = true, .allow_unexpected = true});
    CHECK(report.restored == std::vector<std::string>{"here"});
    CHECK(report.missing == std::vector<std::string>{"missing"});
    CHECK(report.unexpected == std::vector<std::string>{"unexpected"});
    CHECK(here.value() == floats({2}));
    CHECK(missing.value() == floats({9}));
  }

  TEST_CASE("an alias of a stored tensor restores a variable too") {
    VariableStore store;
    Variable& v = store.get_variable("alias", {.shape = Shape{1}});
    MemoryCheckpoint checkpoint;
    checkpoint.variables.push_back({"name", floats({4}), {"alias"}});
    restore_from(store, checkpoint);
    CHECK(v.value() == floats({4}));
  }

  TEST_CASE("a value of another shape or dtype is refused by the variable's name") {
    VariableStore store;
    Variable& v = store.get_variable("v", {.shape = Shape{2}});
    CHECK(error_of([&] { v.assign(floats({1})); }) == "v: is f32 [2] and cannot hold f32 [1]");
    CHECK(error_of([&] {
            v.assign({DType::kF32, {2}, ckpt::Bytes(4)});
          }) == "v: was given 4 bytes, its shape needs 8");
    CHECK_FALSE(v.initialized());
  }
}
