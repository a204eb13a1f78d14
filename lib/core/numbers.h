#pragma once

#include <cstdint>
#include <span>

#include "core/bytes.h"
#include "core/dtype.h"

namespace ckpt {

// Small floating-point formats, exactly; rounding is to nearest, ties to even, as IEEE 754 asks.
float from_f16(std::uint16_t bits);
float from_bf16(std::uint16_t bits);
float from_f8e4m3(std::uint8_t bits);
float from_f8e5m2(std::uint8_t bits);
std::uint16_t to_f16(float value);
std::uint16_t to_bf16(float value);
// From a double, rounded once. What is too large becomes infinity, and NaN in f8e4m3, which has
// none.
std::uint16_t to_f16(double value);
std::uint16_t to_bf16(double value);
std::uint8_t to_f8e4m3(double value);
std::uint8_t to_f8e5m2(double value);

// Element `i` of little-endian `bytes` as a double: exact for every type but 64-bit integers, which
// round to nearest. A complex element gives its real part.
// REQUIRES: is_numeric(dtype), (i + 1) * size_of(dtype) <= bytes.size().
double element_as_double(DType dtype, ByteView bytes, std::size_t i);

// The first out.size() elements of `bytes` as doubles, as element_as_double() does one.
void decode(DType dtype, ByteView bytes, std::span<double> out);

}  // namespace ckpt
