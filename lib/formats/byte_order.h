#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "core/dtype.h"

namespace ckpt {

// The bytes that change their order together: an element's, or a half of a complex one's.
inline std::size_t swap_unit(DType dtype) {
  return class_of(dtype) == DTypeClass::kComplex ? size_of(dtype) / 2 : size_of(dtype);
}

// Turns big-endian elements into little-endian ones.
inline void swap_bytes(DType dtype, std::span<std::byte> bytes) {
  const std::size_t unit = swap_unit(dtype);
  if (unit < 2) return;
  for (std::size_t i = 0; i + unit <= bytes.size(); i += unit) {
    std::ranges::reverse(bytes.subspan(i, unit));
  }
}

}  // namespace ckpt
