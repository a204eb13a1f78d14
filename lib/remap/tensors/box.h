#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/bytes.h"
#include "core/shape.h"

namespace ckpt {

// A part of a tensor: `count` elements from `start` in each dimension.
struct Box {
  Shape start;
  Shape count;
};

// The number of elements in a box or shape that is known to be small enough.
std::uint64_t elements_in(const Shape& shape);

// source [n0, n1, …] of elements of `size` bytes → out [n_order[0], …]
void permute_bytes(ByteView source, const Shape& shape, std::span<const std::int64_t> order,
                   std::size_t size, std::span<std::byte> out);

// Splits elements [first, first + count) of a tensor, in row-major order, into boxes that follow
// one another in that order: at most two for each dimension.
std::vector<Box> boxes_of_range(const Shape& shape, std::uint64_t first, std::uint64_t count);

// Calls `f(first, count)` for each run of elements that is contiguous in a tensor of that shape, in
// the order of the box.
void for_each_run(const Shape& shape, const Box& box,
                  const std::function<void(std::uint64_t, std::uint64_t)>& f);

}  // namespace ckpt
