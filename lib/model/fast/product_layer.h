#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "model/fast/frame.h"
#include "model/fast/image.h"

namespace ckpt::fast {

// The kernel of a product in panels (see Product), which is filled row by row: a row has the
// filters of one place of one run.
class PackedKernel {
 public:
  // `depth` rows of `filters`, which belong to `groups` groups of equal size.
  PackedKernel(std::size_t depth, std::size_t filters, std::size_t groups, std::size_t lanes);

  // Takes values[i], times the factor of its filter, for the elements from `first` on of the kernel
  // [depth, filters]. REQUIRES: a factor for each filter, or none.
  void fill(std::size_t first, std::span<const float> values, const std::vector<double>& factors);

  // The same for a kernel [filters, depth]. REQUIRES: one group.
  void fill_transposed(std::size_t first, std::span<const float> values,
                       const std::vector<double>& factors);

  // The panel that begins with that filter of the group. REQUIRES: a multiple of the panel's width.
  [[nodiscard]] const float* panel(std::size_t group, std::size_t filter) const {
    return values_.data() + group * group_size_ + filter * depth_;
  }
  [[nodiscard]] std::size_t filters() const { return filters_; }  // of a group
  [[nodiscard]] std::size_t width() const { return 2 * lanes_; }  // of a panel
  [[nodiscard]] std::size_t depth() const { return depth_; }
  [[nodiscard]] std::size_t bytes() const { return values_.size() * sizeof(float); }

 private:
  std::size_t depth_;
  std::size_t filters_;
  std::size_t groups_;
  std::size_t lanes_;
  std::size_t group_size_;
  Buffer values_;
};

// What is done to each sum before it is stored: a bias and what follows a layer.
struct Epilogue {
  Limits limits{-__builtin_inff(), __builtin_inff()};
  std::optional<Function> function;  // after the limits, while the values are in the cache
};

// A convolution, in up to three dimensions and any number of groups, or a dense layer, which is a
// convolution whose places are rows. What lies outside of the input is 0: where a window reaches
// there, blocks of rows are copied with zeros around them into memory that stays in the cache.
class ProductLayer {
 public:
  // `tile`: places that the kernel has in registers.
  ProductLayer(const Image& in, const kernels::Window& window, std::size_t groups,
               PackedKernel kernel, const std::vector<float>& bias, Epilogue epilogue,
               std::size_t tile, std::size_t threads);

  // `residual`, where it is not null, is added before the epilogue; as large as `out`.
  void run(Frame& frame, const float* in, const float* residual, float* out) const;

  [[nodiscard]] std::size_t kernel_bytes() const { return kernel_.bytes(); }

  // What each thread needs of Scratch.
  [[nodiscard]] std::size_t scratch_floats() const { return scratch_floats_; }
  [[nodiscard]] std::size_t scratch_rows() const { return scratch_rows_; }

 private:
  // A block of output places that lie one after the other: of a direct layer any of them, else
  // whole rows of one slice of the output.
  struct Block {
    std::int64_t first = 0;
    std::int64_t last = 0;
  };

  void cut(std::size_t tile, std::size_t threads);
  void find_taps();
  [[nodiscard]] Block block(std::size_t i) const;
  void copy_padded(const Block& block, const float* in, float* copy) const;
  void find_rows(const Block& block, const float* base, const float** rows) const;
  void run_block(Frame& frame, Scratch& scratch, std::size_t block, std::size_t part,
                 const float* in, const float* residual, float* out) const;

  Image in_;
  kernels::Window window_;
  std::size_t groups_;
  PackedKernel kernel_;
  Buffer bias_;
  Epilogue epilogue_;
  bool is_direct_;                    // no window reaches outside of the input
  std::size_t run_;                   // floats in a run
  std::vector<std::ptrdiff_t> taps_;  // of the first group, then of the second, …
  std::int64_t copy_width_ = 0;       // places in a row of the copy
  std::int64_t copy_rows_ = 0;        // rows in a slice of it
  std::int64_t block_size_ = 0;       // places, or rows where the layer is not direct
  std::size_t blocks_ = 0;
  std::size_t parts_ = 1;  // of the filters, for threads to share
  std::size_t scratch_floats_ = 0;
  std::size_t scratch_rows_ = 0;
};

}  // namespace ckpt::fast
