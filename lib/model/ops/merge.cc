#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "model/kernels/dense.h"
#include "model/kernels/extreme.h"
#include "model/ops/broadcast.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

// Keras's merges align shapes of different rank at the batch: ones are put in behind it.
Shape widened(const Shape& shape, std::size_t rank) {
  Shape out = shape;
  if (!out.empty() && out.size() < rank) out.insert(out.begin() + 1, rank - out.size(), 1);
  return out;
}

std::size_t largest_rank(const Signature& s) {
  std::size_t rank = 0;
  for (const Value& value : s.inputs) rank = std::max(rank, value.shape.size());
  return rank;
}

std::vector<Value> infer_merge(const Signature& s) {
  require(s.op.kind != "subtract_layers" || s.inputs.size() == 2, "takes exactly two inputs");
  const std::size_t rank = largest_rank(s);
  Shape shape = widened(s.input(0).shape, rank);
  for (const Value& value : s.inputs) shape = broadcast_shape(shape, widened(value.shape, rank));
  return {{s.op.compute, shape}};
}

double merged(const std::string& kind, double a, double b) {
  if (kind == "subtract_layers") return a - b;
  if (kind == "multiply_layers") return a * b;
  if (kind == "maximum_layers") return kernels::larger(a, b);
  if (kind == "minimum_layers") return kernels::smaller(a, b);
  return a + b;
}

// One operation from the first input to the last, element by element; the average divides the sum.
std::vector<Array> run_merge(const Call& call) {
  std::size_t rank = 0;
  for (const Array* array : call.inputs) rank = std::max(rank, array->shape.size());
  const auto wide = [&](const Array& array) { return reshaped(array, widened(array.shape, rank)); };
  Array y = wide(call.input(0));
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    y = broadcast(y, wide(call.input(i)),
                  [&](double a, double b) { return merged(call.op.kind, a, b); });
    round(y, call.op.compute);
  }
  if (call.op.kind == "average_layers") {
    for (double& value : y.values) value /= static_cast<double>(call.inputs.size());
  }
  return {std::move(y)};
}

std::vector<Value> infer_concatenate(const Signature& s) {
  Shape shape = s.input(0).shape;
  const std::size_t axis = axis_of(s.op.attributes.integer("axis", -1), shape.size());
  for (std::size_t i = 1; i < s.inputs.size(); ++i) {
    const Shape& other = s.inputs[i].shape;
    require(other.size() == shape.size(),
            cat("cannot join ", describe(shape), " and ", describe(other)));
    for (std::size_t a = 0; a < shape.size(); ++a) {
      require(a == axis || may_equal(shape[a], other[a]),
              cat("cannot join ", describe(shape), " and ", describe(other)));
      if (a == axis) {
        shape[a] = add_extents(shape[a], other[a]);
      } else if (shape[a] == kUnknown) {
        shape[a] = other[a];
      }
    }
  }
  return {{s.op.compute, shape}};
}

std::vector<Array> run_concatenate(const Call& call) {
  Shape shape = call.input(0).shape;
  const std::size_t axis = axis_of(call.op.attributes.integer("axis", -1), shape.size());
  shape[axis] = 0;
  for (const Array* array : call.inputs) shape[axis] += array->shape[axis];
  Array y = make_array(call.op.compute, shape);
  const AxisView view = view_axis(shape, axis);
  std::size_t at = 0;  // along the axis
  for (const Array* array : call.inputs) {
    const auto extent = static_cast<std::size_t>(array->shape[axis]);
    for (std::size_t o = 0; o < view.outer; ++o) {
      std::copy_n(
          array->values.begin() + static_cast<std::ptrdiff_t>(o * extent * view.inner),
          extent * view.inner,
          y.values.begin() + static_cast<std::ptrdiff_t>((o * view.extent + at) * view.inner));
    }
    at += extent;
  }
  return {std::move(y)};
}

// The dot product as an einsum: the batch is kept, the two axes are summed over, the others of both
// inputs follow one another. Two vectors give [batch, 1].
struct Dot {
  std::string equation;
  bool adds_axis = false;
};

Dot dot_of(const Attributes& attributes, std::size_t rank_a, std::size_t rank_b) {
  const auto& axes = attributes.integers("axes");
  require(axes.size() == 2, "needs an axis for each of its two inputs");
  require(rank_a >= 2 && rank_b >= 2 && rank_a <= 10 && rank_b <= 10,
          "takes two inputs of 2 to 10 dimensions");
  const std::size_t axis_a = axis_of(axes[0], rank_a);
  const std::size_t axis_b = axis_of(axes[1], rank_b);
  require(axis_a > 0 && axis_b > 0, "cannot sum over the batch");
  std::string a = "n";
  std::string b = "n";
  std::string out = "n";
  for (std::size_t i = 1; i < rank_a; ++i) {
    a += i == axis_a ? 'z' : static_cast<char>('A' + i);
    if (i != axis_a) out += a.back();
  }
  for (std::size_t i = 1; i < rank_b; ++i) {
    b += i == axis_b ? 'z' : static_cast<char>('a' + i);
    if (i != axis_b) out += b.back();
  }
  return {cat(a, ",", b, "->", out), out.size() == 1};
}

std::vector<Value> infer_dot(const Signature& s) {
  const Shape& a = s.input(0).shape;
  const Shape& b = s.input(1).shape;
  const Dot dot = dot_of(s.op.attributes, a.size(), b.size());
  const auto& axes = s.op.attributes.integers("axes");
  const std::size_t axis_a = axis_of(axes[0], a.size());
  const std::size_t axis_b = axis_of(axes[1], b.size());
  require(may_equal(a[axis_a], b[axis_b]) && may_equal(a[0], b[0]),
          cat("cannot multiply ", describe(a), " and ", describe(b), " along these axes"));
  Shape shape{a[0] == kUnknown ? b[0] : a[0]};
  for (std::size_t i = 1; i < a.size(); ++i) {
    if (i != axis_a) shape.push_back(a[i]);
  }
  for (std::size_t i = 1; i < b.size(); ++i) {
    if (i != axis_b) shape.push_back(b[i]);
  }
  if (dot.adds_axis) shape.push_back(1);
  return {{s.op.compute, shape}};
}

// x / √max(Σ x², 1e-12), the sum along `axis`.
Array normalized(const Array& x, std::size_t axis, DType dtype) {
  Array y = x;
  const AxisView view = view_axis(x.shape, axis);
  for (std::size_t o = 0; o < view.outer; ++o) {
    for (std::size_t i = 0; i < view.inner; ++i) {
      double sum = 0;
      for (std::size_t e = 0; e < view.extent; ++e) {
        const double value = x.values[(o * view.extent + e) * view.inner + i];
        sum += value * value;
      }
      for (std::size_t e = 0; e < view.extent; ++e) {
        y.values[(o * view.extent + e) * view.inner + i] /= std::sqrt(std::max(sum, 1e-12));
      }
    }
  }
  round(y, dtype);
  return y;
}

std::vector<Array> run_dot(const Call& call) {
  Array a = call.input(0);
  Array b = call.input(1);
  const Dot dot = dot_of(call.op.attributes, a.shape.size(), b.shape.size());
  if (call.op.attributes.flag("normalize")) {
    const auto& axes = call.op.attributes.integers("axes");
    a = normalized(a, axis_of(axes[0], a.shape.size()), call.op.compute);
    b = normalized(b, axis_of(axes[1], b.shape.size()), call.op.compute);
  }
  Array y = kernels::einsum(dot.equation, a, b);
  if (dot.adds_axis) y.shape.push_back(1);
  return {std::move(y)};
}

constexpr Kind kMergeKinds[] = {
    {"add_layers", infer_merge, run_merge},
    {"subtract_layers", infer_merge, run_merge},
    {"multiply_layers", infer_merge, run_merge},
    {"average_layers", infer_merge, run_merge},
    {"maximum_layers", infer_merge, run_merge},
    {"minimum_layers", infer_merge, run_merge},
    {"concatenate", infer_concatenate, run_concatenate},
    {"dot", infer_dot, run_dot},
};

}  // namespace

std::span<const Kind> merge_kinds() { return kMergeKinds; }

}  // namespace ckpt::ops
