#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/bytes.h"
#include "core/shape.h"

namespace ckpt::torch {

// Small pieces of large storages, through pages that are kept: a transposed matrix is read with a
// bounded number of reads, in 32 MiB of memory.
class PageCache {
 public:
  // Reads bytes [offset, offset + out.size()) of a storage.
  using ReadFunction =
      std::function<void(std::size_t storage, std::uint64_t offset, std::span<std::byte> out)>;

  explicit PageCache(ReadFunction read) : read_(std::move(read)) {}

  // Fills `out` from `offset` of a storage of `size` bytes. Pieces of a page or more are read as
  // they are. REQUIRES: the range lies inside.
  void fetch(std::size_t storage, std::uint64_t size, std::uint64_t offset,
             std::span<std::byte> out);

 private:
  struct Page {
    std::size_t storage = ~std::size_t{0};
    std::uint64_t number = 0;
    Bytes bytes;
  };

  ReadFunction read_;
  std::vector<Page> pages_;
};

// Elements [first, first + out.size() / element_size) in row-major order of the view of that shape
// and stride (in elements) which begins at element `offset` of a storage of `size` bytes.
void gather(PageCache& cache, std::size_t storage, std::uint64_t size, std::uint32_t element_size,
            const Shape& shape, const std::vector<std::int64_t>& stride, std::int64_t offset,
            std::uint64_t first, std::span<std::byte> out);

// Do the elements lie in row-major order without gaps?
bool is_contiguous(std::span<const std::int64_t> shape, std::span<const std::int64_t> stride);

}  // namespace ckpt::torch
