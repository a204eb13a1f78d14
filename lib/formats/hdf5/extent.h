#pragma once

#include <cstdint>

namespace ckpt::hdf5 {

// A run of a file's bytes.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;

  friend bool operator==(const Extent&, const Extent&) = default;
};

}  // namespace ckpt::hdf5
