#pragma once

#include <cstdint>
#include <vector>

#include "model/fast/frame.h"
#include "model/fast/image.h"
#include "model/fast/product_layer.h"

namespace ckpt::fast {

// A window that moves over an image, each channel apart: a depthwise convolution with one filter a
// channel, or a pooling. What lies outside of the input counts as 0 in the former, not at all in
// the latter.
struct WindowLayer {
  enum class Kind : std::uint8_t { kDepthwise, kMaxPool, kAveragePool };

  Kind kind = Kind::kMaxPool;
  Image in;
  kernels::Window window;
  std::vector<float> kernel{};  // [size…, channels], of a depthwise convolution
  std::vector<float> bias{};    // [channels]
  Epilogue epilogue{};

  void run(Frame& frame, const float* in, float* out) const;

  [[nodiscard]] std::size_t scratch_rows() const {
    return static_cast<std::size_t>(window.size[0] * window.size[1]);
  }
};

}  // namespace ckpt::fast
