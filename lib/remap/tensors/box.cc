#include "remap/tensors/box.h"

#include <algorithm>
#include <cstring>

namespace ckpt {
namespace {

std::vector<std::uint64_t> strides_of(const Shape& shape) {
  std::vector<std::uint64_t> strides(shape.size(), 1);
  for (std::size_t d = shape.size(); d-- > 1;) {
    strides[d - 1] = strides[d] * static_cast<std::uint64_t>(shape[d]);
  }
  return strides;
}

// Copies `rows` × `columns` elements of a fixed size: from (r, c) of the source, `row_step` and
// `column_step` elements apart, to a row-major block. Tiled, so that neither side leaves the cache.
template <std::size_t kSize>
void copy_block(const std::byte* source, std::size_t row_step, std::size_t column_step,
                std::byte* out, std::size_t out_step, std::size_t rows, std::size_t columns) {
  constexpr std::size_t kTile = 32;
  for (std::size_t r0 = 0; r0 < rows; r0 += kTile) {
    for (std::size_t c0 = 0; c0 < columns; c0 += kTile) {
      const std::size_t r1 = std::min(rows, r0 + kTile);
      const std::size_t c1 = std::min(columns, c0 + kTile);
      for (std::size_t r = r0; r < r1; ++r) {
        for (std::size_t c = c0; c < c1; ++c) {
          std::memcpy(out + (r * out_step + c) * kSize,
                      source + (r * row_step + c * column_step) * kSize, kSize);
        }
      }
    }
  }
}

void copy_block(std::size_t size, const std::byte* source, std::size_t row_step,
                std::size_t column_step, std::byte* out, std::size_t out_step, std::size_t rows,
                std::size_t columns) {
  switch (size) {
    case 1:
      return copy_block<1>(source, row_step, column_step, out, out_step, rows, columns);
    case 2:
      return copy_block<2>(source, row_step, column_step, out, out_step, rows, columns);
    case 4:
      return copy_block<4>(source, row_step, column_step, out, out_step, rows, columns);
    case 8:
      return copy_block<8>(source, row_step, column_step, out, out_step, rows, columns);
    default:
      return copy_block<16>(source, row_step, column_step, out, out_step, rows, columns);
  }
}

}  // namespace

std::uint64_t elements_in(const Shape& shape) { return num_elements(shape).value_or(0); }

void permute_bytes(ByteView source, const Shape& shape, std::span<const std::int64_t> order,
                   std::size_t size, std::span<std::byte> out) {
  if (out.empty()) return;
  const std::size_t rank = shape.size();
  const std::vector<std::uint64_t> strides = strides_of(shape);
  // Extent and distance in the source of each dimension of the result.
  std::vector<std::size_t> extent;
  std::vector<std::size_t> step;
  for (const std::int64_t d : order) {
    extent.push_back(static_cast<std::size_t>(shape[static_cast<std::size_t>(d)]));
    step.push_back(static_cast<std::size_t>(strides[static_cast<std::size_t>(d)]));
  }
  // A block is spanned by the last dimension of the result and by the one that is contiguous in the
  // source, so that the tiles of copy_block() serve both; the others are stepped through.
  std::size_t row = rank;
  for (std::size_t d = 0; d + 1 < rank; ++d) {
    if (row == rank || step[d] < step[row]) row = d;
  }
  std::vector<std::size_t> out_step(rank, 1);
  for (std::size_t d = rank; d-- > 1;) out_step[d - 1] = out_step[d] * extent[d];
  std::vector<std::size_t> at(rank, 0);
  while (true) {
    std::size_t from = 0;
    std::size_t to = 0;
    for (std::size_t d = 0; d < rank; ++d) {
      from += at[d] * step[d];
      to += at[d] * out_step[d];
    }
    const bool has_rows = row < rank;
    copy_block(size, source.data() + from * size, has_rows ? step[row] : 0,
               rank > 0 ? step[rank - 1] : 0, out.data() + to * size, has_rows ? out_step[row] : 0,
               has_rows ? extent[row] : 1, rank > 0 ? extent[rank - 1] : 1);
    std::size_t d = rank;
    while (d-- > 0) {
      if (d == row || d + 1 == rank) continue;
      if (++at[d] < extent[d]) break;
      at[d] = 0;
    }
    if (d == static_cast<std::size_t>(-1)) return;
  }
}

std::vector<Box> boxes_of_range(const Shape& shape, std::uint64_t first, std::uint64_t count) {
  std::vector<Box> boxes;
  const std::size_t rank = shape.size();
  const std::vector<std::uint64_t> strides = strides_of(shape);
  while (count > 0) {
    // The outermost dimension of which whole steps fit: those in front of it are fixed.
    std::size_t d = 0;
    while (d < rank && (first % strides[d] != 0 || count < strides[d])) ++d;
    Box box{Shape(rank, 0), Shape(rank, 1)};
    std::uint64_t rest = first;
    for (std::size_t k = 0; k < rank; ++k) {
      box.start[k] = static_cast<std::int64_t>(rest / strides[k]);
      rest %= strides[k];
      if (k > d) box.count[k] = shape[k];
    }
    std::uint64_t taken = 1;
    if (d < rank) {
      const auto room = static_cast<std::uint64_t>(shape[d] - box.start[d]);
      const std::uint64_t steps = std::min(room, count / strides[d]);
      box.count[d] = static_cast<std::int64_t>(steps);
      taken = steps * strides[d];
    }
    boxes.push_back(std::move(box));
    first += taken;
    count -= taken;
  }
  return boxes;
}

void for_each_run(const Shape& shape, const Box& box,
                  const std::function<void(std::uint64_t, std::uint64_t)>& f) {
  if (elements_in(box.count) == 0) return;
  const std::size_t rank = shape.size();
  const std::vector<std::uint64_t> strides = strides_of(shape);
  // Innermost dimensions that are taken whole are part of the run, and one more.
  std::size_t outer = rank;
  std::uint64_t run = 1;
  while (outer > 0) {
    --outer;
    run *= static_cast<std::uint64_t>(box.count[outer]);
    if (box.count[outer] != shape[outer]) break;
  }
  Shape at(outer, 0);
  while (true) {
    std::uint64_t first = 0;
    for (std::size_t d = 0; d < rank; ++d) {
      first += static_cast<std::uint64_t>(box.start[d] + (d < outer ? at[d] : 0)) * strides[d];
    }
    f(first, run);
    std::size_t d = outer;
    while (d-- > 0) {
      if (++at[d] < box.count[d]) break;
      at[d] = 0;
    }
    if (d == static_cast<std::size_t>(-1)) return;
  }
}

}  // namespace ckpt
