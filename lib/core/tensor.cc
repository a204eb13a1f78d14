#include "core/tensor.h"

#include <cassert>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"

namespace ckpt {

std::uint64_t tensor_bytes(DType dtype, const Shape& shape) {
  if (!is_numeric(dtype)) {
    throw Error(Errc::kInvalid, cat("a tensor cannot have dtype ", name_of(dtype)));
  }
  const auto elements = num_elements(shape);
  const auto bytes = elements ? checked_mul(static_cast<std::int64_t>(*elements),
                                            static_cast<std::int64_t>(size_of(dtype)))
                              : std::nullopt;
  if (!bytes) {
    throw Error(Errc::kInvalid, cat("shape ", to_string(shape), " of ", name_of(dtype),
                                    " needs more than 2^63 bytes or has a negative extent"));
  }
  return static_cast<std::uint64_t>(*bytes);
}

Tensor make_tensor(Shape shape, std::span<const float> values) {
  assert(num_elements(shape) == values.size());
  const ByteView bytes = std::as_bytes(values);
  return Tensor{DType::kF32, std::move(shape), Bytes(bytes.begin(), bytes.end())};
}

}  // namespace ckpt
