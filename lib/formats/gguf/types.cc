#include "formats/gguf/types.h"

#include <algorithm>
#include <array>

namespace ckpt::gguf {
namespace {

// ggml's `enum ggml_type` (docs/gguf.md) and the sizes of its blocks (gguf-py, GGML_QUANT_SIZES).
// The numbers left out were of types that files no longer have.
constexpr std::array kTypes{
    Type{0, "F32", DType::kF32, 1, 4},
    Type{1, "F16", DType::kF16, 1, 2},
    Type{2, "Q4_0", DType::kOther, 32, 18},
    Type{3, "Q4_1", DType::kOther, 32, 20},
    Type{6, "Q5_0", DType::kOther, 32, 22},
    Type{7, "Q5_1", DType::kOther, 32, 24},
    Type{8, "Q8_0", DType::kOther, 32, 34},
    Type{9, "Q8_1", DType::kOther, 32, 36},
    Type{10, "Q2_K", DType::kOther, 256, 84},
    Type{11, "Q3_K", DType::kOther, 256, 110},
    Type{12, "Q4_K", DType::kOther, 256, 144},
    Type{13, "Q5_K", DType::kOther, 256, 176},
    Type{14, "Q6_K", DType::kOther, 256, 210},
    Type{15, "Q8_K", DType::kOther, 256, 292},
    Type{16, "IQ2_XXS", DType::kOther, 256, 66},
    Type{17, "IQ2_XS", DType::kOther, 256, 74},
    Type{18, "IQ3_XXS", DType::kOther, 256, 98},
    Type{19, "IQ1_S", DType::kOther, 256, 50},
    Type{20, "IQ4_NL", DType::kOther, 32, 18},
    Type{21, "IQ3_S", DType::kOther, 256, 110},
    Type{22, "IQ2_S", DType::kOther, 256, 82},
    Type{23, "IQ4_XS", DType::kOther, 256, 136},
    Type{24, "I8", DType::kI8, 1, 1},
    Type{25, "I16", DType::kI16, 1, 2},
    Type{26, "I32", DType::kI32, 1, 4},
    Type{27, "I64", DType::kI64, 1, 8},
    Type{28, "F64", DType::kF64, 1, 8},
    Type{29, "IQ1_M", DType::kOther, 256, 56},
    Type{30, "BF16", DType::kBf16, 1, 2},
    Type{34, "TQ1_0", DType::kOther, 256, 54},
    Type{35, "TQ2_0", DType::kOther, 256, 66},
    Type{39, "MXFP4", DType::kOther, 32, 17},
    Type{40, "NVFP4", DType::kOther, 64, 36},
};

constexpr bool numeric_types_are_of_their_size() {
  return std::ranges::all_of(kTypes, [](const Type& type) {
    return type.block_bytes > 0 && (type.dtype == DType::kOther || type.block_elements == 1);
  });
}
static_assert(numeric_types_are_of_their_size());

}  // namespace

const Type* find_type(std::uint32_t id) {
  const auto it = std::ranges::find(kTypes, id, &Type::id);
  return it == kTypes.end() ? nullptr : &*it;
}

}  // namespace ckpt::gguf
