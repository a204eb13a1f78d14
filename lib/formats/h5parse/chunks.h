#pragma once

#include <vector>

#include "formats/h5parse/messages.h"

namespace ckpt::h5parse {

// A chunk that is stored.
struct Chunk {
  std::uint64_t index = 0;  // in row-major order over the chunks that the extents need
  std::uint64_t address = 0;
  std::uint64_t size = 0;     // stored bytes
  std::uint32_t skipped = 0;  // filters that were not used on it, as bits
};

// How a dataset is cut into chunks.
struct ChunkGrid {
  explicit ChunkGrid(const Messages& dataset);

  // The index of the chunk at those chunk coordinates; kUndefined where it is outside of the
  // extents.
  [[nodiscard]] std::uint64_t index_of(const std::vector<std::uint64_t>& at) const;
  // Its coordinates.
  [[nodiscard]] std::vector<std::uint64_t> coordinates_of(std::uint64_t index) const;

  std::vector<std::uint64_t> counts;  // chunks in each dimension
  std::uint64_t total = 0;
  std::uint64_t chunk_bytes = 0;  // of the elements of one chunk
};

// The chunks that are stored, sorted by index. Throws Error(kCorrupt) where a chunk lies outside of
// the file or of the extents, is there twice, or lies on the index that names it.
std::vector<Chunk> read_chunks(const Context& context, const Messages& dataset);

}  // namespace ckpt::h5parse
