#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "model/fast/frame.h"

namespace ckpt::fast {

// Products of matrices that are both computed: a [rows, depth] · b [depth, columns], for a batch of
// them. b is packed into panels (see Product) each time, which takes one pass over it.
class MatmulLayer {
 public:
  struct Extents {
    std::size_t rows, depth, columns;
  };
  // `pairs`: which matrix of a meets which of b, for each matrix of the result.
  MatmulLayer(const Extents& extents, std::vector<std::pair<std::size_t, std::size_t>> pairs,
              std::size_t lanes);

  // `packed` has packed_floats().
  void run(Frame& frame, const float* a, const float* b, float* packed, float* out) const;

  [[nodiscard]] std::size_t packed_floats() const { return matrices_ * packed_size_; }
  [[nodiscard]] std::size_t scratch_rows() const { return block_; }

 private:
  void pack(const float* b, std::size_t panel, float* packed) const;

  Extents extents_;
  std::vector<std::pair<std::size_t, std::size_t>> pairs_;
  std::size_t lanes_;
  std::size_t matrices_;     // of b
  std::size_t packed_size_;  // floats of one of them
  std::size_t block_;        // rows that are multiplied at once
  std::vector<std::ptrdiff_t> taps_{0};
  Buffer bias_;  // zeros
};

}  // namespace ckpt::fast
