#include "model/fast/matmul_layer.h"

#include <algorithm>

#include "model/fast/product_layer.h"
#include "model/fast/sizes.h"

namespace ckpt::fast {
namespace {

// Rows that one thread takes at a time: some tiles, so that a panel is read for many of them.
constexpr std::size_t kBlock = 96;

}  // namespace

MatmulLayer::MatmulLayer(const Extents& extents,
                         std::vector<std::pair<std::size_t, std::size_t>> pairs, std::size_t lanes)
    : extents_(extents),
      pairs_(std::move(pairs)),
      lanes_(lanes),
      matrices_(0),
      packed_size_(extents.depth * rounded_up(extents.columns, lanes)),
      block_(std::min(extents.rows, kBlock)),
      bias_(rounded_up(extents.columns, 2 * lanes)) {
  for (const auto& [a, b] : pairs_) matrices_ = std::max(matrices_, b + 1);
  std::fill_n(bias_.data(), bias_.size(), 0.0F);
}

// The columns of one panel; those that do not exist are 0.
void MatmulLayer::pack(const float* b, std::size_t panel, float* packed) const {
  const std::size_t first = panel * 2 * lanes_;
  const std::size_t count = std::min(extents_.columns - first, 2 * lanes_);
  const std::size_t width = rounded_up(count, lanes_);
  float* to = packed + first * extents_.depth;
  for (std::size_t k = 0; k < extents_.depth; ++k, to += width) {
    std::fill(std::copy_n(b + k * extents_.columns + first, count, to), to + width, 0.0F);
  }
}

void MatmulLayer::run(Frame& frame, const float* a, const float* b, float* packed,
                      float* out) const {
  const std::size_t rows = extents_.rows;
  const std::size_t depth = extents_.depth;
  const std::size_t columns = extents_.columns;
  const std::size_t panels = divided_up(columns, 2 * lanes_);
  share(frame, matrices_ * panels, depth * 2 * lanes_, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const std::size_t matrix = i / panels;
      pack(b + matrix * depth * columns, i % panels, packed + matrix * packed_size_);
    }
  });
  const std::size_t blocks = divided_up(rows, block_);
  frame.pool.run(pairs_.size() * blocks, [&](std::size_t i, std::size_t worker) {
    const auto& [matrix_a, matrix_b] = pairs_[i / blocks];
    const std::size_t first = i % blocks * block_;
    const std::size_t count = std::min(block_, rows - first);
    const float** starts = frame.scratch[worker].rows.data();
    for (std::size_t r = 0; r < count; ++r) starts[r] = a + (matrix_a * rows + first + r) * depth;
    frame.kernels.multiply({.rows = starts,
                            .row_count = count,
                            .taps = taps_.data(),
                            .tap_count = 1,
                            .run = depth,
                            .kernel = packed + matrix_b * packed_size_,
                            .bias = bias_.data(),
                            .residual = nullptr,
                            .limits = Epilogue{}.limits,
                            .out = out + (i / blocks * rows + first) * columns,
                            .out_stride = columns,
                            .first = 0,
                            .last = columns});
  });
}

}  // namespace ckpt::fast
