#include "remap/tensor_ops.h"

#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <numeric>
#include <random>

#include "checkpoint/memory_checkpoint.h"
#include "core/text.h"
#include "remap/tensor_stream.h"
#include "support/error_of.h"
#include "support/remap.h"

using namespace ckpt;

namespace {

// 0, 1, 2, … in row-major order.
Tensor counting(Shape shape, float first = 0) {
  std::vector<float> values(num_elements(shape).value_or(0));
  std::iota(values.begin(), values.end(), first);
  return make_tensor(std::move(shape), values);
}

std::vector<float> values_of(const Tensor& tensor) {
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

// The element at an index, by its definition.
float at(const Tensor& tensor, const Shape& index) {
  std::size_t offset = 0;
  for (std::size_t d = 0; d < index.size(); ++d) {
    offset =
        offset * static_cast<std::size_t>(tensor.shape[d]) + static_cast<std::size_t>(index[d]);
  }
  float value = 0;
  std::memcpy(&value, tensor.bytes.data() + offset * sizeof(float), sizeof(float));
  return value;
}

// Calls `f` with each index of a shape.
void for_each_index(const Shape& shape, const std::function<void(const Shape&)>& f) {
  Shape index(shape.size(), 0);
  for (std::uint64_t n = num_elements(shape).value_or(0); n > 0; --n) {
    f(index);
    for (std::size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
}

}  // namespace

TEST_SUITE("remap/tensor_ops") {
  TEST_CASE("permute moves each element to its permuted index, for all orders of small shapes") {
    for (const Shape& shape : std::vector<Shape>{
             {}, {5}, {2, 3}, {1, 4}, {3, 2, 4}, {2, 1, 3, 2}, {2, 0, 3}, {40, 70}}) {
      std::vector<std::int64_t> order(shape.size());
      std::iota(order.begin(), order.end(), 0);
      const Tensor source = counting(shape);
      do {
        const Tensor out = permute(source, order);
        for_each_index(out.shape, [&](const Shape& index) {
          Shape from(index.size());
          for (std::size_t d = 0; d < order.size(); ++d)
            from[static_cast<std::size_t>(order[d])] = index[d];
          REQUIRE(at(out, index) == at(source, from));
        });
      } while (std::next_permutation(order.begin(), order.end()));
    }
  }

  TEST_CASE("permute serves elements of every size") {
    for (const DType dtype : {DType::kU8, DType::kF16, DType::kF64, DType::kC128}) {
      Tensor source{dtype, {2, 3}, Bytes(6 * size_of(dtype))};
      for (std::size_t i = 0; i < source.bytes.size(); ++i)
        source.bytes[i] = static_cast<std::byte>(i);
      const Tensor out = permute(source, std::vector<std::int64_t>{1, 0});
      CHECK(out.shape == Shape{3, 2});
      const std::size_t size = size_of(dtype);
      for (std::size_t r = 0; r < 3; ++r) {
        for (std::size_t c = 0; c < 2; ++c) {
          CHECK(std::memcmp(&out.bytes[(r * 2 + c) * size], &source.bytes[(c * 3 + r) * size],
                            size) == 0);
        }
      }
      CHECK(permute(out, std::vector<std::int64_t>{1, 0}) == source);
    }
  }

  TEST_CASE("concat and split are each other's inverse, along every axis") {
    const Tensor a = counting({2, 3});
    const Tensor b = counting({2, 1}, 100);
    const Tensor joined = concat(std::vector<Tensor>{a, b}, 1);
    CHECK(joined.shape == Shape{2, 4});
    CHECK(values_of(joined) == std::vector<float>{0, 1, 2, 100, 3, 4, 5, 101});
    CHECK(split(joined, -1, std::vector<std::int64_t>{3, 1}) == std::vector<Tensor>{a, b});
    const Tensor c = counting({1, 3}, 50);
    CHECK(values_of(concat(std::vector<Tensor>{a, c}, 0)) ==
          std::vector<float>{0, 1, 2, 3, 4, 5, 50, 51, 52});
    const Tensor none = counting({2, 0});
    CHECK(concat(std::vector<Tensor>{a, none}, 1) == a);
    CHECK(split(a, 1, std::vector<std::int64_t>{0, 3})[1] == a);
  }

  TEST_CASE("stack and unstack are each other's inverse, along every axis") {
    const Tensor a = counting({2, 2});
    const Tensor b = counting({2, 2}, 10);
    CHECK(values_of(stack(std::vector<Tensor>{a, b}, 0)) ==
          std::vector<float>{0, 1, 2, 3, 10, 11, 12, 13});
    CHECK(values_of(stack(std::vector<Tensor>{a, b}, 1)) ==
          std::vector<float>{0, 1, 10, 11, 2, 3, 12, 13});
    CHECK(values_of(stack(std::vector<Tensor>{a, b}, -1)) ==
          std::vector<float>{0, 10, 1, 11, 2, 12, 3, 13});
    for (std::int64_t axis = -3; axis < 3; ++axis) {
      CHECK(unstack(stack(std::vector<Tensor>{a, b}, axis), axis) == std::vector<Tensor>{a, b});
    }
  }

  TEST_CASE("what does not fit is refused with the sentence of a plan") {
    const Tensor a = counting({2, 3});
    CHECK(error_of([&] { (void)permute(a, std::vector<std::int64_t>{0}); }) ==
          "permute(0): orders 1 dimension, the tensor has shape [2, 3]");
    CHECK(error_of([&] { (void)reshape(a, {4}); }) ==
          "reshape(4): has 4 elements, shape [2, 3] has 6");
    CHECK(error_of([&] {
            (void)concat(std::vector<Tensor>{a, counting({3, 3})}, 1);
          }) == "concat(1): shapes [2, 3] and [3, 3] differ beside axis 1");
    CHECK(error_of([&] { (void)unstack(a, 2); }) ==
          "unstack(2): the tensor has 2 dimensions, so that there is no axis 2");
  }

  TEST_CASE("a chain of operations gives as many tensors as there are targets") {
    const std::vector<Op> ops{{OpKind::kStack, 0, {}, DType::kF32, ""},
                              {OpKind::kPermute, 0, {2, 0, 1}, DType::kF32, ""},
                              {OpKind::kUnstack, 0, {}, DType::kF32, ""},
                              {OpKind::kReshape, 0, {-1}, DType::kF32, ""}};
    const auto out = apply_ops(ops, {counting({2, 3}), counting({2, 3}, 10)}, 3);
    REQUIRE(out.size() == 3);
    CHECK(values_of(out[1]) == std::vector<float>{1, 4, 11, 14});
    const std::vector<Op> copy{{OpKind::kCopy, 0, {}, DType::kF32, ""}};
    CHECK(apply_ops(copy, {counting({2})}, 2) == std::vector<Tensor>{counting({2}), counting({2})});
  }
}

TEST_SUITE("remap/tensor_stream") {
  TEST_CASE("an output that is streamed in small blocks is what the operations give in memory") {
    constexpr unsigned kSeed = 3;
    std::mt19937 random(kSeed);
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    std::size_t done = 0;
    for (int round = 0; round < 3000; ++round) {
      CAPTURE(kSeed);
      CAPTURE(round);
      const std::size_t members = 1 + below(3);
      Shape shape;
      for (std::size_t d = below(4); d > 0; --d)
        shape.push_back(static_cast<std::int64_t>(1 + below(4)));
      MemoryCheckpoint checkpoint;
      std::vector<Tensor> tensors;
      for (std::size_t m = 0; m < members; ++m) {
        tensors.push_back(counting(shape, static_cast<float>(100 * m)));
        checkpoint.add(cat("v", m), tensors.back());
      }
      const auto reader = open_memory(checkpoint);

      // A chain of operations that may or may not fit; what fits is compared.
      std::vector<Op> wanted;
      std::size_t count = members;
      std::size_t targets = 1;
      const auto elementwise = [&] {
        const std::size_t rank = below(5);
        Op op;
        op.kind = static_cast<OpKind>(below(3));
        op.dtype = below(2) == 0 ? DType::kF64 : DType::kF32;
        if (op.kind == OpKind::kPermute) {
          op.numbers.resize(rank);
          std::iota(op.numbers.begin(), op.numbers.end(), 0);
          std::shuffle(op.numbers.begin(), op.numbers.end(), random);
        }
        if (op.kind == OpKind::kReshape) op.numbers = {static_cast<std::int64_t>(1 + below(4)), -1};
        wanted.push_back(op);
      };
      if (below(2) == 0) elementwise();
      if (count > 1) {
        wanted.push_back({below(2) == 0 ? OpKind::kConcat : OpKind::kStack,
                          static_cast<std::int64_t>(below(3)),
                          {},
                          DType::kF32,
                          ""});
        count = 1;
      }
      for (std::size_t n = below(3); n > 0; --n) elementwise();
      if (below(2) == 0) {
        targets = 2 + below(2);
        const OpKind kinds[] = {OpKind::kSplit, OpKind::kUnstack, OpKind::kCopy};
        wanted.push_back(
            {kinds[below(3)], static_cast<std::int64_t>(below(3)), {}, DType::kF32, ""});
        if (below(2) == 0) elementwise();
      }
      std::string names;
      for (std::size_t m = 0; m < members; ++m) names += cat(m > 0 ? " + " : "", "v", m);
      names += " = ";
      for (std::size_t t = 0; t < targets; ++t) names += cat(t > 0 ? " + " : "", "t", t);
      for (const Op& op : wanted) names += cat(" | ", to_string(op));
      CAPTURE(names);
      const Plan plan = make_plan(reader->index().entries, parse_rules({names}, '/'));
      if (!plan.problems.empty() || plan.transforms.empty()) continue;
      const Transform& transform = plan.transforms[0];
      const std::vector<Tensor> expected = apply_ops(transform.ops, tensors, targets);
      REQUIRE(expected.size() == transform.to.size());
      for (std::size_t t = 0; t < expected.size(); ++t) {
        CHECK(TensorSpec{expected[t].dtype, expected[t].shape} == transform.to[t].spec);
        Bytes streamed;
        std::size_t largest = 0;
        const std::uint64_t block = 1 + below(64);
        stream_output(
            *reader, transform, t,
            [&](ByteView bytes) {
              largest = std::max(largest, bytes.size());
              streamed.insert(streamed.end(), bytes.begin(), bytes.end());
            },
            block);
        CHECK(streamed == expected[t].bytes);
        CHECK(largest <= std::max<std::size_t>(block, 8));
        ++done;
      }
    }
    CHECK(done > 1000);
  }
}
