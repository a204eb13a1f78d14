#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/shape.h"

namespace ckpt {

// One way in which a tensor's elements come to lie in a wrong order: element (i0, i1, …) of what is
// there, counted row-major over the tables' sizes, is element tables[0][i0] + tables[1][i1] + … of
// what was. One to one, so that it can be taken back.
struct Arrangement {
  std::vector<std::vector<std::size_t>> tables;
  std::string fault;   // "is transposed"
  std::string remedy;  // "is permuted (1, 0)"
};

// Tells `visit` the mistakes that leave a shape as it is, the simplest first, until it returns
// true: axes permuted, axes reversed, blocks along an axis in another order (`block` is what one is
// called: "gate"), square blocks transposed, the order of a flattened image of one of the shapes
// `images`, a reshape where a permutation was needed.
bool try_arrangements(const Shape& shape, const std::vector<Shape>& images, std::string_view block,
                      const std::function<bool(const Arrangement&)>& visit);

// Is `is` what the arrangement makes of `was`? Elements are `size` bytes. Stops at the first
// element that it is not.
bool explains(const Arrangement& arrangement, std::size_t size, ByteView was, ByteView is);

// What was, put together from what is.
Bytes undone(const Arrangement& arrangement, std::size_t size, ByteView is);

}  // namespace ckpt
