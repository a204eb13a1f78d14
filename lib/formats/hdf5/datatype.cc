#include "formats/hdf5/datatype.h"

#include <algorithm>
#include <optional>

#include "core/escape.h"
#include "core/text.h"

namespace ckpt::hdf5 {
namespace {

using Class = Datatype::Class;

constexpr std::size_t kMembersInWords = 8;  // more are counted, not listed

struct FloatForm {
  DType dtype;
  std::uint64_t size, exponent_size, mantissa_size, bias;
};

constexpr FloatForm kFloatForms[] = {
    {DType::kF16, 2, 5, 10, 15},    {DType::kBf16, 2, 8, 7, 127}, {DType::kF32, 4, 8, 23, 127},
    {DType::kF64, 8, 11, 52, 1023}, {DType::kF8e4m3, 1, 4, 3, 7}, {DType::kF8e5m2, 1, 5, 2, 15},
};

// The dtype of a number whose every bit is where IEEE 754 and two's complement have it.
std::optional<DType> number_of(const Datatype& type) {
  if (type.odd_order || type.bit_offset != 0 || type.precision != type.size * 8) return {};
  if (type.klass == Class::kInteger) {
    switch (type.size) {
      case 1:
        return type.is_signed ? DType::kI8 : DType::kU8;
      case 2:
        return type.is_signed ? DType::kI16 : DType::kU16;
      case 4:
        return type.is_signed ? DType::kI32 : DType::kU32;
      case 8:
        return type.is_signed ? DType::kI64 : DType::kU64;
      default:
        return {};
    }
  }
  if (type.klass != Class::kFloat) return {};
  for (const FloatForm& form : kFloatForms) {
    const auto& f = type.fields;
    if (type.size == form.size && f.exponent_size == form.exponent_size &&
        f.mantissa_size == form.mantissa_size && f.bias == form.bias && f.mantissa == 0 &&
        f.exponent == f.mantissa_size && f.sign == f.mantissa_size + f.exponent_size &&
        f.implied_one) {
      return form.dtype;
    }
  }
  return {};
}

// h5py's form of a bool: an enum of one byte with FALSE = 0 and TRUE = 1.
bool is_bool(const Datatype& type) {
  const auto is_member = [&](std::string_view name, std::int64_t value) {
    return std::ranges::any_of(type.members, [&](const Datatype::Member& member) {
      return member.name == name && member.value == value;
    });
  };
  return type.klass == Class::kEnum && type.size == 1 && type.members.size() == 2 &&
         is_member("FALSE", 0) && is_member("TRUE", 1);
}

// h5py's form of a complex number: a compound of "r" and "i".
std::optional<DType> complex_of(const Datatype& type) {
  if (type.klass != Class::kCompound || type.members.size() != 2) return {};
  const auto& real = type.members[0];
  const auto& imaginary = type.members[1];
  if (real.name != "r" || imaginary.name != "i") return {};
  const auto part = number_of(real.type);
  if (!part || number_of(imaginary.type) != part || real.offset != 0 ||
      imaginary.offset != real.type.size || type.size != 2 * real.type.size ||
      real.type.big_endian != imaginary.type.big_endian) {
    return {};
  }
  if (*part == DType::kF32) return DType::kC64;
  if (*part == DType::kF64) return DType::kC128;
  return {};
}

// NumPy's name of the big-endian form: ">f4".
std::string big_endian_name(DType dtype) {
  switch (class_of(dtype)) {
    case DTypeClass::kFloat:
      return dtype == DType::kBf16 ? ">bf16" : cat(">f", size_of(dtype));
    case DTypeClass::kSigned:
      return cat(">i", size_of(dtype));
    case DTypeClass::kUnsigned:
      return cat(">u", size_of(dtype));
    case DTypeClass::kComplex:
      return cat(">c", size_of(dtype));
    case DTypeClass::kBool:
    case DTypeClass::kNone:
      break;
  }
  return std::string(name_of(dtype));
}

std::string describe_number(const Datatype& type) {
  std::string order;
  if (type.odd_order) order = ", neither little- nor big-endian";
  if (type.klass == Class::kInteger) {
    return cat(type.is_signed ? "signed" : "unsigned", " integer of ", type.precision, " bits in ",
               type.size, " bytes", order);
  }
  return cat("float of ", type.precision, " bits (exponent ", type.fields.exponent_size,
             ", mantissa ", type.fields.mantissa_size, ") in ", type.size, " bytes", order);
}

std::string describe_members(const Datatype& type) {
  std::vector<std::string> words;
  for (const auto& member : type.members) {
    if (words.size() == kMembersInWords) {
      words.push_back(cat("… ", type.members.size() - kMembersInWords, " more"));
      break;
    }
    words.push_back(type.klass == Class::kCompound
                        ? cat(escape(member.name), ": ", describe(member.type))
                        : cat(escape(member.name), " = ", member.value));
  }
  return cat("{", join(words, ", "), "}");
}

}  // namespace

std::string describe(const Datatype& type) {
  if (const auto number = number_of(type)) {
    return type.big_endian && type.size > 1 ? big_endian_name(*number)
                                            : std::string(name_of(*number));
  }
  const auto base = [&] { return type.base.empty() ? "unknown" : describe(type.base.front()); };
  switch (type.klass) {
    case Class::kInteger:
    case Class::kFloat:
      return describe_number(type);
    case Class::kTime:
      return cat("time of ", type.size, " bytes");
    case Class::kString:
      return type.variable_string ? "variable-length string" : cat("string[", type.size, "]");
    case Class::kBitfield:
      return cat("bitfield of ", type.precision, " bits");
    case Class::kOpaque:
      return type.tag.empty() ? cat("opaque[", type.size, "]")
                              : cat("opaque[", type.size, "] '", escape(type.tag), "'");
    case Class::kCompound:
      return cat("compound ", describe_members(type));
    case Class::kReference:
      return "reference";
    case Class::kEnum:
      return is_bool(type) ? "bool" : cat("enum of ", base(), " ", describe_members(type));
    case Class::kVariableLength:
      return cat("variable-length list of ", base());
    case Class::kArray: {
      std::vector<std::string> extents;
      for (const auto extent : type.array) extents.push_back(cat(extent));
      return cat("array [", join(extents, ", "), "] of ", base());
    }
    case Class::kUnknown:
      break;
  }
  return "unknown datatype";
}

bool has_variable_length(const Datatype& type) {
  return type.klass == Datatype::Class::kVariableLength || type.variable_string ||
         std::ranges::any_of(type.base, has_variable_length) ||
         std::ranges::any_of(type.members, [](const Datatype::Member& member) {
           return has_variable_length(member.type);
         });
}

Element interpret(const Datatype& type, const std::string& dtype_attribute) {
  if (const auto number = number_of(type)) {
    const bool swap = type.big_endian && type.size > 1;
    return {*number, swap ? big_endian_name(*number) : "", swap ? size_of(*number) : 0};
  }
  if (const auto complex = complex_of(type)) {
    const bool swap = type.members[0].type.big_endian;
    return {*complex, swap ? big_endian_name(*complex) : "", swap ? size_of(*complex) / 2 : 0};
  }
  if (is_bool(type)) return {DType::kBool, "", 0};
  if (type.klass == Class::kOpaque && !dtype_attribute.empty()) {
    const auto named = parse_dtype(dtype_attribute);
    const bool is_small_float =
        named == DType::kBf16 || named == DType::kF8e4m3 || named == DType::kF8e5m2;
    if (is_small_float && size_of(*named) == type.size) return {*named, "", 0};
  }
  return {type.klass == Class::kString ? DType::kString : DType::kOther, describe(type), 0};
}

}  // namespace ckpt::hdf5
