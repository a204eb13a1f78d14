#pragma once

#include "core/bytes.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace ckpt {

// A tensor's values: row-major, little-endian, size_of(dtype) × num_elements(shape) bytes.
struct Tensor {
  DType dtype = DType::kF32;
  Shape shape;
  Bytes bytes;

  friend bool operator==(const Tensor&, const Tensor&) = default;
};

// Bytes a tensor of that type and shape takes. Throws Error(kInvalid) where the type is not
// numeric, an extent is negative, or the size does not fit 63 bits.
std::uint64_t tensor_bytes(DType dtype, const Shape& shape);

// A tensor of f32 values. REQUIRES: values.size() == num_elements(shape).
Tensor make_tensor(Shape shape, std::span<const float> values);

}  // namespace ckpt
