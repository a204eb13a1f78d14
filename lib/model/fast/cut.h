#pragma once

#include <cstddef>
#include <cstdint>

namespace ckpt::fast {

// What the time of a product depends on. Its places lie in slices of equally many units, places or
// rows of them; a chunk of work is a block of neighbouring units by a part of the filters.
struct ProductExtents {
  std::int64_t slices = 1;
  std::int64_t units = 1;   // of a slice
  std::int64_t places = 1;  // of a unit
  std::int64_t most = 1;    // units that fit into a block
  std::size_t panels = 1;   // of filters
  std::size_t depth = 1;    // products that are summed up to one output
  std::size_t copied = 0;   // floats that each chunk copies for a unit
  std::size_t shared = 0;   // floats of the input and of the output
  std::size_t tile = 1;     // places whose sums stay in registers
};

struct Cut {
  std::int64_t block = 1;  // units
  std::size_t parts = 1;   // of the filters
};

// The cut with which `threads` are likely to be done first. For one it is the fewest chunks. With
// blocks each thread reads all of the kernel, and of the images what it wrote itself in the layer
// before; with parts a part of the kernel, and what all threads wrote, which is slow. So a large
// image is cut into blocks, a small one with many filters into parts, and what takes no longer than
// to call a thread not at all.
Cut cut_product(const ProductExtents& extents, std::size_t threads);

}  // namespace ckpt::fast
