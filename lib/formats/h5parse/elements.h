#pragma once

#include <deque>
#include <unordered_map>
#include <vector>

#include "formats/h5parse/chunks.h"

namespace ckpt::h5parse {

// The elements of one dataset, read in pieces. Keeps its chunks' places and, up to kChunkCacheBytes
// or one chunk, the chunks that were decoded last.
class Elements {
 public:
  // Finds the chunks of the dataset at `address`. Throws Error(kCorrupt) where the storage
  // contradicts the shape.
  Elements(const Context& context, std::uint64_t address);

  [[nodiscard]] std::uint64_t object() const { return dataset_.header.address; }

  // Elements [first, first + count) in row-major order as the file has them. REQUIRES: they are
  // inside the extents, and `out` has count × element size bytes.
  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out);

 private:
  void fill(std::span<std::byte> out) const;
  void read_chunked(std::uint64_t first, std::uint64_t count, std::span<std::byte> out);
  const Bytes* chunk(const Coordinates& at);

  const Context& context_;
  Arena arena_;  // what compact elements and the fill value are views of
  Messages dataset_;
  hdf5::Storage storage_;
  std::size_t element_size_ = 0;
  std::optional<ChunkGrid> grid_;
  std::unordered_map<std::uint64_t, Bytes> decoded_;
  std::deque<std::uint64_t> order_;  // in which they were decoded
  std::uint64_t decoded_bytes_ = 0;
};

}  // namespace ckpt::h5parse
