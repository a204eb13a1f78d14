#pragma once

#include <cstdint>

namespace ckpt {

// A run of a file's bytes.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

}  // namespace ckpt
