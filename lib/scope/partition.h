#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"

namespace ckpt {

// Says into how many pieces a variable of that shape is cut along each axis: all ones but one.
using Partitioner = std::function<std::vector<std::int64_t>(const Shape&, DType)>;

// `pieces` pieces along `axis`, or as many as that axis has elements. A shape without that axis
// stays whole.
Partitioner fixed_size_partitioner(std::int64_t pieces, std::size_t axis = 0);

// Where a variable is in the whole that it is a slice of.
struct SaveSlice {
  std::string full_name;  // of the whole: its name in a checkpoint
  Shape full_shape;
  Shape offset;
  Shape shape;

  // "3 1 1 0,2:0,1:0,1": the extents of the whole, then offset and extent of the slice along each
  // axis. Files of TensorFlow name slices so.
  [[nodiscard]] std::string spec() const;
};

// The pieces of a variable.
struct Partitioning {
  std::size_t axis = 0;  // that is cut
  std::int64_t pieces = 1;
};

// Asks the partitioner and checks its answer: one number of at least 1 for each axis, at most one
// of them above 1. `name` is for the messages.
// Throws ScopeError: kPartCall where the partitioner is an empty function, kPartShape where the
// shape has no axis or an unknown extent, kPartResult for a wrong answer.
Partitioning partition(std::string_view name, const Partitioner& partitioner, const Shape& shape,
                       DType dtype);

// Offset and shape of piece `i`. The first pieces take what is left over: 8 in 3 is 3, 3, 2.
// REQUIRES: 0 <= i < pieces, axis < shape.size().
SaveSlice slice_of(std::string_view name, const Shape& shape, const Partitioning& partitioning,
                   std::int64_t i);

// What an initializer may want to know of the piece it fills.
class PartitionInfo {
 public:
  // Throws ScopeError(kPartOffset) where the offset is not inside the shape.
  PartitionInfo(Shape full_shape, Shape offset);

  [[nodiscard]] const Shape& full_shape() const { return full_shape_; }
  [[nodiscard]] const Shape& offset() const { return offset_; }

  // The only axis where a piece of `shape` is shorter than the whole; -1 where there is none.
  // Throws ScopeError(kPartShape) where there are two, or the piece is not one of the whole.
  [[nodiscard]] std::int64_t single_slice_axis(const Shape& shape) const;

  // The offset along that axis; 0 where there is none.
  [[nodiscard]] std::int64_t single_offset(const Shape& shape) const;

 private:
  Shape full_shape_;
  Shape offset_;
};

}  // namespace ckpt
