#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"

namespace ckpt::hdf5 {

// A datatype as an HDF5 file describes it (specification, section IV.A.2.d): plain data, no matter
// who read it.
struct Datatype {
  enum class Class : std::uint8_t {
    kInteger,
    kFloat,
    kTime,
    kString,
    kBitfield,
    kOpaque,
    kCompound,
    kReference,
    kEnum,
    kVariableLength,
    kArray,
    kUnknown,  // nested too deep or of a class that this version of HDF5 does not know
  };
  struct Member;

  Class klass = Class::kUnknown;
  std::uint64_t size = 0;  // bytes an element
  bool big_endian = false;
  bool odd_order = false;  // VAX or mixed
  bool is_signed = false;
  // Bits that count, and where they start (integer, float).
  std::uint64_t precision = 0;
  std::uint64_t bit_offset = 0;
  // Of a float: where sign, exponent and mantissa are, in bits.
  struct {
    std::uint64_t sign = 0, exponent = 0, exponent_size = 0, mantissa = 0, mantissa_size = 0;
    std::uint64_t bias = 0;
    bool implied_one = false;
  } fields;
  bool variable_string = false;
  bool space_padded = false;    // a string of fixed length: filled up with spaces, not NULs
  std::string tag;              // of an opaque type
  std::vector<Member> members;  // of a compound; of an enum, where only `name` and `value` count
  std::vector<std::uint64_t> array;  // extents of an array type
  std::vector<Datatype> base;        // none or one: of an enum, array or variable-length type
};

struct Datatype::Member {
  std::string name;
  std::uint64_t offset = 0;
  std::int64_t value = 0;
  Datatype type;
};

// What this project makes of a datatype.
struct Element {
  DType dtype = DType::kOther;
  std::string native_dtype;   // as Entry has it: empty for the plain little-endian form
  std::size_t swap_unit = 0;  // where the file is big-endian: bytes that are reversed together
};

// `dtype_attribute` is the text of the dataset's attribute "dtype", by which Keras 3 and this
// program tell what an opaque type is; empty where there is none.
Element interpret(const Datatype& type, const std::string& dtype_attribute);

// Do elements, or parts of them, lie elsewhere in the file, in a global heap?
bool has_variable_length(const Datatype& type);

// The datatype in words: "f32", "string[16]", "compound {a: f32, b: i64}", "opaque[5] 'tag'".
std::string describe(const Datatype& type);

}  // namespace ckpt::hdf5
