#include "remap/cast.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/error.h"
#include "core/numbers.h"
#include "core/text.h"

namespace ckpt {
namespace {

template <typename T>
T load(ByteView bytes, std::size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void store(std::span<std::byte> bytes, std::size_t i, T value) {
  std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
}

// An integer as a double that rounds to a smaller float as the integer itself would: where it does
// not fit 53 bits, the last of them is set if any bit is lost ("round to odd").
template <typename Integer>
double to_odd_double(Integer value) {
  const auto magnitude = value < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(value)
                                   : static_cast<std::uint64_t>(value);
  constexpr std::uint64_t kLost = (std::uint64_t{1} << 11) - 1;
  std::uint64_t kept = magnitude;
  if (magnitude >> 53 != 0 && (magnitude & kLost) != 0) kept = (magnitude & ~kLost) | (kLost + 1);
  const auto out = static_cast<double>(kept);
  return value < 0 ? -out : out;
}

// The nearest integer of the type, ties to even.
template <typename Integer>
Integer to_integer(double value) {
  if (std::isnan(value)) return 0;
  const double rounded = std::nearbyint(value);
  // 2^bits is exact as a double, the type's last value may not be.
  const double end = std::ldexp(1.0, std::numeric_limits<Integer>::digits);
  if (rounded >= end) return std::numeric_limits<Integer>::max();
  const double begin = std::is_signed_v<Integer> ? -end : 0.0;
  if (rounded <= begin) return std::numeric_limits<Integer>::min();
  return static_cast<Integer>(rounded);
}

template <typename To, typename From>
To saturated(From value) {
  if (std::in_range<To>(value)) return static_cast<To>(value);
  return value < 0 ? std::numeric_limits<To>::min() : std::numeric_limits<To>::max();
}

template <typename T>
struct Tag {
  using Type = T;
};

// Calls `f` with the C++ type of an integer dtype.
template <typename F>
void with_integer(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kI8:
      return f(Tag<std::int8_t>{});
    case DType::kI16:
      return f(Tag<std::int16_t>{});
    case DType::kI32:
      return f(Tag<std::int32_t>{});
    case DType::kI64:
      return f(Tag<std::int64_t>{});
    case DType::kU8:
      return f(Tag<std::uint8_t>{});
    case DType::kU16:
      return f(Tag<std::uint16_t>{});
    case DType::kU32:
      return f(Tag<std::uint32_t>{});
    case DType::kU64:
      return f(Tag<std::uint64_t>{});
    case DType::kBool:
    case DType::kF16:
    case DType::kBf16:
    case DType::kF32:
    case DType::kF64:
    case DType::kF8e4m3:
    case DType::kF8e5m2:
    case DType::kC64:
    case DType::kC128:
    case DType::kString:
    case DType::kOther:
      break;
  }
}

bool is_integer(DType dtype) {
  return class_of(dtype) == DTypeClass::kSigned || class_of(dtype) == DTypeClass::kUnsigned;
}

void store_double(DType dtype, std::span<std::byte> out, std::size_t i, double value) {
  switch (dtype) {
    case DType::kF16:
      return store(out, i, to_f16(value));
    case DType::kBf16:
      return store(out, i, to_bf16(value));
    case DType::kF32:
      return store(out, i, static_cast<float>(value));
    case DType::kF64:
      return store(out, i, value);
    case DType::kF8e4m3:
      return store(out, i, to_f8e4m3(value));
    case DType::kF8e5m2:
      return store(out, i, to_f8e5m2(value));
    case DType::kC64:
      store(out, 2 * i, static_cast<float>(value));
      return store(out, 2 * i + 1, 0.0F);
    case DType::kC128:
      store(out, 2 * i, value);
      return store(out, 2 * i + 1, 0.0);
    case DType::kBool:
      return store(out, i, static_cast<std::uint8_t>(value != 0 ? 1 : 0));
    case DType::kI8:
    case DType::kI16:
    case DType::kI32:
    case DType::kI64:
    case DType::kU8:
    case DType::kU16:
    case DType::kU32:
    case DType::kU64:
      return with_integer(
          dtype, [&](auto tag) { store(out, i, to_integer<typename decltype(tag)::Type>(value)); });
    case DType::kString:
    case DType::kOther:
      break;
  }
}

void cast_integers(DType from, ByteView elements, DType to, std::span<std::byte> out,
                   std::size_t count) {
  with_integer(from, [&](auto from_tag) {
    using From = typename decltype(from_tag)::Type;
    if (!is_integer(to)) {
      for (std::size_t i = 0; i < count; ++i) {
        const From value = load<From>(elements, i);
        // To f64 the processor rounds once by itself.
        const bool is_wide = size_of(to) >= 8;
        store_double(to, out, i, is_wide ? static_cast<double>(value) : to_odd_double(value));
      }
      return;
    }
    with_integer(to, [&](auto to_tag) {
      using To = typename decltype(to_tag)::Type;
      for (std::size_t i = 0; i < count; ++i) {
        store(out, i, saturated<To>(load<From>(elements, i)));
      }
    });
  });
}

void cast_complex(DType from, ByteView elements, std::span<std::byte> out, std::size_t count) {
  for (std::size_t i = 0; i < 2 * count; ++i) {
    if (from == DType::kC64) {
      store(out, i, static_cast<double>(load<float>(elements, i)));
    } else {
      store(out, i, static_cast<float>(load<double>(elements, i)));
    }
  }
}

// What a real type holds exactly: integers of `bits` bits (beside the sign), or floats of `bits`
// bits of precision between 2^lowest (the last bit of a subnormal) and 2^highest.
struct Range {
  bool is_float;
  bool is_signed;
  int bits;
  int lowest;
  int highest;
  bool has_infinity;
};

Range range_of(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return {true, true, 11, -24, 16, true};
    case DType::kBf16:
      return {true, true, 8, -133, 128, true};
    case DType::kF32:
    case DType::kC64:
      return {true, true, 24, -149, 128, true};
    case DType::kF64:
    case DType::kC128:
      return {true, true, 53, -1074, 1024, true};
    case DType::kF8e4m3:
      return {true, true, 4, -9, 9, false};
    case DType::kF8e5m2:
      return {true, true, 3, -16, 16, true};
    case DType::kBool:
      return {false, false, 1, 0, 1, false};
    case DType::kI8:
    case DType::kI16:
    case DType::kI32:
    case DType::kI64:
      return {false, true, static_cast<int>(size_of(dtype)) * 8 - 1, 0, 0, false};
    case DType::kU8:
    case DType::kU16:
    case DType::kU32:
    case DType::kU64:
      return {false, false, static_cast<int>(size_of(dtype)) * 8, 0, 0, false};
    case DType::kString:
    case DType::kOther:
      break;
  }
  return {false, false, 0, 0, 0, false};
}

}  // namespace

void cast_elements(DType from, ByteView elements, DType to, std::span<std::byte> out) {
  const std::size_t count = elements.size() / size_of(from);
  if (from == to) {
    std::memcpy(out.data(), elements.data(), elements.size());
  } else if (is_integer(from)) {
    cast_integers(from, elements, to, out, count);
  } else if (class_of(from) == DTypeClass::kComplex && class_of(to) == DTypeClass::kComplex) {
    cast_complex(from, elements, out, count);
  } else {
    for (std::size_t i = 0; i < count; ++i) {
      store_double(to, out, i, element_as_double(from, elements, i));
    }
  }
}

Tensor cast(const Tensor& tensor, DType to) {
  Tensor out{to, tensor.shape, Bytes(tensor_bytes(to, tensor.shape))};
  if (class_of(tensor.dtype) == DTypeClass::kComplex && class_of(to) != DTypeClass::kComplex) {
    throw Error(Errc::kInvalid, cat("cast(", name_of(to), ") would drop the imaginary part of ",
                                    name_of(tensor.dtype)));
  }
  cast_elements(tensor.dtype, tensor.bytes, to, out.bytes);
  return out;
}

bool is_lossless_cast(DType from, DType to) {
  if (from == to) return true;
  if (!is_numeric(from) || !is_numeric(to) || to == DType::kBool) return false;
  if ((class_of(from) == DTypeClass::kComplex) != (class_of(to) == DTypeClass::kComplex)) {
    return false;
  }
  const Range a = range_of(from);
  const Range b = range_of(to);
  if (a.is_float) {
    return b.is_float && a.bits <= b.bits && a.lowest >= b.lowest && a.highest <= b.highest &&
           (!a.has_infinity || b.has_infinity);
  }
  if (b.is_float) return a.bits <= b.bits && a.bits < b.highest;
  return a.bits <= b.bits && (!a.is_signed || b.is_signed);
}

std::uint64_t count_cast_losses(const Tensor& tensor, DType to) {
  const Tensor back = cast(cast(tensor, to), tensor.dtype);
  const std::size_t size = size_of(tensor.dtype);
  std::uint64_t losses = 0;
  for (std::size_t i = 0; i * size < tensor.bytes.size(); ++i) {
    if (std::memcmp(tensor.bytes.data() + i * size, back.bytes.data() + i * size, size) == 0)
      continue;
    // A NaN that is still one has lost nothing that counts.
    const bool was_nan = std::isnan(element_as_double(tensor.dtype, tensor.bytes, i));
    if (!was_nan || !std::isnan(element_as_double(tensor.dtype, back.bytes, i))) ++losses;
  }
  return losses;
}

}  // namespace ckpt
