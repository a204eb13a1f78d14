#pragma once

#include <cstdint>
#include <string_view>

#include "core/dtype.h"

namespace ckpt::safetensors {

struct Type {
  std::string_view word;        // "BF16"
  DType dtype = DType::kOther;  // kOther for what this library has no type for
  std::uint64_t bits = 0;       // an element
};

// The type of that word; null where the format has none.
const Type* find_type(std::string_view word);

// The format's word for `dtype`; empty where it has none.
std::string_view dtype_word(DType dtype);

// Where `dtype` stands in the reference's order of types; -1 where it is not among them.
int dtype_rank(DType dtype);

}  // namespace ckpt::safetensors
