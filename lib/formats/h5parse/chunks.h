#pragma once

#include <vector>

#include "formats/h5parse/messages.h"

namespace ckpt::h5parse {

using Coordinates = std::vector<std::uint64_t>;

// The number of a place in a box of those extents, in row-major order, and the way back; there the
// first dimension takes all that is left.
std::uint64_t ravel(const Coordinates& at, const Coordinates& extents);
Coordinates unravel(std::uint64_t number, const Coordinates& extents);

// How a dataset is cut into chunks.
struct ChunkGrid {
  explicit ChunkGrid(const Messages& dataset);

  // The index of the chunk at those chunk coordinates; kUndefined where it is outside of the
  // extents.
  [[nodiscard]] std::uint64_t index_of(const Coordinates& at) const;

  Coordinates counts;  // chunks in each dimension
  std::uint64_t total = 0;
  std::uint64_t chunk_bytes = 0;  // of the elements of one chunk
};

// The chunks that are stored, sorted by index. Throws Error(kCorrupt) where a chunk lies outside of
// the file or of the extents, is there twice, or lies on the index that names it.
std::vector<hdf5::Storage::Chunk> read_chunks(const Context& context, const Messages& dataset);

}  // namespace ckpt::h5parse
