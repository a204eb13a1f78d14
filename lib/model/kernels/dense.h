#pragma once

#include <string>
#include <string_view>

#include "model/array.h"

namespace ckpt::kernels {

// y[n, u] = Σ_i x[n, i] · kernel[i, u].
//   x [… , I]   kernel [I, U]   result [… , U]
Array dense(const Array& x, const Array& kernel);

// Einstein's sum over two arrays, whose axes the equation names with letters: "abc,cd->abd" sums
// over c, the letter that the result lacks.
// REQUIRES: one letter an axis, none twice in one operand, equal extents under one letter (or 1, in
// either operand: that axis is repeated), each of the result's letters in an operand.
Array einsum(std::string_view equation, const Array& a, const Array& b);

}  // namespace ckpt::kernels
