#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace ckpt {

// How values change their type:
//
//   float → float      to nearest, ties to even; too large becomes infinity, in f8e4m3, which has
//                      none, NaN; NaN stays NaN
//   float → integer    to nearest, ties to even; too large becomes the type's last value, NaN 0
//   integer → integer  too large becomes the type's last value
//   integer → float    to nearest, ties to even, rounded once
//   any → bool         is it not zero? NaN is not
//   bool → any         0 or 1
//   real → complex     the imaginary part is 0; complex → real is refused

// Casts the elements of `from` into `out`, which must hold as many.
// REQUIRES: both types are numeric, and `to` is complex if `from` is.
void cast_elements(DType from, ByteView elements, DType to, std::span<std::byte> out);

// The tensor with another type. Throws Error(kInvalid) for a type without numbers, and where an
// imaginary part would be dropped.
Tensor cast(const Tensor& tensor, DType to);

// Can every value of `from` be held by `to` and be cast back, but for a NaN's payload? Real numbers
// made complex cannot: that cast is refused.
bool is_lossless_cast(DType from, DType to);

// How many elements would not come back the same from a cast to `to`: the exact loss of a cast that
// is not lossless for its types, but may be for these values. Throws as cast() does, on both ways.
std::uint64_t count_cast_losses(const Tensor& tensor, DType to);

}  // namespace ckpt
