#include "model/fast/product_layer.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "model/fast/cut.h"
#include "model/fast/sizes.h"

namespace ckpt::fast {
namespace {

// What a block of input takes of the cache next to the processor's own, half of the smallest there
// is (256 KiB).
constexpr std::int64_t kBlockFloats = 32 * 1024;
// Fewer places than these would read each panel of the kernel too often.
constexpr std::int64_t kLeastPlaces = 96;

// Input places that the windows of `count` neighbouring outputs span.
std::int64_t span_of(const kernels::Window& w, std::size_t axis, std::int64_t count) {
  return (count - 1) * w.strides[axis] + (w.size[axis] - 1) * w.dilation[axis] + 1;
}

}  // namespace

PackedKernel::PackedKernel(std::size_t depth, std::size_t filters, std::size_t groups,
                           std::size_t lanes)
    : depth_(depth),
      filters_(filters / groups),
      groups_(groups),
      lanes_(lanes),
      group_size_(depth * rounded_up(filters_, lanes)),
      values_(group_size_ * groups) {}

void PackedKernel::fill(std::size_t first, std::span<const float> values,
                        const std::vector<double>& factors) {
  const std::size_t all = filters_ * groups_;
  std::size_t row = first / all;
  std::size_t column = first % all;
  for (std::size_t at = 0; at < values.size();) {
    const std::size_t group = column / filters_;
    const std::size_t filter = column % filters_;
    const std::size_t begin = filter / width() * width();  // of the panel
    const std::size_t end = std::min(begin + width(), filters_);
    const std::size_t panel_width = std::min(width(), rounded_up(filters_ - begin, lanes_));
    const std::size_t count = std::min(end - filter, values.size() - at);
    float* out = values_.data() + group * group_size_ + begin * depth_ + row * panel_width +
                 (filter - begin);
    for (std::size_t i = 0; i < count; ++i) {
      const float value = values[at + i];
      out[i] = factors.empty() ? value : static_cast<float>(value * factors[column + i]);
    }
    at += count;
    column += count;
    if (column == all) {
      column = 0;
      ++row;
    }
  }
}

void PackedKernel::fill_transposed(std::size_t first, std::span<const float> values,
                                   const std::vector<double>& factors) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t filter = (first + i) / depth_;
    const std::size_t row = (first + i) % depth_;
    const std::size_t begin = filter / width() * width();  // of the panel
    const std::size_t panel_width = std::min(width(), rounded_up(filters_ - begin, lanes_));
    const double factor = factors.empty() ? 1 : factors[filter];
    values_.data()[begin * depth_ + row * panel_width + (filter - begin)] =
        static_cast<float>(values[i] * factor);
  }
}

ProductLayer::ProductLayer(const Image& in, const kernels::Window& window, std::size_t groups,
                           PackedKernel kernel, const std::vector<float>& bias, Epilogue epilogue,
                           std::size_t tile, std::size_t threads)
    : in_(in),
      window_(window),
      groups_(groups),
      kernel_(std::move(kernel)),
      bias_(rounded_up(kernel_.filters(), kernel_.width()) * groups),
      epilogue_(epilogue),
      is_direct_(true) {
  const std::size_t filters = kernel_.filters();
  for (std::size_t i = 0; i < bias.size(); ++i) {
    bias_.data()[i / filters * rounded_up(filters, kernel_.width()) + i % filters] = bias[i];
  }
  for (std::size_t a = 0; a < 3; ++a) {
    is_direct_ =
        is_direct_ && window.before[a] == 0 && span_of(window, a, window.out[a]) <= in.size[a];
  }
  cut(tile, threads);
  find_taps();
}

// The units of a direct layer are places, else rows of a slice, whose input is copied.
void ProductLayer::cut(std::size_t tile, std::size_t threads) {
  const std::size_t panels = divided_up(kernel_.filters(), kernel_.width());
  ProductExtents extents{
      .panels = groups_ == 1 ? panels : 1,
      .depth = kernel_.depth() * (groups_ == 1 ? 1 : groups_ * panels),
      .shared = to_size(in_.elements()) +
                to_size(in_.batch * window_.out[0] * window_.out[1] * window_.out[2]) *
                    kernel_.filters() * groups_,
      .tile = tile};
  if (is_direct_) {
    extents.units = in_.batch * window_.out[0] * window_.out[1] * window_.out[2];
    extents.most = std::max(kBlockFloats / std::max<std::int64_t>(in_.channels, 1), kLeastPlaces);
    copy_width_ = in_.size[2];
  } else {
    copy_width_ = span_of(window_, 2, window_.out[2]);
    const std::int64_t row = copy_width_ * in_.channels * window_.size[0];
    extents.slices = in_.batch * window_.out[0];
    extents.units = window_.out[1];
    extents.places = window_.out[2];
    extents.most = window_.out[1];
    while (extents.most > 1 && extents.most * window_.out[2] > kLeastPlaces &&
           row * span_of(window_, 1, extents.most) > kBlockFloats) {
      --extents.most;
    }
    extents.copied = to_size(row * window_.strides[1]);
  }
  const Cut cut = cut_product(extents, threads);
  block_size_ = cut.block;
  parts_ = cut.parts;
  blocks_ = to_size(extents.slices * divided_up(extents.units, cut.block));
  scratch_rows_ = to_size(cut.block * extents.places);
  copy_rows_ = is_direct_ ? in_.size[1] : span_of(window_, 1, cut.block);
  if (!is_direct_) {
    scratch_floats_ = to_size(copy_width_ * in_.channels * window_.size[0] * copy_rows_);
  }
}

void ProductLayer::find_taps() {
  // Neighbouring columns of the window make one run where nothing lies between them.
  const auto depth = in_.channels / static_cast<std::int64_t>(groups_);
  const bool is_wide = groups_ == 1 && window_.dilation[2] == 1;
  run_ = to_size(is_wide ? window_.size[2] * depth : depth);
  for (std::size_t g = 0; g < groups_; ++g) {
    for (std::int64_t d = 0; d < window_.size[0]; ++d) {
      for (std::int64_t h = 0; h < window_.size[1]; ++h) {
        for (std::int64_t w = 0; w < (is_wide ? 1 : window_.size[2]); ++w) {
          const std::int64_t slice = is_direct_ ? d * window_.dilation[0] : d;
          taps_.push_back(((slice * copy_rows_ + h * window_.dilation[1]) * copy_width_ +
                           w * window_.dilation[2]) *
                              in_.channels +
                          static_cast<std::int64_t>(g) * depth);
        }
      }
    }
  }
}

ProductLayer::Block ProductLayer::block(std::size_t i) const {
  const auto at = static_cast<std::int64_t>(i);
  if (is_direct_) {
    const std::int64_t all = in_.batch * window_.out[0] * window_.out[1] * window_.out[2];
    return {at * block_size_, std::min((at + 1) * block_size_, all)};
  }
  const std::int64_t per_slice = (window_.out[1] + block_size_ - 1) / block_size_;
  const std::int64_t first_row = at % per_slice * block_size_;
  const std::int64_t rows = std::min(block_size_, window_.out[1] - first_row);
  const std::int64_t first = (at / per_slice * window_.out[1] + first_row) * window_.out[2];
  return {first, first + rows * window_.out[2]};
}

// The part of the input that the windows of a block see, with zeros around it.
void ProductLayer::copy_padded(const Block& block, const float* in, float* copy) const {
  const std::int64_t first_row = block.first / window_.out[2];
  const std::int64_t y = first_row % window_.out[1];
  const std::int64_t z = first_row / window_.out[1] % window_.out[0];
  const std::int64_t n = first_row / window_.out[1] / window_.out[0];
  const std::int64_t rows = span_of(window_, 1, (block.last - block.first) / window_.out[2]);
  const std::int64_t left = std::min(window_.before[2], copy_width_);
  const std::int64_t middle = std::max<std::int64_t>(std::min(in_.size[2], copy_width_ - left), 0);
  const auto zero = [&](float* at, std::int64_t places) {
    return std::fill_n(at, places * in_.channels, 0.0F);
  };
  for (std::int64_t d = 0; d < window_.size[0]; ++d) {
    const std::int64_t slice = z * window_.strides[0] + d * window_.dilation[0] - window_.before[0];
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t row = y * window_.strides[1] + r - window_.before[1];
      float* to = copy + (d * copy_rows_ + r) * copy_width_ * in_.channels;
      if (slice < 0 || slice >= in_.size[0] || row < 0 || row >= in_.size[1]) {
        zero(to, copy_width_);
        continue;
      }
      const float* from =
          in + n * in_.size[0] * in_.slice() + slice * in_.slice() + row * in_.row();
      to = zero(to, left);
      to = std::copy_n(from, middle * in_.channels, to);
      zero(to, copy_width_ - left - middle);
    }
  }
}

// Where the windows of a block begin, in the input or in the copy.
void ProductLayer::find_rows(const Block& block, const float* base, const float** rows) const {
  std::int64_t x = block.first % window_.out[2];
  std::int64_t y = block.first / window_.out[2];  // with the slices and the batch in front
  for (std::int64_t p = block.first; p < block.last; ++p) {
    std::int64_t row = 0;
    if (is_direct_) {
      const std::int64_t slice = y / window_.out[1];
      row = (slice / window_.out[0] * in_.size[0] + slice % window_.out[0] * window_.strides[0]) *
                in_.size[1] +
            y % window_.out[1] * window_.strides[1];
    } else {
      row = (y - block.first / window_.out[2]) * window_.strides[1];
    }
    *rows++ = base + (row * copy_width_ + x * window_.strides[2]) * in_.channels;
    if (++x == window_.out[2]) {
      x = 0;
      ++y;
    }
  }
}

void ProductLayer::run_block(Frame& frame, Scratch& scratch, std::size_t i, std::size_t part,
                             const float* in, const float* residual, float* out) const {
  const Block block = this->block(i);
  const float* base = in;
  if (!is_direct_) {
    copy_padded(block, in, scratch.floats.data());
    base = scratch.floats.data();
  }
  find_rows(block, base, scratch.rows.data());
  const std::size_t filters = kernel_.filters();
  const std::size_t width = kernel_.width();
  const std::size_t panels = (filters + width - 1) / width;
  const std::size_t first = part * panels / parts_ * width;
  const std::size_t last = std::min((part + 1) * panels / parts_ * width, filters);
  const std::size_t stride = filters * groups_;
  const std::size_t begin = to_size(block.first) * stride;
  const std::size_t count = to_size(block.last - block.first);
  for (std::size_t g = 0; g < groups_; ++g) {
    const std::size_t taps = taps_.size() / groups_;
    const std::size_t at = begin + g * filters;
    frame.kernels.multiply({.rows = scratch.rows.data(),
                            .row_count = count,
                            .taps = taps_.data() + g * taps,
                            .tap_count = taps,
                            .run = run_,
                            .kernel = kernel_.panel(g, first),
                            .bias = bias_.data() + g * rounded_up(filters, width),
                            .residual = residual == nullptr ? nullptr : residual + at,
                            .limits = epilogue_.limits,
                            .out = out + at,
                            .out_stride = stride,
                            .first = first,
                            .last = last});
  }
  if (!epilogue_.function) return;
  if (parts_ == 1) {
    frame.kernels.apply(*epilogue_.function, out + begin, count * stride);
    return;
  }
  for (std::size_t r = 0; r < count; ++r) {
    frame.kernels.apply(*epilogue_.function, out + begin + r * stride + first, last - first);
  }
}

void ProductLayer::run(Frame& frame, const float* in, const float* residual, float* out) const {
  frame.pool.run(blocks_ * parts_, [&](std::size_t chunk, std::size_t worker) {
    run_block(frame, frame.scratch[worker], chunk % blocks_, chunk / blocks_, in, residual, out);
  });
}

}  // namespace ckpt::fast
