#include "model/fast/scatter_layer.h"

#include <algorithm>
#include <optional>

namespace ckpt::fast {
namespace {

// The input place whose window has its element k at output place o, along one axis.
std::optional<std::int64_t> source_of(const kernels::Window& w, std::size_t axis, std::int64_t o,
                                      std::int64_t k, std::int64_t extent) {
  const std::int64_t at = o + w.before[axis] - k * w.dilation[axis];
  if (at < 0 || at % w.strides[axis] != 0 || at / w.strides[axis] >= extent) return std::nullopt;
  return at / w.strides[axis];
}

}  // namespace

void ScatterLayer::run(Frame& frame, const float* parts, float* out) const {
  const kernels::Extents& size = window.size;
  const auto filters = static_cast<std::size_t>(in.channels);
  const std::int64_t taps = size[0] * size[1] * size[2];
  const std::size_t row = static_cast<std::size_t>(window.out[2]) * filters;
  const auto rows = static_cast<std::size_t>(in.batch * window.out[0] * window.out[1]);
  share(
      frame, rows, row * static_cast<std::size_t>(taps), [&](std::size_t first, std::size_t last) {
        for (auto y = static_cast<std::int64_t>(first); y < static_cast<std::int64_t>(last); ++y) {
          float* to = out + static_cast<std::size_t>(y) * row;
          for (std::int64_t x = 0; x < window.out[2]; ++x) {
            std::ranges::copy(bias, to + static_cast<std::size_t>(x) * filters);
          }
          const std::int64_t slice = y / window.out[1];
          const std::int64_t n = slice / window.out[0];
          for (std::int64_t k = 0; k < taps; ++k) {
            const auto z =
                source_of(window, 0, slice % window.out[0], k / size[2] / size[1], in.size[0]);
            const auto h =
                source_of(window, 1, y % window.out[1], k / size[2] % size[1], in.size[1]);
            if (!z || !h) continue;
            for (std::int64_t x = 0; x < window.out[2]; ++x) {
              const auto w = source_of(window, 2, x, k % size[2], in.size[2]);
              if (!w) continue;
              const std::int64_t place =
                  ((n * in.size[0] + *z) * in.size[1] + *h) * in.size[2] + *w;
              float* sums = to + static_cast<std::size_t>(x) * filters;
              frame.kernels.add(sums, parts + static_cast<std::size_t>(place * taps + k) * filters,
                                filters, Epilogue{}.limits, sums);
            }
          }
          frame.kernels.clamp(to, row, epilogue.limits, to);
          if (epilogue.function) frame.kernels.apply(*epilogue.function, to, row);
        }
      });
}

}  // namespace ckpt::fast
