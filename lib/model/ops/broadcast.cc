#include "model/ops/broadcast.h"

#include <algorithm>

#include "core/text.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

// How far a step along each axis of `shape` goes in an array that is repeated to it.
std::vector<std::size_t> steps_of(const Array& array, const Shape& shape) {
  std::vector<std::size_t> steps(shape.size(), 0);
  std::size_t inner = 1;
  for (std::size_t i = 0; i < array.shape.size(); ++i) {
    const std::int64_t extent = array.shape[array.shape.size() - 1 - i];
    steps[shape.size() - 1 - i] = extent == 1 ? 0 : inner;
    inner *= static_cast<std::size_t>(extent);
  }
  return steps;
}

}  // namespace

Shape broadcast_shape(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    require(x == 1 || y == 1 || may_equal(x, y),
            cat("the shapes ", describe(a), " and ", describe(b), " do not fit one another"));
    out[out.size() - 1 - i] = x == 1 ? y : y == 1 ? x : x == kUnknown ? y : x;
  }
  return out;
}

Array broadcast(const Array& a, const Array& b, const std::function<double(double, double)>& f) {
  Array out = make_array(a.dtype, broadcast_shape(a.shape, b.shape));
  const auto step_a = steps_of(a, out.shape);
  const auto step_b = steps_of(b, out.shape);
  Shape index(out.shape.size());
  std::size_t at_a = 0;
  std::size_t at_b = 0;
  for (double& value : out.values) {
    value = f(a.values[at_a], b.values[at_b]);
    for (std::size_t i = out.shape.size(); i-- > 0;) {
      at_a += step_a[i];
      at_b += step_b[i];
      if (++index[i] < out.shape[i]) break;
      const auto extent = static_cast<std::size_t>(out.shape[i]);
      at_a -= step_a[i] * extent;
      at_b -= step_b[i] * extent;
      index[i] = 0;
    }
  }
  return out;
}

Array broadcast_to(const Array& array, const Shape& shape) {
  return broadcast(array, make_array(array.dtype, shape), [](double x, double) { return x; });
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  const auto is_float = [](DType t) { return class_of(t) == DTypeClass::kFloat; };
  if (is_float(a) != is_float(b)) return is_float(a) ? a : b;
  if (size_of(a) == size_of(b) && is_float(a)) return DType::kF32;  // f16 and bf16
  if (a == DType::kBool) return b;
  if (b == DType::kBool) return a;
  return size_of(a) >= size_of(b) ? a : b;
}

}  // namespace ckpt::ops
