#include "verify/closeness.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/numbers.h"

namespace ckpt {
namespace {

bool is_float(DType dtype) { return class_of(dtype) == DTypeClass::kFloat; }

// The element's bits as a number whose order is that of the values: neighbours differ by one, and
// the two zeros are one.
std::int64_t rank_of(ByteView bytes, std::size_t i, std::size_t size) {
  std::uint64_t bits = 0;
  for (std::size_t k = size; k-- > 0;) {
    bits = bits << 8U | std::to_integer<std::uint64_t>(bytes[i * size + k]);
  }
  const std::uint64_t sign = std::uint64_t{1} << (8 * size - 1);
  const auto magnitude = static_cast<std::int64_t>(bits & (sign - 1));
  return (bits & sign) != 0 ? -magnitude : magnitude;
}

}  // namespace

Closeness closeness_of(const Reader& a, std::size_t i, const Reader& b, std::size_t j) {
  const DType dtype = a.index().entries[i].dtype;
  const std::size_t size = size_of(dtype);
  Closeness closeness;
  if (is_float(dtype)) closeness.ulps = 0;
  double dot = 0;
  double square_a = 0;
  double square_b = 0;
  Bytes other;
  std::vector<double> x;
  std::vector<double> y;
  for_each_piece(a, i, [&](std::uint64_t offset, ByteView piece) {
    other.resize(piece.size());
    b.read(j, offset / size, other);
    x.resize(piece.size() / size);
    y.resize(x.size());
    decode(dtype, piece, x);
    decode(dtype, other, y);
    for (std::size_t k = 0; k < x.size(); ++k) {
      dot += x[k] * y[k];
      square_a += x[k] * x[k];
      square_b += y[k] * y[k];
      if (!closeness.ulps) continue;
      if (std::isnan(x[k]) || std::isnan(y[k])) {
        if (std::isnan(x[k]) != std::isnan(y[k])) closeness.ulps.reset();
        continue;
      }
      const auto from = static_cast<std::uint64_t>(rank_of(piece, k, size));
      const auto to = static_cast<std::uint64_t>(rank_of(other, k, size));
      const auto gap =
          static_cast<std::int64_t>(to) > static_cast<std::int64_t>(from) ? to - from : from - to;
      closeness.ulps = std::max(*closeness.ulps, gap);
    }
  });
  const double length = std::sqrt(square_a) * std::sqrt(square_b);
  if (length > 0 && std::isfinite(length)) closeness.cosine = dot / length;
  return closeness;
}

}  // namespace ckpt
