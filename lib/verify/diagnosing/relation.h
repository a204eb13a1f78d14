#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace ckpt {

// What became of a tensor, as far as its values tell, and how it is mended.
struct Relation {
  std::string fault;     // behind the variable's name: "is transposed"
  std::string remedy;    // behind "once it": "is permuted (1, 0)"
  Tensor mended;         // what is, after the remedy
  bool is_known = true;  // false: the values differ in no way that is known here
};

// The first of the known mistakes that explains `is` by `was`: elements in another order (bit for
// bit; `images` and `block` as try_arrangements() has them), all values through one function (to
// the rounding of their type), rounded to a smaller type, constant. REQUIRES: the same dtype and
// shape, and bytes that differ.
Relation relation_of(const Tensor& was, const Tensor& is, const std::vector<Shape>& images,
                     std::string_view block);

}  // namespace ckpt
