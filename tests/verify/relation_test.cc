#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "core/numbers.h"
#include "remap/tensor_ops.h"
#include "verify/diagnosing/relation.h"

using namespace ckpt;

namespace {

// 0.5, 1.5, 2.5, …: all different, none a power of another.
Tensor counted(const Shape& shape) {
  std::vector<float> values(num_elements(shape).value());
  std::iota(values.begin(), values.end(), 0.5F);
  return make_tensor(shape, values);
}

template <typename F>
Tensor mapped(const Tensor& tensor, F&& f) {
  std::vector<float> values(tensor.bytes.size() / 4);
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  for (float& x : values) x = f(x);
  return make_tensor(tensor.shape, values);
}

Tensor shaped(Tensor tensor, const Shape& shape) {
  tensor.shape = shape;
  return tensor;
}

struct Told {
  std::string text;
  bool is_mended;  // the remedy gives what was
};

Told told(const Tensor& was, const Tensor& is, const std::vector<Shape>& images = {}) {
  const Relation relation = relation_of(was, is, images, "gate");
  return {relation.fault + "; " + relation.remedy, relation.mended == was};
}

}  // namespace

TEST_SUITE("verify/relation") {
  TEST_CASE("axes permuted in a shape that stays are told, and permuted back") {
    const Tensor square = counted({3, 3});
    const Told transposed = told(square, permute(square, std::vector<std::int64_t>{1, 0}));
    CHECK(transposed.text == "is transposed; is permuted (1, 0)");
    CHECK(transposed.is_mended);
    // Three axes of a cycle: the way back is another order than the way there.
    const Tensor cube = counted({3, 3, 3});
    const Told cycled = told(cube, permute(cube, std::vector<std::int64_t>{1, 2, 0}));
    CHECK(cycled.text == "has its axes in the order (1, 2, 0); is permuted (2, 0, 1)");
    CHECK(cycled.is_mended);
  }

  TEST_CASE("a reshape in place of a permutation is told") {
    const Tensor kernel = counted({3, 3, 4, 1});
    const Tensor torch = permute(kernel, std::vector<std::int64_t>{2, 3, 0, 1});
    const Told reshaped = told(kernel, shaped(torch, kernel.shape));
    CHECK(
        reshaped.text ==
        "was reshaped where its axes had to be permuted; is reshaped to [4, 3, 3, 1] and permuted "
        "(1, 2, 0, 3)");
    CHECK(reshaped.is_mended);
  }

  TEST_CASE("blocks in another order are told by their number and axis") {
    const Tensor kernel = counted({2, 8});
    const auto parts = split(kernel, 1, std::vector<std::int64_t>{2, 2, 2, 2});
    const Told order =
        told(kernel, concat(std::vector<Tensor>{parts[1], parts[3], parts[0], parts[2]}, 1));
    CHECK(
        order.text ==
        "has its 4 gates along axis 1 in the order (1, 3, 0, 2); has its gates reordered (2, 0, 3, "
        "1)");
    CHECK(order.is_mended);
    const Tensor recurrent = counted({3, 6});
    const auto squares = split(recurrent, 1, std::vector<std::int64_t>{3, 3});
    const std::vector<std::int64_t> swap{1, 0};
    const Told each =
        told(recurrent,
             concat(std::vector<Tensor>{permute(squares[0], swap), permute(squares[1], swap)}, 1));
    CHECK(each.text == "has each of its 2 gates transposed; has each gate transposed again");
    CHECK(each.is_mended);
  }

  TEST_CASE("rows of a flattened image are told where the image's shape is known") {
    const Tensor kernel = counted({2 * 2 * 3, 2});
    const Tensor image = shaped(kernel, {2, 2, 3, 2});
    const Tensor wrong =
        shaped(permute(image, std::vector<std::int64_t>{2, 0, 1, 3}), kernel.shape);
    const Told rows = told(kernel, wrong, {{5, 5}, {2, 2, 3}});
    CHECK(
        rows.text ==
        "has its 12 rows in the order of a flattened [3, 2, 2], where [2, 2, 3] is flattened; has "
        "its rows, as [3, 2, 2], permuted (1, 2, 0)");
    CHECK(rows.is_mended);
    CHECK(told(kernel, wrong).text.starts_with("has other values in "));
  }

  TEST_CASE("functions of all values are told, and taken back up to rounding") {
    const Tensor was = counted({5});
    const auto text = [&](auto&& f) { return told(was, mapped(was, f)).text; };
    CHECK(text([](float x) { return std::sqrt(x); }) ==
          "has the square roots of the values it had; is squared");
    CHECK(text([](float x) { return x * x; }) ==
          "has the squares of the values it had; has its square roots taken");
    CHECK(text([](float x) { return 1 / x; }) ==
          "has the reciprocals of the values it had; has its reciprocals taken");
    CHECK(text([](float x) { return -x; }) ==
          "has the values it had with the other sign; has the other sign");
    CHECK(text([](float x) { return 2 * x; }) == "has 2 times the values it had; is divided by 2");
    CHECK(text([](float x) { return x + 0.25F; }) ==
          "has 0.25 added to the values it had; has 0.25 taken off");
    CHECK(text([](float) { return 0.F; }) == "is all 0; has the values it had");
    const Relation root =
        relation_of(was, mapped(was, [](float x) { return std::sqrt(x); }), {}, "block");
    CHECK(root.is_known);
    const Relation thirds =
        relation_of(mapped(was, [](float x) { return x / 3; }),
                    mapped(was, [](float x) { return from_f16(to_f16(x / 3)); }), {}, "block");
    CHECK(thirds.fault == "lost precision: it has the values it had, rounded to f16");
  }

  TEST_CASE("a value that became infinite explains nothing") {
    const Tensor zeros = make_tensor({3}, std::vector<float>{0, 0, 0});
    CHECK(relation_of(zeros, make_tensor({3}, std::vector<float>{0.5, 0, 0}), {}, "block").fault ==
          "has other values in 1 of 3 elements, the first at [0]: 0.5, was 0");
  }

  TEST_CASE("what has no explanation is told by its first element, and restored") {
    const Tensor was = counted({2, 3});
    Tensor is = was;
    is.bytes[4 * 4 + 2] = std::byte{0};
    const Relation relation = relation_of(was, is, {}, "block");
    CHECK(relation.fault == "has other values in 1 of 6 elements, the first at [1, 1]: 2, was 4.5");
    CHECK(!relation.is_known);
    CHECK(relation.mended == was);
    CHECK(relation_of(counted({}), make_tensor({}, std::vector<float>{7}), {}, "block").fault ==
          "is 7, was 0.5");
  }
}
