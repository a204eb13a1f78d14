#include "formats/safetensors/dtypes.h"

#include <array>

namespace ckpt::safetensors {
namespace {

// In the order of the reference's `enum Dtype`, which is "increasing alignment": its writer puts
// the largest first.
constexpr std::array kTypes{
    Type{"BOOL", DType::kBool, 8},
    Type{"F4", DType::kOther, 4},
    Type{"F6_E2M3", DType::kOther, 6},
    Type{"F6_E3M2", DType::kOther, 6},
    Type{"U8", DType::kU8, 8},
    Type{"I8", DType::kI8, 8},
    Type{"F8_E5M2", DType::kF8e5m2, 8},
    Type{"F8_E4M3", DType::kF8e4m3, 8},
    Type{"F8_E8M0", DType::kOther, 8},
    Type{"F8_E4M3FNUZ", DType::kOther, 8},
    Type{"F8_E5M2FNUZ", DType::kOther, 8},
    Type{"I16", DType::kI16, 16},
    Type{"U16", DType::kU16, 16},
    Type{"F16", DType::kF16, 16},
    Type{"BF16", DType::kBf16, 16},
    Type{"I32", DType::kI32, 32},
    Type{"U32", DType::kU32, 32},
    Type{"F32", DType::kF32, 32},
    Type{"C64", DType::kC64, 64},
    Type{"F64", DType::kF64, 64},
    Type{"I64", DType::kI64, 64},
    Type{"U64", DType::kU64, 64},
};

}  // namespace

const Type* find_type(std::string_view word) {
  for (const Type& type : kTypes) {
    if (type.word == word) return &type;
  }
  return nullptr;
}

int dtype_rank(DType dtype) {
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].dtype == dtype && dtype != DType::kOther) return static_cast<int>(i);
  }
  return -1;
}

std::string_view dtype_word(DType dtype) {
  const int rank = dtype_rank(dtype);
  return rank < 0 ? std::string_view() : kTypes[static_cast<std::size_t>(rank)].word;
}

}  // namespace ckpt::safetensors
