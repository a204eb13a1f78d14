#include "verify/tensor_difference.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/numbers.h"

namespace ckpt {

void TensorDifference::add(DType dtype, ByteView was_bytes, ByteView is_bytes) {
  assert(was_bytes.size() == is_bytes.size());
  const std::size_t size = size_of(dtype);
  const std::size_t count = was_bytes.size() / size;
  for (std::size_t i = 0; i < count; ++i) {
    const double a = element_as_double(dtype, was_bytes, i);
    if (std::isfinite(a)) largest = std::max(largest, std::abs(a));
    if (std::memcmp(was_bytes.data() + i * size, is_bytes.data() + i * size, size) == 0) continue;
    const double b = element_as_double(dtype, is_bytes, i);
    if (differing++ == 0) {
      first = elements + i;
      was = a;
      is = b;
    }
    if (std::isnan(a) && std::isnan(b)) continue;
    const double gap = a == b ? 0 : std::abs(a - b);
    max_abs = std::isnan(gap) ? std::numeric_limits<double>::infinity() : std::max(max_abs, gap);
  }
  elements += count;
}

double TensorDifference::max_rel() const {
  return max_abs == 0 ? 0 : max_abs / std::max(largest, std::numeric_limits<double>::min());
}

TensorDifference difference_of(const Tensor& was, const Tensor& is) {
  assert(was.dtype == is.dtype && was.shape == is.shape);
  TensorDifference difference;
  difference.add(was.dtype, was.bytes, is.bytes);
  return difference;
}

Shape position_of(const Shape& shape, std::uint64_t index) {
  Shape position(shape.size(), 0);
  for (std::size_t d = shape.size(); d-- > 0;) {
    const auto extent = static_cast<std::uint64_t>(std::max<std::int64_t>(shape[d], 1));
    position[d] = static_cast<std::int64_t>(index % extent);
    index /= extent;
  }
  return position;
}

}  // namespace ckpt
