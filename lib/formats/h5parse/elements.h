#pragma once

#include <deque>
#include <unordered_map>
#include <vector>

#include "formats/h5parse/chunks.h"

namespace ckpt::h5parse {

// Where a dataset's elements are, once all that its messages say makes sense: there is a dataspace,
// a datatype and a layout, data is as long as the shape needs and inside the file, the fill value
// is an element, the chunk index is whole. Throws Error(kCorrupt) otherwise.
hdf5::Storage read_storage(const Context& context, const Messages& dataset);

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
  Messages dataset_;
  hdf5::Storage storage_;
  std::size_t element_size_ = 0;
  std::optional<ChunkGrid> grid_;
  std::unordered_map<std::uint64_t, Bytes> decoded_;
  std::deque<std::uint64_t> order_;  // in which they were decoded
};

}  // namespace ckpt::h5parse
