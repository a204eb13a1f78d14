#pragma once

#include <vector>

#include "model/fast/frame.h"
#include "model/fast/image.h"
#include "model/fast/product_layer.h"

namespace ckpt::fast {

// The second half of a transposed convolution. The first gives for each place of the input what it
// adds to each place of its window, [places, window, filters]; these are summed up where windows
// overlap. It goes by places of the output, in the order of the window, so that threads share them.
struct ScatterLayer {
  Image in;                   // with the filters for channels
  kernels::Window window;     // its "out" are the output's extents
  std::vector<float> bias{};  // [filters]
  Epilogue epilogue{};

  void run(Frame& frame, const float* parts, float* out) const;
};

}  // namespace ckpt::fast
