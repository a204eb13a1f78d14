#pragma once

#include "model/kernels/conv.h"
#include "model/ops/op.h"

namespace ckpt::ops {

// The window of an operation over an input: attributes "window" (its size), "strides", "dilation",
// "padding" ("valid", "same", "causal"). The input is given channels last, of 3 to 5 dimensions;
// unknown extents give unknown ones. Throws Error(kInvalid) where they do not fit.
kernels::Window forward_window(const Operation& op, const Shape& input);

// The same of a transposed convolution: "output_padding" (−1 where the usual one is meant) and
// "alignment" ("theano" where that framework decides where the result begins).
kernels::Window transposed_window(const Operation& op, const Shape& input);

// The result's shape, channels last: [batch, the window's …, channels].
Shape result_shape(const Shape& input, const kernels::Window& window, std::int64_t channels);

// The shape of an operation's input as it is channels last. Throws Error(kInvalid) below rank 3.
Shape channels_last(const Operation& op, const Shape& shape);
Array channels_last(const Operation& op, const Array& array);

// With ones put in until there are three spatial dimensions; REQUIRES: rank 3 to 5.
Shape five_dimensions(const Shape& shape);
// The same of a kernel, whose spatial dimensions come first.
Array five_dimensional_kernel(const Array& kernel);

}  // namespace ckpt::ops
