#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ckpt {

// The extents of a tensor, outermost first (row-major). A scalar has none.
using Shape = std::vector<std::int64_t>;

// The number of elements: 1 for a scalar. Empty where an extent is negative or the product does not
// fit 63 bits.
std::optional<std::uint64_t> num_elements(const Shape& shape);

// "[3, 3, 1, 16]", "[]"; the same behind what `out` has.
std::string to_string(const Shape& shape);
void append_shape(std::string& out, const Shape& shape);

}  // namespace ckpt
