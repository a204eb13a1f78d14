#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ckpt {

// The type of a tensor's elements. Bytes in memory are always little-endian.
enum class DType : std::uint8_t {
  kF16,
  kBf16,
  kF32,
  kF64,
  kF8e4m3,  // 1-4-3, bias 7, no infinities, one NaN pattern (OCP's E4M3, "e4m3fn" elsewhere)
  kF8e5m2,  // 1-5-2, bias 15, IEEE-like
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kU16,
  kU32,
  kU64,
  kBool,    // one byte, 0 or 1
  kC64,     // two f32: real, imaginary
  kC128,    // two f64
  kString,  // text of fixed or variable length: listed and kept, never a tensor
  kOther,   // anything else a container can hold: listed and kept, never a tensor
};
inline constexpr int kDTypeCount = 19;

enum class DTypeClass : std::uint8_t { kFloat, kSigned, kUnsigned, kBool, kComplex, kNone };

// "f32", "i64", "bool", "string", "other": the names of the command and of JSON.
std::string_view name_of(DType dtype);

// Bytes an element; 0 for kString and kOther.
std::uint32_t size_of(DType dtype);

DTypeClass class_of(DType dtype);

// Can a tensor have this type? All but kString and kOther.
inline bool is_numeric(DType dtype) { return class_of(dtype) != DTypeClass::kNone; }

// The type of that name, by name_of()'s names or NumPy's and TensorFlow's ("float32", "bfloat16").
std::optional<DType> parse_dtype(std::string_view name);

}  // namespace ckpt
