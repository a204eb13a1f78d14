#pragma once

#include <cstdint>
#include <string_view>

#include "core/dtype.h"

namespace ckpt::gguf {

// A type of tensor. Quantised ones are opaque: blocks of several elements in some bytes.
struct Type {
  std::uint32_t id = 0;
  std::string_view name;  // "Q4_K"
  DType dtype = DType::kOther;
  std::uint32_t block_elements = 1;
  std::uint32_t block_bytes = 0;
};

// The type of that number in a file; null where this library does not know it.
const Type* find_type(std::uint32_t id);

}  // namespace ckpt::gguf
