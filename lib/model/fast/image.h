#pragma once

#include <cstddef>

#include "model/kernels/conv.h"

namespace ckpt::fast {

// The extents of a channels-last tensor: [batch, size…, channels].
struct Image {
  std::int64_t batch = 1;
  kernels::Extents size{1, 1, 1};
  std::int64_t channels = 1;

  [[nodiscard]] std::int64_t row() const { return size[2] * channels; }
  [[nodiscard]] std::int64_t slice() const { return size[1] * row(); }
  [[nodiscard]] std::int64_t places() const { return size[0] * size[1] * size[2]; }
  [[nodiscard]] std::int64_t elements() const { return batch * places() * channels; }
};

inline Image image_of(const Shape& five) { return {five[0], {five[1], five[2], five[3]}, five[4]}; }

}  // namespace ckpt::fast
