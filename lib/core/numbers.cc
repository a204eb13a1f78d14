#include "core/numbers.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

namespace ckpt {
namespace {

// A binary float of 1 + exponent_bits + mantissa_bits bits, as a float. Not for formats whose
// all-ones exponent is an ordinary number.
float from_small(std::uint32_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const auto exponent = static_cast<int>(bits >> mantissa_bits & ((1U << exponent_bits) - 1));
  const auto mantissa = static_cast<float>(bits & ((1U << mantissa_bits) - 1));
  const bool negative = (bits >> (exponent_bits + mantissa_bits) & 1U) != 0;
  float magnitude = 0;
  if (exponent == (1 << exponent_bits) - 1) {
    magnitude = mantissa == 0 ? std::numeric_limits<float>::infinity()
                              : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = std::ldexp(mantissa, 1 - bias - mantissa_bits);
  } else {
    magnitude = std::ldexp(mantissa + static_cast<float>(1 << mantissa_bits),
                           exponent - bias - mantissa_bits);
  }
  return negative ? -magnitude : magnitude;
}

// The bits of the nearest number of a small binary float. `end` is the magnitude from which on the
// result is `overflow`: half a step above the largest number.
std::uint32_t to_small(double value, int exponent_bits, int mantissa_bits, double end,
                       std::uint32_t overflow, std::uint32_t nan) {
  const std::uint32_t sign = std::signbit(value) ? 1U << (exponent_bits + mantissa_bits) : 0U;
  if (std::isnan(value)) return sign | nan;
  const double magnitude = std::fabs(value);
  if (magnitude >= end) return sign | overflow;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  // Below 2^(1 - bias) the steps stay as they are: subnormals.
  const int exponent = magnitude == 0 ? 1 - bias : std::max(std::ilogb(magnitude), 1 - bias);
  const double steps = std::nearbyint(std::ldexp(magnitude, mantissa_bits - exponent));
  // A number of steps of 2^(mantissa_bits + 1) carries into the exponent by itself.
  const auto base = static_cast<std::uint32_t>(exponent + bias - 1) << mantissa_bits;
  return sign | (base + static_cast<std::uint32_t>(steps));
}

template <typename T>
T load(ByteView bytes, std::size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

float from_f16(std::uint16_t bits) { return from_small(bits, 5, 10); }

float from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

float from_f8e4m3(std::uint8_t bits) {
  // The all-ones exponent holds numbers up to 448; only 0x7f and 0xff are NaN.
  if ((bits & 0x7fU) == 0x7fU) return std::numeric_limits<float>::quiet_NaN();
  if ((bits & 0x78U) != 0x78U) return from_small(bits, 4, 3);
  const float magnitude = std::ldexp(static_cast<float>(8 + (bits & 7U)), 15 - 7 - 3);
  return (bits & 0x80U) != 0 ? -magnitude : magnitude;
}

float from_f8e5m2(std::uint8_t bits) { return from_small(bits, 5, 2); }

std::uint16_t to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U);   // NaN
  if (magnitude >= 0x477ff000U) return static_cast<std::uint16_t>(sign | 0x7c00U);  // >= 65520
  std::uint32_t rounded = 0;
  if (magnitude < 0x38800000U) {
    // Below 2^-14: a subnormal, a multiple of 2^-24. Adding 0.5 makes the float adder round to it.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    rounded = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5F);
  } else {
    const std::uint32_t odd = magnitude >> 13 & 1U;
    rounded = (magnitude - 0x38000000U + 0xfffU + odd) >> 13;
  }
  return static_cast<std::uint16_t>(sign | rounded);
}

std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) {
    return static_cast<std::uint16_t>(bits >> 16 | 0x40U);  // NaN stays NaN, made quiet
  }
  return static_cast<std::uint16_t>((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
}

std::uint16_t to_f16(double value) {
  return static_cast<std::uint16_t>(to_small(value, 5, 10, 65520.0, 0x7c00U, 0x7e00U));
}

std::uint16_t to_bf16(double value) {
  const double end = std::ldexp(511.0, 128 - 9);  // half a step above 255 * 2^120
  return static_cast<std::uint16_t>(to_small(value, 8, 7, end, 0x7f80U, 0x7fc0U));
}

std::uint8_t to_f8e4m3(double value) {
  // Above the largest, 448, the next step would be 480, whose bits are NaN. 464 lies between, and
  // goes to even, which is 448.
  const double end = std::nextafter(464.0, 512.0);
  return static_cast<std::uint8_t>(to_small(value, 4, 3, end, 0x7fU, 0x7fU));
}

std::uint8_t to_f8e5m2(double value) {
  return static_cast<std::uint8_t>(to_small(value, 5, 2, 61440.0, 0x7cU, 0x7eU));
}

double element_as_double(DType dtype, ByteView bytes, std::size_t i) {
  switch (dtype) {
    case DType::kF16:
      return from_f16(load<std::uint16_t>(bytes, i));
    case DType::kBf16:
      return from_bf16(load<std::uint16_t>(bytes, i));
    case DType::kF32:
      return load<float>(bytes, i);
    case DType::kF64:
      return load<double>(bytes, i);
    case DType::kF8e4m3:
      return from_f8e4m3(load<std::uint8_t>(bytes, i));
    case DType::kF8e5m2:
      return from_f8e5m2(load<std::uint8_t>(bytes, i));
    case DType::kI8:
      return load<std::int8_t>(bytes, i);
    case DType::kI16:
      return load<std::int16_t>(bytes, i);
    case DType::kI32:
      return load<std::int32_t>(bytes, i);
    case DType::kI64:
      return static_cast<double>(load<std::int64_t>(bytes, i));
    case DType::kU8:
      return load<std::uint8_t>(bytes, i);
    case DType::kU16:
      return load<std::uint16_t>(bytes, i);
    case DType::kU32:
      return load<std::uint32_t>(bytes, i);
    case DType::kU64:
      return static_cast<double>(load<std::uint64_t>(bytes, i));
    case DType::kBool:
      return load<std::uint8_t>(bytes, i) != 0 ? 1 : 0;
    case DType::kC64:
      return load<float>(bytes, 2 * i);
    case DType::kC128:
      return load<double>(bytes, 2 * i);
    case DType::kString:
    case DType::kOther:
      break;
  }
  assert(false);
  return 0;
}

void decode(DType dtype, ByteView bytes, std::span<double> out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = element_as_double(dtype, bytes, i);
}

}  // namespace ckpt
