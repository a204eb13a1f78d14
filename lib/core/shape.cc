#include "core/shape.h"

#include <algorithm>
#include <stdexcept>

#include "core/checked.h"
#include "core/text.h"

namespace ckpt {

void Shape::grow(std::size_t least) {
  const std::size_t capacity = std::max(least, std::size_t{2} * capacity_);
  auto* larger = new std::int64_t[capacity];
  std::copy(begin(), end(), larger);
  if (is_large()) delete[] large_;
  large_ = larger;
  capacity_ = static_cast<std::uint32_t>(capacity);
}

std::int64_t Shape::at(std::size_t axis) const {
  if (axis >= size_) throw std::out_of_range("Shape::at");
  return data()[axis];
}

std::optional<std::uint64_t> num_elements(const Shape& shape) {
  if (std::ranges::any_of(shape, [](std::int64_t n) { return n < 0; })) return std::nullopt;
  // A zero anywhere makes the product zero, whatever the other extents are.
  if (std::ranges::find(shape, 0) != shape.end()) return 0;
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) {
    const auto next = checked_mul(product, extent);
    if (!next) return std::nullopt;
    product = *next;
  }
  return static_cast<std::uint64_t>(product);
}

void append_shape(std::string& out, const Shape& shape) {
  out += '[';
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) out += ", ";
    out += Piece(shape[i]).text();
  }
  out += ']';
}

std::string to_string(const Shape& shape) {
  std::string out;
  append_shape(out, shape);
  return out;
}

}  // namespace ckpt
