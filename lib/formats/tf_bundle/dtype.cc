#include "formats/tf_bundle/dtype.h"

#include <algorithm>
#include <array>

namespace ckpt::tf {
namespace {

// In the order of numbers. Quantised integers come with their range in other variables, so their
// own values are plain integers. Of the types from 26 on, no value has been seen in a file.
constexpr std::array kTypes{
    Type{1, "float", DType::kF32, 4},
    Type{2, "double", DType::kF64, 8},
    Type{3, "int32", DType::kI32, 4},
    Type{4, "uint8", DType::kU8, 1},
    Type{5, "int16", DType::kI16, 2},
    Type{6, "int8", DType::kI8, 1},
    Type{kStringType, "string", DType::kString, 0},
    Type{8, "complex64", DType::kC64, 8},
    Type{9, "int64", DType::kI64, 8},
    Type{10, "bool", DType::kBool, 1},
    Type{11, "qint8", DType::kI8, 1},
    Type{12, "quint8", DType::kU8, 1},
    Type{13, "qint32", DType::kI32, 4},
    Type{14, "bfloat16", DType::kBf16, 2},
    Type{15, "qint16", DType::kI16, 2},
    Type{16, "quint16", DType::kU16, 2},
    Type{17, "uint16", DType::kU16, 2},
    Type{18, "complex128", DType::kC128, 16},
    Type{19, "half", DType::kF16, 2},
    Type{20, "resource", DType::kOther, 0},
    Type{21, "variant", DType::kOther, 0},
    Type{22, "uint32", DType::kU32, 4},
    Type{23, "uint64", DType::kU64, 8},
    Type{24, "float8_e5m2", DType::kF8e5m2, 1},
    Type{25, "float8_e4m3fn", DType::kF8e4m3, 1},
    Type{26, "float8_e4m3fnuz", DType::kOther, 1},
    Type{27, "float8_e4m3b11fnuz", DType::kOther, 1},
    Type{28, "float8_e5m2fnuz", DType::kOther, 1},
    Type{29, "int4", DType::kOther, 1},
    Type{30, "uint4", DType::kOther, 1},
    Type{31, "int2", DType::kOther, 1},
    Type{32, "uint2", DType::kOther, 1},
};

}  // namespace

const Type* find_type(std::int32_t number) {
  const auto it = std::ranges::find(kTypes, number, &Type::number);
  return it == kTypes.end() ? nullptr : &*it;
}

std::int32_t type_number(DType dtype) {
  // The plain type of a size comes before its quantised twin, but for uint16.
  if (dtype == DType::kU16) return 17;
  return std::ranges::find(kTypes, dtype, &Type::dtype)->number;
}

}  // namespace ckpt::tf
