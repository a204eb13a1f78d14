#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace ckpt::tf {

// A part of one dimension. A length of -1 takes the dimension whole.
struct Extent {
  std::int64_t start = 0;
  std::int64_t length = -1;

  friend bool operator==(const Extent&, const Extent&) = default;
};

// A box of a tensor, one extent a dimension.
using Slice = std::vector<Extent>;

// The key under which a table has that slice of the tensor `name`: byte 0, the name, the rank, and
// start and length of each dimension, in an encoding whose bytes sort as what they stand for.
std::string encode_slice_key(std::string_view name, const Slice& slice);

// A slice with its numbers spelt out.
struct Box {
  Shape start;
  Shape count;
};

// The box of `slice` in a tensor of `shape`. Throws Error(kCorrupt) where it is not inside.
Box box_of(const Slice& slice, const Shape& shape);

// Throws Error(kCorrupt) where the boxes overlap or do not cover a tensor of `shape`.
// REQUIRES: each box is inside of it.
void check_cover(const std::vector<Box>& boxes, const Shape& shape);

// "0,2:-" as TensorFlow prints slices.
std::string text_of(const Slice& slice);

// A stretch of elements that lie one after another both in a tensor and in a box of it.
struct Run {
  std::uint64_t in_tensor = 0;  // first element, row-major
  std::uint64_t in_box = 0;
  std::uint64_t count = 0;
};

// The runs of `box` in a tensor of `shape` that meet the tensor's elements [first, last), cut to
// them, in ascending order.
std::vector<Run> runs_of(const Box& box, const Shape& shape, std::uint64_t first,
                         std::uint64_t last);

}  // namespace ckpt::tf
