#pragma once

#include <cstdint>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"
#include "core/tensor.h"

namespace ckpt {

// A tensor while the reference engine works on it: every element a double, whatever the type. The
// type says what values are rounded to, by round(): one kernel serves all types, and arithmetic
// is never less precise than the type's own.
struct Array {
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<double> values;  // row-major

  friend bool operator==(const Array&, const Array&) = default;
};

// An array of zeros. Throws Error(kInvalid) where the shape is unknown or too large.
Array make_array(DType dtype, Shape shape);

// An array of these values. REQUIRES: as many as the shape has elements.
Array make_array(DType dtype, Shape shape, std::vector<double> values);

// Elements of a shape that is known. Throws Error(kInvalid) as make_array() does.
std::size_t elements_of(const Shape& shape);

// Each element becomes the nearest value of `dtype`, which the array then has. Integers are cut
// towards zero, as casts are everywhere; anything but 0 is true.
void round(Array& array, DType dtype);

Array from_tensor(const Tensor& tensor);
Tensor to_tensor(const Array& array);

// The same values under another shape. REQUIRES: the same number of elements.
Array reshaped(Array array, Shape shape);

// The array with its axes in the order `axes`: axis i of the result is axis axes[i].
// REQUIRES: `axes` is a permutation of the axes.
Array permuted(const Array& array, const std::vector<std::int64_t>& axes);

// The array with one axis reversed.
Array reversed(const Array& array, std::size_t axis);

// The elements before, along and after `axis`: an array is [outer, extent, inner].
struct AxisView {
  std::size_t outer = 1;
  std::size_t extent = 1;
  std::size_t inner = 1;
};
AxisView view_axis(const Shape& shape, std::size_t axis);

}  // namespace ckpt
