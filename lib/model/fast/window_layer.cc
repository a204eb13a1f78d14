#include "model/fast/window_layer.h"

#include <algorithm>

namespace ckpt::fast {

void WindowLayer::run(Frame& frame, const float* from, float* out) const {
  const kernels::Extents& size = window.size;
  const std::int64_t rows = in.batch * window.out[0] * window.out[1];
  const std::int64_t out_row = window.out[2] * in.channels;
  const auto run_row = [&](std::int64_t y, const float** under) {
    const std::int64_t slice = y / window.out[1];
    const std::int64_t n = slice / window.out[0];
    for (std::int64_t d = 0; d < size[0]; ++d) {
      for (std::int64_t h = 0; h < size[1]; ++h) {
        const std::int64_t z =
            slice % window.out[0] * window.strides[0] + d * window.dilation[0] - window.before[0];
        const std::int64_t row =
            y % window.out[1] * window.strides[1] + h * window.dilation[1] - window.before[1];
        const bool is_inside = z >= 0 && z < in.size[0] && row >= 0 && row < in.size[1];
        under[d * size[1] + h] =
            is_inside ? from + (n * in.size[0] + z) * in.slice() + row * in.row() : nullptr;
      }
    }
    const WindowRow row{.rows = under,
                        .window_rows = scratch_rows(),
                        .window_width = static_cast<std::size_t>(size[2]),
                        .stride = window.strides[2],
                        .dilation = window.dilation[2],
                        .before = window.before[2],
                        .in_width = in.size[2],
                        .out_width = static_cast<std::size_t>(window.out[2]),
                        .channels = static_cast<std::size_t>(in.channels),
                        .out = out + y * out_row};
    switch (kind) {
      case Kind::kDepthwise:
        frame.kernels.depthwise(row, kernel.data(), bias.data(), epilogue.limits);
        break;
      case Kind::kMaxPool:
        frame.kernels.max_pool(row);
        break;
      case Kind::kAveragePool:
        frame.kernels.average_pool(row);
        break;
    }
    if (epilogue.function) {
      frame.kernels.apply(*epilogue.function, row.out, static_cast<std::size_t>(out_row));
    }
  };
  const auto all = static_cast<std::size_t>(rows);
  const std::size_t chunks =
      frame.pool.size() == 1 ? std::min<std::size_t>(all, 1) : std::min(all, frame.pool.size() * 4);
  frame.pool.run(chunks, [&](std::size_t i, std::size_t worker) {
    for (std::size_t y = i * all / chunks; y < (i + 1) * all / chunks; ++y) {
      run_row(static_cast<std::int64_t>(y), frame.scratch[worker].rows.data());
    }
  });
}

}  // namespace ckpt::fast
