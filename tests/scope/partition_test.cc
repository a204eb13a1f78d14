// Part H of the scope rules: partitioned variables.

#include <doctest/doctest.h>

#include "scope/partition.h"
#include "scope/variable_store.h"
#include "support/error_of.h"
#include "support/scope_code_of.h"

using ckpt::DType;
using ckpt::fixed_size_partitioner;
using ckpt::Partitioner;
using ckpt::Reuse;
using ckpt::ScopeErrc;
using ckpt::Shape;
using ckpt::Variable;
using ckpt::VariableOptions;
using ckpt::VariableStore;

namespace {

VariableOptions cut_in(std::int64_t pieces, Shape shape = {4}) {
  return {.shape = std::move(shape), .partitioner = fixed_size_partitioner(pieces)};
}

// A partitioner that always answers the same.
Partitioner answering(std::vector<std::int64_t> answer) {
  return [answer](const Shape&, DType) { return answer; };
}

}  // namespace

TEST_SUITE("scope/partition") {
  TEST_CASE("H145: a variable in two slices, and what checkpoints call them") {
    VariableStore store;
    const auto s = store.open("s");
    Variable& n = store.get_variable("n", cut_in(2, {3, 1, 1}));
    CHECK(n.name() == "s/n");
    CHECK(n.shape() == Shape{3, 1, 1});
    REQUIRE(n.slices().size() == 2);
    CHECK(n.slices()[0]->name() == "s/n/part_0");
    CHECK(n.slices()[0]->shape() == Shape{2, 1, 1});
    CHECK(n.slices()[0]->slice()->full_name == "s/n");
    CHECK(n.slices()[0]->slice()->spec() == "3 1 1 0,2:0,1:0,1");
    CHECK(n.slices()[1]->name() == "s/n/part_1");
    CHECK(n.slices()[1]->shape() == Shape{1, 1, 1});
    CHECK(n.slices()[1]->slice()->spec() == "3 1 1 2,1:0,1:0,1");
    CHECK(store.global_variables() == n.slices());
    CHECK(store.trainable_variables() == n.slices());
  }

  TEST_CASE("H146, H149: the first slices take what is left over, along any axis") {
    VariableStore store;
    Variable& n = store.get_variable(
        "n", {.shape = Shape{2, 8}, .partitioner = fixed_size_partitioner(3, 1)});
    REQUIRE(n.slices().size() == 3);
    std::vector<Shape> shapes;
    std::vector<Shape> offsets;
    for (const Variable* slice : n.slices()) {
      shapes.push_back(slice->shape());
      offsets.push_back(slice->slice()->offset);
    }
    CHECK(shapes == std::vector<Shape>{{2, 3}, {2, 3}, {2, 2}});
    CHECK(offsets == std::vector<Shape>{{0, 0}, {0, 3}, {0, 6}});
  }

  TEST_CASE("H147: a partitioner that does not cut still makes a partitioned variable") {
    VariableStore store;
    Variable& n = store.get_variable("n", cut_in(1));
    REQUIRE(n.slices().size() == 1);
    CHECK(n.slices()[0]->name() == "n/part_0");
  }

  TEST_CASE("H150: with reuse True no partitioner is needed") {
    VariableStore store;
    Variable& n = store.get_variable("n", cut_in(2));
    CHECK(store.find("n") == &n);
    store.current_scope().reuse_variables();
    CHECK(store.get_variable("n", {.shape = Shape{4}}) == n);
    CHECK(store.get_variable("n", cut_in(2)) == n);
    CHECK(scope_code_of([&] { store.get_variable("n", {.shape = Shape{5}}); }) ==
          ScopeErrc::kShape);
    CHECK(scope_code_of([&] { store.get_variable("n", {.dtype = DType::kF64}); }) ==
          ScopeErrc::kDType);
  }

  TEST_CASE("H151, H152: without reuse True it is, for AUTO too") {
    for (const Reuse reuse : {Reuse::kFalse, Reuse::kAuto}) {
      VariableStore store;
      store.get_variable("n", cut_in(2));
      const auto root = store.open("", {.reuse = reuse});
      CHECK(scope_code_of([&] { store.get_variable("n", {.shape = Shape{4}}); }) ==
            ScopeErrc::kPlainVsPart);
      CHECK(error_of([&] { store.get_variable("n", {.shape = Shape{4}}); }) ==
            "n: no partitioner was given, but 'n/part_0' exists, so this variable seems to be "
            "partitioned; give its partitioner, or open the scope with reuse True");
    }
  }

  TEST_CASE("H153: a whole variable cannot be asked for in slices") {
    VariableStore store;
    store.get_variable("n", {.shape = Shape{4}, .origin = "here"});
    store.current_scope().reuse_variables();
    CHECK(scope_code_of([&] { store.get_variable("n", cut_in(2)); }) == ScopeErrc::kPartVsPlain);
    CHECK(error_of([&] { store.get_variable("n", cut_in(2)); }) ==
          "n: a partitioner was given, but this variable exists and is whole, first made at here; "
          "ask for it without a partitioner, or use another name");
  }

  TEST_CASE("H154: a partitioned name that exists is refused without reuse") {
    VariableStore store;
    VariableOptions options = cut_in(2);
    options.origin = "here";
    store.get_variable("n", options);
    CHECK(scope_code_of([&] { store.get_variable("n", options); }) == ScopeErrc::kPartExists);
    CHECK(error_of([&] { store.get_variable("n", options); }) ==
          "n: this partitioned variable already exists, first made at here, and reuse is False "
          "here; open the scope with reuse True to share it, or with reuse AUTO to share it where "
          "it exists and make it where it does not");
  }

  TEST_CASE("H155: one that is missing is refused with reuse") {
    VariableStore store;
    store.current_scope().reuse_variables();
    CHECK(scope_code_of([&] { store.get_variable("n", cut_in(2)); }) == ScopeErrc::kPartMissing);
    CHECK(error_of([&] { store.get_variable("n", cut_in(2)); }) ==
          "n: this partitioned variable does not exist, or was not made by get_variable, and reuse "
          "is True here; open the scope with reuse AUTO to make it where it is missing, or without "
          "reuse");
  }

  TEST_CASE("a partitioned variable cannot be asked for in other slices") {
    VariableStore store;
    const auto root = store.open("", {.reuse = Reuse::kAuto});
    store.get_variable("n", cut_in(2));
    CHECK(scope_code_of([&] { store.get_variable("n", cut_in(4)); }) == ScopeErrc::kPartChanged);
    CHECK(error_of([&] { store.get_variable("n", cut_in(4)); }) ==
          "n: is cut in [2] pieces along its axes, but was asked for in [4]; use the same "
          "partitioner, or none with reuse True");
  }

  TEST_CASE("H161: slices that exist by name must be as many as are wanted") {
    VariableStore store;
    for (const char* name : {"n/part_0", "n/part_1", "n/part_2"}) {
      store.get_variable(name, {.shape = Shape{2}});
    }
    CHECK(scope_code_of([&] { store.get_variable("n", cut_in(2)); }) == ScopeErrc::kPartCount);
    CHECK(error_of([&] { store.get_variable("n", cut_in(2)); }) ==
          "n: the partitioner wants 2 slices, and 'n/part_0' exists, but so does the extra "
          "'n/part_2'; partition it as before, or use another name");
    CHECK(error_of([&] { store.get_variable("n", cut_in(4)); }) ==
          "n: the partitioner wants 4 slices, and 'n/part_0' exists, but 'n/part_3' does not; "
          "partition it as before, or use another name");
  }

  TEST_CASE("H162: a plain variable that is merely called part_0 raises a false alarm") {
    VariableStore store;
    store.get_variable("n/part_0", {.shape = Shape{2}});
    CHECK(scope_code_of([&] { store.get_variable("n", {.shape = Shape{2}}); }) ==
          ScopeErrc::kPlainVsPart);
  }

  TEST_CASE("H163: more slices than elements fail at the first empty one") {
    VariableStore store;
    const VariableOptions options{.shape = Shape{2}, .partitioner = answering({3})};
    CHECK(scope_code_of([&] { store.get_variable("n", options); }) == ScopeErrc::kPartOffset);
    CHECK(store.find("n/part_0") != nullptr);
    CHECK(store.find("n/part_1") != nullptr);
    CHECK(store.variables().size() == 2);
    VariableStore another;
    CHECK(error_of([&] { another.get_variable("n", options); }) ==
          "n/part_2: a slice at offset [2] is not inside the shape [2]; a variable cannot have "
          "more slices than its axis has elements");
  }

  TEST_CASE("H164: a partitioner must answer one number an axis, one of them above one") {
    VariableStore store;
    const auto answer = [&](std::vector<std::int64_t> numbers) {
      const VariableOptions options{.shape = Shape{4, 4},
                                    .partitioner = answering(std::move(numbers))};
      CHECK(scope_code_of([&] { store.get_variable("n", options); }) == ScopeErrc::kPartResult);
      return error_of([&] { store.get_variable("n", options); });
    };
    CHECK(answer({2}) ==
          "n: its partitioner answered [2] for the shape [4, 4], but must give one number for each "
          "axis");
    CHECK(answer({0, 1}) ==
          "n: its partitioner answered [0, 1] for the shape [4, 4], but each axis must have at "
          "least 1 piece");
    CHECK(answer({2, 2}) ==
          "n: its partitioner answered [2, 2] for the shape [4, 4], but only one axis can be cut");
    CHECK(store.variables().empty());
  }

  TEST_CASE("H165: a partitioner must be callable and the shape known") {
    VariableStore store;
    const VariableOptions empty{.shape = Shape{4}, .partitioner = Partitioner()};
    CHECK(scope_code_of([&] { store.get_variable("n", empty); }) == ScopeErrc::kPartCall);
    CHECK(error_of([&] { store.get_variable("n", empty); }) ==
          "n: its partitioner is an empty function; give one that can be called, or none");
    CHECK(error_of([&] { store.get_variable("n", cut_in(2, {ckpt::kUnknownExtent})); }) ==
          "n: a new partitioned variable needs a shape of one axis or more with all extents known, "
          "not [-1]");
    VariableOptions no_shape = cut_in(2);
    no_shape.shape.reset();
    CHECK(scope_code_of([&] { store.get_variable("n", no_shape); }) == ScopeErrc::kPartShape);
  }

  TEST_CASE("H167: where a piece is in the whole") {
    const ckpt::PartitionInfo info({4, 6}, {0, 3});
    CHECK(info.single_slice_axis({4, 3}) == 1);
    CHECK(info.single_offset({4, 3}) == 3);
    CHECK(info.single_slice_axis({4, 6}) == -1);
    CHECK(info.single_offset({4, 6}) == 0);
    CHECK(error_of([&] {
            (void)info.single_slice_axis({2, 3});
          }) == "a slice of shape [2, 3] is cut along two axes of a variable of shape [4, 6]");
    CHECK(error_of([&] {
            (void)info.single_slice_axis({5, 6});
          }) == "a slice of shape [5, 6] is longer than an axis of a variable of shape [4, 6]");
    CHECK(scope_code_of([&] { (void)info.single_offset({4}); }) == ScopeErrc::kPartShape);
    CHECK(scope_code_of([] { (void)ckpt::PartitionInfo({4}, {4}); }) == ScopeErrc::kPartOffset);
    CHECK(scope_code_of([] { (void)ckpt::PartitionInfo({4}, {0, 0}); }) == ScopeErrc::kPartOffset);
  }

  TEST_CASE("the values of a variable do not depend on how it is cut") {
    const auto value = [](std::optional<Partitioner> partitioner) {
      VariableStore store;
      Variable& v = store.get_variable("v", {.shape = Shape{5, 7}, .partitioner = partitioner});
      store.initialize(42);
      return v.value();
    };
    const ckpt::Tensor whole = value({});
    CHECK(value(fixed_size_partitioner(2, 0)) == whole);
    CHECK(value(fixed_size_partitioner(3, 1)) == whole);
  }

  TEST_CASE("a constant is cut into the slices, and a value assigned to the whole is too") {
    VariableStore store;
    const ckpt::Tensor whole = ckpt::make_tensor({2, 3}, std::vector<float>{0, 1, 2, 3, 4, 5});
    Variable& v = store.get_variable("v", {.initializer = ckpt::Initializer::value(whole),
                                           .partitioner = fixed_size_partitioner(2, 1)});
    store.initialize();
    CHECK(v.value() == whole);
    CHECK(v.slices()[1]->value() == ckpt::make_tensor({2, 1}, std::vector<float>{2, 5}));
    const ckpt::Tensor other = ckpt::make_tensor({2, 3}, std::vector<float>{5, 4, 3, 2, 1, 0});
    v.assign(other);
    CHECK(v.slices()[1]->value() == ckpt::make_tensor({2, 1}, std::vector<float>{3, 0}));
    CHECK(v.value() == other);
  }
}
