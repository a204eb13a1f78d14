#pragma once

#include <cstddef>
#include <cstdint>

namespace ckpt::fast {

// Of an extent, which is not negative.
inline std::size_t to_size(std::int64_t extent) { return static_cast<std::size_t>(extent); }

// How many times `by` covers x.
template <typename T>
T divided_up(T x, T by) {
  return (x + by - 1) / by;
}

// The smallest multiple that is not below x.
template <typename T>
T rounded_up(T x, T multiple) {
  return divided_up(x, multiple) * multiple;
}

}  // namespace ckpt::fast
