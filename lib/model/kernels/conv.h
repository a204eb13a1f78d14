#pragma once

#include <array>

#include "model/array.h"

namespace ckpt::kernels {

// Three spatial extents; those of fewer dimensions have ones in front.
using Extents = std::array<std::int64_t, 3>;

// How a window moves over an input.
struct Window {
  Extents size{1, 1, 1};
  Extents strides{1, 1, 1};
  Extents dilation{1, 1, 1};
  Extents before{0, 0, 0};  // padding in front of each dimension
  Extents out{1, 1, 1};     // the result's extents
};

// y[n, o, f] = Σ_k Σ_c x[n, o·stride + k·dilation - before, g·C/G + c] · kernel[k, c, f], where
// g is the group of f; what lies outside of x counts as 0. Cross-correlation: the kernel is not
// flipped.
//   x [N, D, H, W, C]   kernel [KD, KH, KW, C/G, F]   result [N, OD, OH, OW, F]
Array conv(const Array& x, const Array& kernel, const Window& window, std::int64_t groups);

// The gradient of conv(): y[n, i·stride + k·dilation - before, f] += x[n, i, c] · kernel[k, f, c].
//   x [N, D, H, W, C]   kernel [KD, KH, KW, F, C]   result [N, OD, OH, OW, F]
Array conv_transpose(const Array& x, const Array& kernel, const Window& window);

// The largest of each window; what lies outside of x doesn't count.
//   x [N, D, H, W, C]   result [N, OD, OH, OW, C]
Array max_pool(const Array& x, const Window& window);

// The mean of each window, over what lies inside of x.
//   x [N, D, H, W, C]   result [N, OD, OH, OW, C]
Array average_pool(const Array& x, const Window& window);

}  // namespace ckpt::kernels
