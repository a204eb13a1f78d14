#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/tensor.h"

namespace ckpt {

// How two runs of elements of one type differ. Equal bytes are equal, whatever they mean; NaN
// differs from every number, and not from NaN.
struct TensorDifference {
  std::uint64_t elements = 0;
  std::uint64_t differing = 0;  // whose bytes differ
  std::uint64_t first = 0;      // the first that differs, in row-major order
  double was = 0;               // there
  double is = 0;
  double max_abs = 0;  // infinite where the one is NaN and the other is not
  double largest = 0;  // finite absolute value of what was

  // The next elements: `was` and `is` have the same size.
  void add(DType dtype, ByteView was_bytes, ByteView is_bytes);

  // `max_abs` relative to the largest value; 0 where nothing differs.
  [[nodiscard]] double max_rel() const;
};

// REQUIRES: the same dtype and shape.
TensorDifference difference_of(const Tensor& was, const Tensor& is);

// The position of element `index` of a tensor: [2, 0, 5].
Shape position_of(const Shape& shape, std::uint64_t index);

}  // namespace ckpt
