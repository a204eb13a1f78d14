#include "formats/libhdf5/stored_type.h"

#include <cstdint>

#include "core/error.h"
#include "core/text.h"

namespace ckpt::hdf5 {
namespace {

Handle float_type(std::size_t size, std::size_t exponent, std::size_t mantissa, std::size_t bias) {
  Handle type = copy_type(H5T_IEEE_F32LE);
  check(H5Tset_fields(type, exponent + mantissa, mantissa, exponent, 0, mantissa), "float type");
  check(H5Tset_size(type, size), "float type");
  check(H5Tset_ebias(type, bias), "float type");
  return type;
}

Handle complex_type(hid_t part) {
  const std::size_t size = H5Tget_size(part);
  Handle type(check(H5Tcreate(H5T_COMPOUND, 2 * size), "cannot make a datatype"));
  check(H5Tinsert(type, "r", 0, part), "cannot make a datatype");
  check(H5Tinsert(type, "i", size, part), "cannot make a datatype");
  return type;
}

Handle opaque_type(std::size_t size) {
  return Handle(check(H5Tcreate(H5T_OPAQUE, size), "cannot make a datatype"));
}

}  // namespace

Handle copy_type(hid_t type) { return Handle(check(H5Tcopy(type), "cannot make a datatype")); }

Handle bool_type() {
  Handle type(check(H5Tenum_create(H5T_STD_I8LE), "cannot make a datatype"));
  for (const std::int8_t value : {std::int8_t{0}, std::int8_t{1}}) {
    check(H5Tenum_insert(type, value == 0 ? "FALSE" : "TRUE", &value), "cannot make a datatype");
  }
  return type;
}

Handle stored_type(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return float_type(2, 5, 10, 15);
    case DType::kBf16:
      return opaque_type(2);
    case DType::kF32:
      return copy_type(H5T_IEEE_F32LE);
    case DType::kF64:
      return copy_type(H5T_IEEE_F64LE);
    case DType::kF8e4m3:
    case DType::kF8e5m2:
      return opaque_type(1);
    case DType::kI8:
      return copy_type(H5T_STD_I8LE);
    case DType::kI16:
      return copy_type(H5T_STD_I16LE);
    case DType::kI32:
      return copy_type(H5T_STD_I32LE);
    case DType::kI64:
      return copy_type(H5T_STD_I64LE);
    case DType::kU8:
      return copy_type(H5T_STD_U8LE);
    case DType::kU16:
      return copy_type(H5T_STD_U16LE);
    case DType::kU32:
      return copy_type(H5T_STD_U32LE);
    case DType::kU64:
      return copy_type(H5T_STD_U64LE);
    case DType::kBool:
      return bool_type();
    case DType::kC64:
      return complex_type(H5T_IEEE_F32LE);
    case DType::kC128:
      return complex_type(H5T_IEEE_F64LE);
    case DType::kString:
    case DType::kOther:
      break;
  }
  throw Error(Errc::kInvalid, cat("a tensor cannot have dtype ", name_of(dtype)));
}

const char* opaque_name(DType dtype) {
  if (dtype == DType::kBf16) return "bfloat16";
  if (dtype == DType::kF8e4m3) return "float8_e4m3fn";
  if (dtype == DType::kF8e5m2) return "float8_e5m2";
  return nullptr;
}

Handle text_type() {
  Handle type = copy_type(H5T_C_S1);
  check(H5Tset_size(type, H5T_VARIABLE), "cannot make a datatype");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "cannot make a datatype");
  return type;
}

}  // namespace ckpt::hdf5
