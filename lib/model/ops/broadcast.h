#pragma once

#include <functional>

#include "model/array.h"
#include "model/graph.h"

namespace ckpt::ops {

// NumPy's rule: shapes are aligned at their last axes, and an extent of 1 is repeated.
// Throws Error(kInvalid) where they do not fit.
Shape broadcast_shape(const Shape& a, const Shape& b);

// f(a, b) for every element of the common shape.
Array broadcast(const Array& a, const Array& b, const std::function<double(double, double)>& f);

// The array repeated to that shape. REQUIRES: it fits.
Array broadcast_to(const Array& array, const Shape& shape);

// The type that two operands give together: the wider one of their class, the floating one of two
// classes.
DType promote(DType a, DType b);

}  // namespace ckpt::ops
