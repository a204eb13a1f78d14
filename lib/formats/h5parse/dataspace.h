#pragma once

#include <cstdint>
#include <vector>

#include "formats/h5parse/view.h"

namespace ckpt::h5parse {

// That many times the product of the extents: 0 where one is 0, kUndefined where it does not fit 63
// bits. REQUIRES: times > 0.
std::uint64_t product(std::uint64_t times, const std::vector<std::uint64_t>& extents);

// The extents of a dataset or an attribute (section IV.A.2.b).
struct Dataspace {
  bool is_null = false;
  std::vector<std::uint64_t> extents;  // none: a scalar
  std::vector<std::uint64_t> most;  // what they may grow to, kUndefined for any; none: not at all

  // How many elements, or their bytes; kUndefined where that does not fit 63 bits.
  [[nodiscard]] std::uint64_t elements() const { return bytes(1); }
  [[nodiscard]] std::uint64_t bytes(std::uint64_t element_size) const {
    return is_null ? 0 : product(element_size, extents);
  }
};

Dataspace read_dataspace(View body);

}  // namespace ckpt::h5parse
