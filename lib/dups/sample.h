#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dups/shared_reader.h"

namespace ckpt {

// Values of a tensor, taken at places that depend on its shape alone, so that samples of two
// tensors of one shape can be compared element by element.
struct Sample {
  std::vector<double> values;
  bool whole = false;       // are these all values?
  std::uint64_t count = 0;  // of the tensor
};

// At most `most` values: all of them, or runs of 1,024 at equal distances.
// Throws what Reader::read() throws. REQUIRES: a numeric dtype.
Sample sample_of(const SharedReader& reader, std::size_t entry, std::size_t most);

// Are all values of the tensor the same number, to the bit? Streams until one differs.
bool is_constant(const SharedReader& reader, std::size_t entry);

// Do the values, eight or more, rise or fall by equal steps, as positions and counts do? By the
// first thousand.
bool is_ramp(const SharedReader& reader, std::size_t entry);

}  // namespace ckpt
