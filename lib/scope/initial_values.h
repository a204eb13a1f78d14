#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "core/random.h"
#include "core/tensor.h"

namespace ckpt {

// What initializers are made of: tensors from functions of the element's position. A message of an
// Error does not name the variable.

// Stores `value` as element `i` of a floating-point tensor, rounded to nearest. To f16 and bf16 it
// is rounded by way of f32. REQUIRES: a dtype of f16, bf16, f32 or f64; i < elements.
void store_float(Tensor& tensor, std::uint64_t i, double value);

// A tensor whose element `i`, in row-major order, is element(i). Throws Error(kInvalid) where the
// dtype is none of f16, bf16, f32 and f64, or the shape is not one of a tensor.
Tensor generate(const Shape& shape, DType dtype,
                const std::function<double(std::uint64_t)>& element);

// All elements `value` (the real part of complex ones). Throws Error(kInvalid) where the dtype
// cannot hold it (floating-point types round): 0.5 or 300 as u8, 2 as bool, anything but 0 and 1 as
// an 8-bit float.
Tensor fill_with(const Shape& shape, DType dtype, double value);

// Makes the columns of a matrix of rows × columns doubles, row-major, orthonormal: Gram-Schmidt
// with each column's projections taken out twice (Giraud, Langou and Rozložník, Computers &
// Mathematics with Applications 50 (2005), 1069-1075: twice is enough). It is the Q of the QR
// decomposition in which R has a positive diagonal.
// REQUIRES: rows >= columns, matrix.size() == rows * columns, the columns are independent.
void orthonormalize(std::span<double> matrix, std::size_t rows, std::size_t columns);

// See Initializer::orthogonal and Initializer::identity.
Tensor orthogonal_matrix(const Shape& shape, DType dtype, double gain, const RandomStream& stream);
Tensor identity_matrix(const Shape& shape, DType dtype, double gain);

}  // namespace ckpt
