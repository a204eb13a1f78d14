#pragma once

#include <cstdint>
#include <mutex>
#include <span>

#include "core/bytes.h"
#include "formats/numpy/header.h"

namespace ckpt::numpy {

// Gives the elements of column-major ("Fortran order") arrays in row-major order. A read fills a
// band of up to 32 MiB of the array from one pass over the file, and what is asked next is as a
// rule in it; so a walk over an array reads the file once for each band. Holds one band.
class ColumnMajor {
 public:
  // Elements [first, first + out.size() / element size) of the array `id` with that header.
  // `read_at` reads the whole NumPy file; it is called with rising offsets.
  void read(std::size_t id, const Header& header, const ReadAt& read_at, std::uint64_t first,
            std::span<std::byte> out);

 private:
  void fill(const Header& header, const ReadAt& read_at, std::uint64_t first,
            std::uint64_t elements);

  std::mutex mutex_;  // guards what follows
  std::size_t id_ = 0;
  std::uint64_t first_ = 0;  // element
  Bytes band_;
};

}  // namespace ckpt::numpy
