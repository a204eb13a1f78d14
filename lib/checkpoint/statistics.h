#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "checkpoint/reader.h"

namespace ckpt {

// What the values of a tensor look like. Of a complex tensor: of its real parts.
struct Statistics {
  std::uint64_t count = 0;
  std::uint64_t nan = 0;
  std::uint64_t infinite = 0;  // of either sign
  std::uint64_t zeros = 0;
  // Of the finite values; all 0 where there is none. The deviation of values near the largest
  // double is infinite, since their squares are.
  double min = 0;
  double max = 0;
  double mean = 0;
  double deviation = 0;                  // of the population: the root of the mean squared distance
  std::vector<std::uint64_t> histogram;  // finite values in equal bins from min to max, both in
};

// Streams the tensor twice: sums first, bins second. `observe`, where given, sees each piece as it
// passes, with the number of the pass (0, 1): for a digest, for a progress bar. Throws what
// Reader::read() throws. REQUIRES: bins >= 1.
using PieceObserver = std::function<void(int pass, ByteView piece)>;
Statistics statistics_of(const Reader& reader, std::size_t i, std::size_t bins,
                         const PieceObserver& observe = {});

}  // namespace ckpt
