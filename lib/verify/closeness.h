#pragma once

#include <cstdint>
#include <optional>

#include "checkpoint/reader.h"

namespace ckpt {

// How near the values of two tensors lie, over all of their elements.
struct Closeness {
  // The most floating-point numbers of their type that lie between two elements; empty for other
  // types, and where one of the two is NaN.
  std::optional<std::uint64_t> ulps;
  std::optional<double> cosine;  // of the angle between them; empty where one is all zero
};

// Streams both. REQUIRES: the same numeric dtype and shape.
Closeness closeness_of(const Reader& a, std::size_t i, const Reader& b, std::size_t j);

}  // namespace ckpt
