#include "scope/initial_values.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/numbers.h"
#include "core/text.h"

namespace ckpt {
namespace {

template <typename T>
void store(Tensor& tensor, std::uint64_t i, T value) {
  std::memcpy(tensor.bytes.data() + i * sizeof(T), &value, sizeof(T));
}

bool is_generated(DType dtype) {
  return dtype == DType::kF16 || dtype == DType::kBf16 || dtype == DType::kF32 ||
         dtype == DType::kF64;
}

Tensor make_float_tensor(const Shape& shape, DType dtype) {
  if (!is_generated(dtype)) {
    throw Error(Errc::kInvalid,
                cat("its initializer makes f16, bf16, f32 and f64, not ", name_of(dtype)));
  }
  return {dtype, shape, Bytes(tensor_bytes(dtype, shape))};
}

[[noreturn]] void throw_unfit(DType dtype, double value) {
  throw Error(Errc::kInvalid, cat(name_of(dtype), " cannot hold the constant ", value));
}

// The bytes of one element that is `value`.
template <typename T>
Bytes integer_element(DType dtype, double value) {
  // 2^digits is the first number above T's; it is exact, where max() would be rounded.
  const double end = std::ldexp(1.0, std::numeric_limits<T>::digits);
  const double begin = std::numeric_limits<T>::is_signed ? -end : 0.0;
  if (!(value >= begin && value < end) || value != std::trunc(value)) throw_unfit(dtype, value);
  Tensor one{dtype, {}, Bytes(sizeof(T))};
  store(one, 0, static_cast<T>(value));
  return one.bytes;
}

Bytes element_of(DType dtype, double value) {
  Tensor one{dtype, {}, Bytes(tensor_bytes(dtype, {}))};
  switch (dtype) {
    case DType::kF16:
    case DType::kBf16:
    case DType::kF32:
    case DType::kF64:
      store_float(one, 0, value);
      break;
    case DType::kC64:
      store(one, 0, static_cast<float>(value));
      break;
    case DType::kC128:
      store(one, 0, value);
      break;
    case DType::kI8:
      return integer_element<std::int8_t>(dtype, value);
    case DType::kI16:
      return integer_element<std::int16_t>(dtype, value);
    case DType::kI32:
      return integer_element<std::int32_t>(dtype, value);
    case DType::kI64:
      return integer_element<std::int64_t>(dtype, value);
    case DType::kU8:
      return integer_element<std::uint8_t>(dtype, value);
    case DType::kU16:
      return integer_element<std::uint16_t>(dtype, value);
    case DType::kU32:
      return integer_element<std::uint32_t>(dtype, value);
    case DType::kU64:
      return integer_element<std::uint64_t>(dtype, value);
    case DType::kBool:
      if (value != 0 && value != 1) throw_unfit(dtype, value);
      store(one, 0, static_cast<std::uint8_t>(value));
      break;
    case DType::kF8e4m3:  // 1 is exponent 7 of bias 7, fraction 0
    case DType::kF8e5m2:  // 1 is exponent 15 of bias 15, fraction 0
      if (value != 0 && value != 1) throw_unfit(dtype, value);
      if (value == 1) store(one, 0, std::uint8_t(dtype == DType::kF8e4m3 ? 0x38 : 0x3C));
      break;
    case DType::kString:
    case DType::kOther:
      break;  // tensor_bytes() has thrown
  }
  return one.bytes;
}

}  // namespace

void store_float(Tensor& tensor, std::uint64_t i, double value) {
  assert(is_generated(tensor.dtype));
  if (tensor.dtype == DType::kF64) return store(tensor, i, value);
  const auto single = static_cast<float>(value);
  if (tensor.dtype == DType::kF32) return store(tensor, i, single);
  store(tensor, i, tensor.dtype == DType::kF16 ? to_f16(single) : to_bf16(single));
}

Tensor generate(const Shape& shape, DType dtype,
                const std::function<double(std::uint64_t)>& element) {
  Tensor tensor = make_float_tensor(shape, dtype);
  const std::uint64_t count = tensor.bytes.size() / size_of(dtype);
  for (std::uint64_t i = 0; i < count; ++i) store_float(tensor, i, element(i));
  return tensor;
}

Tensor fill_with(const Shape& shape, DType dtype, double value) {
  Tensor tensor{dtype, shape, Bytes(tensor_bytes(dtype, shape))};
  const Bytes element = element_of(dtype, value);
  for (std::size_t at = 0; at < tensor.bytes.size(); at += element.size()) {
    std::ranges::copy(element, tensor.bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return tensor;
}

void orthonormalize(std::span<double> matrix, std::size_t rows, std::size_t columns) {
  assert(rows >= columns && matrix.size() == rows * columns);
  // Columns are worked on as rows of the transpose, where they are contiguous.
  std::vector<double> work(matrix.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) work[j * rows + i] = matrix[i * columns + j];
  }
  const auto column = [&](std::size_t j) { return std::span(work).subspan(j * rows, rows); };
  const auto dot = [](std::span<const double> a, std::span<const double> b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
  for (std::size_t j = 0; j < columns; ++j) {
    const std::span<double> a = column(j);
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t k = 0; k < j; ++k) {
        const std::span<const double> q = column(k);
        const double along = dot(a, q);
        for (std::size_t i = 0; i < rows; ++i) a[i] -= along * q[i];
      }
    }
    const double length = std::sqrt(dot(a, a));
    for (double& x : a) x /= length;
  }
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) matrix[i * columns + j] = work[j * rows + i];
  }
}

Tensor orthogonal_matrix(const Shape& shape, DType dtype, double gain, const RandomStream& stream) {
  if (shape.size() < 2) {
    throw Error(Errc::kInvalid, cat("an orthogonal matrix needs a shape of at least two axes, not ",
                                    to_string(shape)));
  }
  Tensor tensor = make_float_tensor(shape, dtype);
  if (tensor.bytes.empty()) return tensor;
  const auto columns = static_cast<std::size_t>(shape.back());
  const std::size_t elements = tensor.bytes.size() / size_of(dtype);
  const std::size_t rows = elements / columns;
  const bool wide = rows < columns;
  const std::size_t longer = std::max(rows, columns);
  const std::size_t shorter = std::min(rows, columns);
  std::vector<double> matrix(elements);  // longer × shorter
  for (std::size_t i = 0; i < elements; ++i) matrix[i] = stream.normal(i);
  orthonormalize(matrix, longer, shorter);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const double x = wide ? matrix[j * shorter + i] : matrix[i * shorter + j];
      store_float(tensor, i * columns + j, gain * x);
    }
  }
  return tensor;
}

Tensor identity_matrix(const Shape& shape, DType dtype, double gain) {
  if (shape.size() != 2) {
    throw Error(Errc::kInvalid,
                cat("an identity matrix needs a shape of two axes, not ", to_string(shape)));
  }
  const auto columns = static_cast<std::uint64_t>(std::max<std::int64_t>(shape[1], 1));
  return generate(shape, dtype,
                  [&](std::uint64_t i) { return i / columns == i % columns ? gain : 0.0; });
}

}  // namespace ckpt
