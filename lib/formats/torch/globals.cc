#include "formats/torch/globals.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt::torch {
namespace {

struct Row {
  std::string_view module;
  std::string_view name;
  Global global;
};

// Calls that give the first or only argument's values another class.
constexpr Global kInertGlobal{Meaning::kInert};

constexpr std::array kRows{
    Row{"collections", "OrderedDict", {Meaning::kDict}},
    Row{"collections", "defaultdict", {Meaning::kDict}},
    Row{"collections", "Counter", {Meaning::kDict}},
    Row{"builtins", "dict", {Meaning::kDict}},
    Row{"builtins", "list", {Meaning::kList}},
    Row{"builtins", "set", {Meaning::kSet}},
    Row{"builtins", "frozenset", {Meaning::kSet}},
    Row{"builtins", "complex", kInertGlobal},
    Row{"torch._utils", "_rebuild_tensor", {Meaning::kTensor}},
    Row{"torch._utils", "_rebuild_tensor_v2", {Meaning::kTensor}},
    Row{"torch._utils", "_rebuild_tensor_v3", {Meaning::kTensorOfDType}},
    Row{"torch._utils", "_rebuild_parameter", {Meaning::kWrapped}},
    Row{"torch._utils", "_rebuild_parameter_with_state", {Meaning::kWrapped}},
    Row{"torch._utils", "_rebuild_qtensor", {Meaning::kQuantisedTensor}},
    Row{"torch._utils", "_rebuild_sparse_tensor", {Meaning::kSparseTensor}},
    Row{"torch._tensor", "_rebuild_from_type_v2", {Meaning::kWrappedCall}},
    Row{"torch.nn.parameter", "Parameter", {Meaning::kWrapped}},
    Row{"torch.nn.parameter", "Buffer", {Meaning::kWrapped}},
    Row{"torch", "Size", {Meaning::kSize}},
    Row{"torch", "Tensor", kInertGlobal},
    Row{"torch", "device", kInertGlobal},
    Row{"torch", "strided", kInertGlobal},
    Row{"torch", "per_tensor_affine", kInertGlobal},
    Row{"torch", "per_tensor_symmetric", kInertGlobal},
    Row{"torch", "per_channel_affine", kInertGlobal},
    Row{"torch", "per_channel_symmetric", kInertGlobal},
    Row{"torch", "per_channel_affine_float_qparams", kInertGlobal},
    Row{"torch.serialization", "_get_layout", kInertGlobal},
    Row{"torch.torch_version", "TorchVersion", kInertGlobal},
    Row{"torch.jit._pickle", "build_intlist", kInertGlobal},
    Row{"torch.jit._pickle", "build_tensorlist", kInertGlobal},
    Row{"torch.jit._pickle", "build_doublelist", kInertGlobal},
    Row{"torch.jit._pickle", "build_boollist", kInertGlobal},
    Row{"torch.jit._pickle", "restore_type_tag", kInertGlobal},
    Row{"torch.nn.backends.thnn", "_get_thnn_function_backend", kInertGlobal},
    Row{"_codecs", "encode", kInertGlobal},
    Row{"argparse", "Namespace", kInertGlobal},
    Row{"numpy", "dtype", kInertGlobal},
    Row{"numpy", "ndarray", kInertGlobal},
    Row{"numpy.core.multiarray", "_reconstruct", kInertGlobal},
    Row{"numpy._core.multiarray", "_reconstruct", kInertGlobal},
    Row{"numpy.core.multiarray", "scalar", kInertGlobal},
    Row{"numpy._core.multiarray", "scalar", kInertGlobal},
};

struct Type {
  DType dtype;
  std::string_view storage;  // class in module torch; empty where there is none
  std::string_view name;     // dtype in module torch
};

constexpr std::array kTypes{
    Type{DType::kF16, "HalfStorage", "float16"},
    Type{DType::kBf16, "BFloat16Storage", "bfloat16"},
    Type{DType::kF32, "FloatStorage", "float32"},
    Type{DType::kF64, "DoubleStorage", "float64"},
    Type{DType::kF8e4m3, "", "float8_e4m3fn"},
    Type{DType::kF8e5m2, "", "float8_e5m2"},
    Type{DType::kI8, "CharStorage", "int8"},
    Type{DType::kI16, "ShortStorage", "int16"},
    Type{DType::kI32, "IntStorage", "int32"},
    Type{DType::kI64, "LongStorage", "int64"},
    Type{DType::kU8, "ByteStorage", "uint8"},
    Type{DType::kU16, "", "uint16"},
    Type{DType::kU32, "", "uint32"},
    Type{DType::kU64, "", "uint64"},
    Type{DType::kBool, "BoolStorage", "bool"},
    Type{DType::kC64, "ComplexFloatStorage", "complex64"},
    Type{DType::kC128, "ComplexDoubleStorage", "complex128"},
};
static_assert(kTypes.size() == kDTypeCount - 2, "a row for each numeric dtype");

struct OtherType {
  std::string_view storage;
  std::string_view name;
  std::uint32_t size;
};

// Types whose values mean nothing without a scale, or that this library has no arithmetic for.
constexpr std::array kOtherTypes{
    OtherType{"QInt8Storage", "qint8", 1},       OtherType{"QUInt8Storage", "quint8", 1},
    OtherType{"QInt32Storage", "qint32", 4},     OtherType{"QUInt4x2Storage", "quint4x2", 1},
    OtherType{"QUInt2x4Storage", "quint2x4", 1}, OtherType{"", "complex32", 4},
    OtherType{"", "float8_e4m3fnuz", 1},         OtherType{"", "float8_e5m2fnuz", 1},
    OtherType{"", "float8_e8m0fnu", 1},
};

// Names of dtypes that are another's too.
constexpr std::array<std::pair<std::string_view, DType>, 8> kSynonyms{{{"half", DType::kF16},
                                                                       {"float", DType::kF32},
                                                                       {"double", DType::kF64},
                                                                       {"short", DType::kI16},
                                                                       {"int", DType::kI32},
                                                                       {"long", DType::kI64},
                                                                       {"cfloat", DType::kC64},
                                                                       {"cdouble", DType::kC128}}};

bool is_identifier(std::string_view text) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && std::ranges::all_of(text, is_letter);
}

bool are_identifiers(std::string_view dotted) {
  return std::ranges::all_of(split(dotted, "."), is_identifier);
}

}  // namespace

Global find_global(std::string_view module, std::string_view name) {
  if (module == "__builtin__") module = "builtins";  // Python 2's word, which protocol 2 keeps
  for (const Row& row : kRows) {
    if (row.module == module && row.name == name) return row.global;
  }
  if (module == "torch" && !name.empty()) {
    for (const Type& type : kTypes) {
      const std::uint32_t size = size_of(type.dtype);
      if (name == type.storage) return {Meaning::kStorage, type.dtype, "", size};
      if (name == type.name) return {Meaning::kDType, type.dtype, "", size};
    }
    for (const OtherType& type : kOtherTypes) {
      if (name == type.storage) return {Meaning::kStorage, DType::kOther, type.name, type.size};
      if (name == type.name) return {Meaning::kDType, DType::kOther, type.name, type.size};
    }
    for (const auto& [synonym, dtype] : kSynonyms) {
      if (name == synonym) return {Meaning::kDType, dtype, "", size_of(dtype)};
    }
  }
  if (name == "UntypedStorage" && (module == "torch" || module == "torch.storage")) {
    return {Meaning::kUntypedStorage, DType::kU8, "", 1};
  }
  if (is_identifier(name)) {
    constexpr std::string_view kModules = "torch.nn.modules.";
    if (module.starts_with(kModules) && is_identifier(module.substr(kModules.size()))) {
      return {Meaning::kModule};
    }
    if ((module == "__torch__" || module.starts_with("__torch__.")) && are_identifiers(module)) {
      return {Meaning::kScriptClass};
    }
  }
  throw Error(Errc::kUnsupported,
              cat("its pickle names ", escape(module), ".", escape(name),
                  ", which is not among the names a checkpoint of tensors needs; nothing of it was "
                  "run, and it is not read"));
}

std::string_view storage_name(DType dtype) {
  return std::ranges::find(kTypes, dtype, &Type::dtype)->storage;
}

std::string_view torch_name(DType dtype) {
  return std::ranges::find(kTypes, dtype, &Type::dtype)->name;
}

}  // namespace ckpt::torch
