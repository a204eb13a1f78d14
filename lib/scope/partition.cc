#include "scope/partition.h"

#include <algorithm>
#include <cassert>

#include "core/escape.h"
#include "core/text.h"
#include "scope/scope_error.h"

namespace ckpt {

Partitioner fixed_size_partitioner(std::int64_t pieces, std::size_t axis) {
  return [pieces, axis](const Shape& shape, DType) {
    std::vector<std::int64_t> partitions(shape.size(), 1);
    if (axis < shape.size()) partitions[axis] = std::min(pieces, shape[axis]);
    return partitions;
  };
}

std::string SaveSlice::spec() const {
  std::string out;
  for (const std::int64_t extent : full_shape) out += cat(extent, " ");
  for (std::size_t d = 0; d < shape.size(); ++d) {
    out += cat(d == 0 ? "" : ":", offset[d], ",", shape[d]);
  }
  return out;
}

Partitioning partition(std::string_view name, const Partitioner& partitioner, const Shape& shape,
                       DType dtype) {
  if (!partitioner) {
    throw ScopeError(ScopeErrc::kPartCall,
                     cat(escape(name),
                         ": its partitioner is an empty function; give one that can "
                         "be called, or none"));
  }
  const bool known = std::ranges::all_of(shape, [](std::int64_t extent) { return extent >= 0; });
  if (!known || shape.empty()) {
    throw ScopeError(ScopeErrc::kPartShape,
                     cat(escape(name),
                         ": a new partitioned variable needs a shape of one axis or "
                         "more with all extents known, not ",
                         to_string(shape)));
  }
  const std::vector<std::int64_t> answer = partitioner(shape, dtype);
  const auto bad = [&](std::string_view why) {
    return ScopeError(ScopeErrc::kPartResult,
                      cat(escape(name), ": its partitioner answered ", to_string(answer),
                          " for the shape ", to_string(shape), ", ", why));
  };
  if (answer.size() != shape.size()) throw bad("but must give one number for each axis");
  Partitioning out;
  for (std::size_t d = 0; d < answer.size(); ++d) {
    if (answer[d] < 1) throw bad("but each axis must have at least 1 piece");
    if (answer[d] == 1) continue;
    if (out.pieces > 1) throw bad("but only one axis can be cut");
    out = {.axis = d, .pieces = answer[d]};
  }
  return out;
}

SaveSlice slice_of(std::string_view name, const Shape& shape, const Partitioning& partitioning,
                   std::int64_t i) {
  const auto [axis, pieces] = partitioning;
  assert(axis < shape.size() && i >= 0 && i < pieces);
  const std::int64_t length = shape[axis] / pieces;
  const std::int64_t longer = shape[axis] % pieces;
  SaveSlice slice{std::string(name), shape, Shape(shape.size(), 0), shape};
  slice.offset[axis] = i * length + std::min(i, longer);
  slice.shape[axis] = length + (i < longer ? 1 : 0);
  return slice;
}

PartitionInfo::PartitionInfo(Shape full_shape, Shape offset)
    : full_shape_(std::move(full_shape)), offset_(std::move(offset)) {
  bool inside = full_shape_.size() == offset_.size();
  for (std::size_t d = 0; inside && d < offset_.size(); ++d) {
    inside = offset_[d] >= 0 && offset_[d] < full_shape_[d];
  }
  if (!inside) {
    throw ScopeError(ScopeErrc::kPartOffset,
                     cat("a slice at offset ", to_string(offset_), " is not inside the shape ",
                         to_string(full_shape_),
                         "; a variable cannot have more slices than its axis has elements"));
  }
}

std::int64_t PartitionInfo::single_slice_axis(const Shape& shape) const {
  const auto bad = [&](std::string_view why) {
    return ScopeError(ScopeErrc::kPartShape,
                      cat("a slice of shape ", to_string(shape), " ", why,
                          " of a variable of shape ", to_string(full_shape_)));
  };
  if (shape.size() != full_shape_.size()) throw bad("has not the rank");
  std::int64_t axis = -1;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] > full_shape_[d]) throw bad("is longer than an axis");
    if (shape[d] == full_shape_[d]) continue;
    if (axis >= 0) throw bad("is cut along two axes");
    axis = static_cast<std::int64_t>(d);
  }
  return axis;
}

std::int64_t PartitionInfo::single_offset(const Shape& shape) const {
  const std::int64_t axis = single_slice_axis(shape);
  return axis < 0 ? 0 : offset_[static_cast<std::size_t>(axis)];
}

}  // namespace ckpt
