#include "model/fast/window_layer.h"

#include <algorithm>

namespace ckpt::fast {
namespace {

// Elements of a window that cost about as much as to write the output.
constexpr std::size_t kTaps = 8;

}  // namespace

void WindowLayer::run(Frame& frame, const float* from, float* out) const {
  const kernels::Extents& size = window.size;
  const std::int64_t rows = in.batch * window.out[0] * window.out[1];
  const std::int64_t out_row = window.out[2] * in.channels;
  const auto channels = static_cast<std::size_t>(in.channels);
  // Row y of the output, channels first to last.
  const auto run_row = [&](std::int64_t y, std::size_t first, std::size_t last,
                           const float** under) {
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
            is_inside ? from + (n * in.size[0] + z) * in.slice() + row * in.row() + first : nullptr;
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
                        .channels = last - first,
                        .all_channels = channels,
                        .out = out + y * out_row + first};
    switch (kind) {
      case Kind::kDepthwise:
        frame.kernels.depthwise(row, kernel.data() + first, bias.data() + first, epilogue.limits);
        break;
      case Kind::kMaxPool:
        frame.kernels.max_pool(row);
        break;
      case Kind::kAveragePool:
        frame.kernels.average_pool(row);
        break;
    }
    if (!epilogue.function) return;
    if (row.channels == channels) {
      frame.kernels.apply(*epilogue.function, row.out, row.out_width * channels);
      return;
    }
    for (std::size_t x = 0; x < row.out_width; ++x) {
      frame.kernels.apply(*epilogue.function, row.out + x * channels, row.channels);
    }
  };
  // Threads share the rows, as neighbouring layers do, or the channels, whole registers of them,
  // where there are too few rows for that.
  const auto all = static_cast<std::size_t>(rows);
  const auto taps = static_cast<std::size_t>(size[0] * size[1] * size[2]);
  const std::size_t pieces =
      pieces_of(frame, all * static_cast<std::size_t>(out_row) * (taps + kTaps) / kTaps);
  const std::size_t unit = 2 * frame.kernels.lanes;
  const std::size_t units = (channels + unit - 1) / unit;
  const bool by_channels = pieces > 1 && all < 3 * frame.pool.size();
  const std::size_t parts = by_channels ? std::min(units, pieces) : 1;
  const std::size_t row_pieces = by_channels ? 1 : std::min(all, pieces);
  frame.pool.run(row_pieces * parts, [&](std::size_t i, std::size_t worker) {
    const std::size_t piece = i / parts;
    const std::size_t part = i % parts;
    for (std::size_t y = piece * all / row_pieces; y < (piece + 1) * all / row_pieces; ++y) {
      run_row(static_cast<std::int64_t>(y), part * units / parts * unit,
              std::min((part + 1) * units / parts * unit, channels),
              frame.scratch[worker].rows.data());
    }
  });
}

}  // namespace ckpt::fast
