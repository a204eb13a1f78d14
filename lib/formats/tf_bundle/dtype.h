#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/dtype.h"

namespace ckpt::tf {

// TensorFlow's number for strings, the one type whose tensors this library looks into.
inline constexpr std::int32_t kStringType = 7;

// A row of TensorFlow's table of types (framework/types.proto).
struct Type {
  std::int32_t number = 0;
  std::string_view name;  // TensorFlow's
  DType dtype = DType::kOther;
  std::uint32_t size = 0;  // bytes an element; 0 where elements have no fixed size
};

// The type of that number, or null where there is none.
const Type* find_type(std::int32_t number);

// The number TensorFlow has for `dtype`. REQUIRES: is_numeric(dtype).
std::int32_t type_number(DType dtype);

}  // namespace ckpt::tf
