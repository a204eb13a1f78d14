#include "model/array.h"

#include <cassert>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/numbers.h"
#include "core/text.h"
#include "model/graph.h"

namespace ckpt {
namespace {

template <typename T>
void put(Bytes& bytes, std::size_t i, T value) {
  std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
}

// The value as an integer type has it: cut towards zero, kept inside the type's range.
template <typename T>
T cut(double value) {
  if (std::isnan(value)) return T{0};
  constexpr auto kLow = static_cast<double>(std::numeric_limits<T>::min());
  constexpr auto kHigh = static_cast<double>(std::numeric_limits<T>::max());
  if (value <= kLow) return std::numeric_limits<T>::min();
  if (value >= kHigh) return std::numeric_limits<T>::max();
  return static_cast<T>(value);
}

float narrow(double value) { return static_cast<float>(value); }

double rounded(double value, DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kC64:
    case DType::kC128:
    case DType::kString:
    case DType::kOther:
      return value;
    case DType::kF32:
      return static_cast<double>(narrow(value));
    case DType::kF16:
      return static_cast<double>(from_f16(to_f16(narrow(value))));
    case DType::kBf16:
      return static_cast<double>(from_bf16(to_bf16(narrow(value))));
    case DType::kF8e4m3:
    case DType::kF8e5m2:
      throw Error(Errc::kUnsupported, cat("arithmetic in ", name_of(dtype), " is not supported"));
    case DType::kI8:
      return static_cast<double>(cut<std::int8_t>(value));
    case DType::kI16:
      return static_cast<double>(cut<std::int16_t>(value));
    case DType::kI32:
      return static_cast<double>(cut<std::int32_t>(value));
    case DType::kI64:
    case DType::kU64:
      return std::trunc(value);
    case DType::kU8:
      return static_cast<double>(cut<std::uint8_t>(value));
    case DType::kU16:
      return static_cast<double>(cut<std::uint16_t>(value));
    case DType::kU32:
      return static_cast<double>(cut<std::uint32_t>(value));
    case DType::kBool:
      return value != 0 ? 1 : 0;
  }
  return value;
}

}  // namespace

std::size_t elements_of(const Shape& shape) {
  const auto count = num_elements(shape);
  if (!count || *count > kMaxActivation) {
    throw Error(Errc::kInvalid, cat("a tensor of shape ", describe(shape), " is too large"));
  }
  return static_cast<std::size_t>(*count);
}

Array make_array(DType dtype, Shape shape) {
  const std::size_t count = elements_of(shape);
  return {dtype, std::move(shape), std::vector<double>(count)};
}

Array make_array(DType dtype, Shape shape, std::vector<double> values) {
  assert(elements_of(shape) == values.size());
  return {dtype, std::move(shape), std::move(values)};
}

void round(Array& array, DType dtype) {
  array.dtype = dtype;
  if (dtype == DType::kF64) return;
  for (double& value : array.values) value = rounded(value, dtype);
}

Array from_tensor(const Tensor& tensor) {
  Array array = make_array(tensor.dtype, tensor.shape);
  decode(tensor.dtype, tensor.bytes, array.values);
  return array;
}

Tensor to_tensor(const Array& array) {
  Tensor tensor{array.dtype, array.shape, {}};
  tensor.bytes.resize(static_cast<std::size_t>(tensor_bytes(array.dtype, array.shape)));
  for (std::size_t i = 0; i < array.values.size(); ++i) {
    const double value = array.values[i];
    Bytes& bytes = tensor.bytes;
    switch (array.dtype) {
      case DType::kF16:
        put(bytes, i, to_f16(narrow(value)));
        break;
      case DType::kBf16:
        put(bytes, i, to_bf16(narrow(value)));
        break;
      case DType::kF32:
        put(bytes, i, narrow(value));
        break;
      case DType::kF64:
        put(bytes, i, value);
        break;
      case DType::kF8e4m3:
      case DType::kF8e5m2:
      case DType::kC64:
      case DType::kC128:
      case DType::kString:
      case DType::kOther:
        throw Error(Errc::kUnsupported,
                    cat("values of ", name_of(array.dtype), " are not computed with"));
      case DType::kI8:
        put(bytes, i, cut<std::int8_t>(value));
        break;
      case DType::kI16:
        put(bytes, i, cut<std::int16_t>(value));
        break;
      case DType::kI32:
        put(bytes, i, cut<std::int32_t>(value));
        break;
      case DType::kI64:
        put(bytes, i, cut<std::int64_t>(value));
        break;
      case DType::kU8:
        put(bytes, i, cut<std::uint8_t>(value));
        break;
      case DType::kU16:
        put(bytes, i, cut<std::uint16_t>(value));
        break;
      case DType::kU32:
        put(bytes, i, cut<std::uint32_t>(value));
        break;
      case DType::kU64:
        put(bytes, i, cut<std::uint64_t>(value));
        break;
      case DType::kBool:
        put(bytes, i, static_cast<std::uint8_t>(value != 0 ? 1 : 0));
        break;
    }
  }
  return tensor;
}

Array reshaped(Array array, Shape shape) {
  assert(elements_of(shape) == array.values.size());
  array.shape = std::move(shape);
  return array;
}

Array permuted(const Array& array, const std::vector<std::int64_t>& axes) {
  const std::size_t rank = array.shape.size();
  assert(axes.size() == rank);
  std::vector<std::size_t> stride(rank, 1);  // of the source's axes
  for (std::size_t a = rank; a-- > 1;) {
    stride[a - 1] = stride[a] * static_cast<std::size_t>(array.shape[a]);
  }
  Array out{array.dtype, Shape(rank), std::vector<double>(array.values.size())};
  std::vector<std::size_t> step(rank);
  for (std::size_t a = 0; a < rank; ++a) {
    const auto from = static_cast<std::size_t>(axes[a]);
    out.shape[a] = array.shape[from];
    step[a] = stride[from];
  }
  Shape index(rank);
  std::size_t at = 0;
  for (double& value : out.values) {
    value = array.values[at];
    for (std::size_t a = rank; a-- > 0;) {
      at += step[a];
      if (++index[a] < out.shape[a]) break;
      at -= step[a] * static_cast<std::size_t>(out.shape[a]);
      index[a] = 0;
    }
  }
  return out;
}

AxisView view_axis(const Shape& shape, std::size_t axis) {
  AxisView view;
  for (std::size_t a = 0; a < shape.size(); ++a) {
    const auto extent = static_cast<std::size_t>(shape[a]);
    if (a < axis) {
      view.outer *= extent;
    } else if (a > axis) {
      view.inner *= extent;
    } else {
      view.extent = extent;
    }
  }
  return view;
}

Array reversed(const Array& array, std::size_t axis) {
  Array out = array;
  const auto [outer, extent, inner] = view_axis(array.shape, axis);
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t e = 0; e < extent; ++e) {
      for (std::size_t i = 0; i < inner; ++i) {
        out.values[(o * extent + e) * inner + i] =
            array.values[(o * extent + (extent - 1 - e)) * inner + i];
      }
    }
  }
  return out;
}

}  // namespace ckpt
