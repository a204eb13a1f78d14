#pragma once

#include <cstddef>

#include "core/tensor.h"

namespace ckpt {

// How many of a batch a classifier got right.
struct Accuracy {
  std::size_t right = 0;
  std::size_t all = 0;

  friend bool operator==(const Accuracy&, const Accuracy&) = default;
};

// Of each row of `scores` [N, classes] the first largest is the answer; `labels` [N] has the right
// ones. A row with NaN is wrong. Throws Error(kInvalid) where the shapes are others.
Accuracy accuracy_of(const Tensor& scores, const Tensor& labels);

}  // namespace ckpt
