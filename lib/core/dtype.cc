#include "core/dtype.h"

#include <array>

namespace ckpt {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  std::string_view long_name;  // NumPy's, ml_dtypes' for the small floats
  std::uint32_t size;
  DTypeClass klass;
};

constexpr std::array kRows{
    Row{DType::kF16, "f16", "float16", 2, DTypeClass::kFloat},
    Row{DType::kBf16, "bf16", "bfloat16", 2, DTypeClass::kFloat},
    Row{DType::kF32, "f32", "float32", 4, DTypeClass::kFloat},
    Row{DType::kF64, "f64", "float64", 8, DTypeClass::kFloat},
    Row{DType::kF8e4m3, "f8e4m3", "float8_e4m3fn", 1, DTypeClass::kFloat},
    Row{DType::kF8e5m2, "f8e5m2", "float8_e5m2", 1, DTypeClass::kFloat},
    Row{DType::kI8, "i8", "int8", 1, DTypeClass::kSigned},
    Row{DType::kI16, "i16", "int16", 2, DTypeClass::kSigned},
    Row{DType::kI32, "i32", "int32", 4, DTypeClass::kSigned},
    Row{DType::kI64, "i64", "int64", 8, DTypeClass::kSigned},
    Row{DType::kU8, "u8", "uint8", 1, DTypeClass::kUnsigned},
    Row{DType::kU16, "u16", "uint16", 2, DTypeClass::kUnsigned},
    Row{DType::kU32, "u32", "uint32", 4, DTypeClass::kUnsigned},
    Row{DType::kU64, "u64", "uint64", 8, DTypeClass::kUnsigned},
    Row{DType::kBool, "bool", "bool_", 1, DTypeClass::kBool},
    Row{DType::kC64, "c64", "complex64", 8, DTypeClass::kComplex},
    Row{DType::kC128, "c128", "complex128", 16, DTypeClass::kComplex},
    Row{DType::kString, "string", "str", 0, DTypeClass::kNone},
    Row{DType::kOther, "other", "void", 0, DTypeClass::kNone},
};
static_assert(kRows.size() == kDTypeCount);

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].dtype != static_cast<DType>(i)) return false;
  }
  return true;
}
static_assert(rows_are_in_order());

const Row& row(DType dtype) { return kRows[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::string_view name_of(DType dtype) { return row(dtype).name; }
std::uint32_t size_of(DType dtype) { return row(dtype).size; }
DTypeClass class_of(DType dtype) { return row(dtype).klass; }

std::optional<DType> parse_dtype(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.klass != DTypeClass::kNone && (row.name == name || row.long_name == name)) {
      return row.dtype;
    }
  }
  return std::nullopt;
}

}  // namespace ckpt
