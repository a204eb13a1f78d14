#include "formats/h5parse/datatype.h"

#include <algorithm>

#include "core/checked.h"
#include "core/escape.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

using hdf5::Datatype;
using Class = Datatype::Class;

// Types nest by recursion and not by a stack of this parser's own, since what is built is a tree
// that recurses anyhow when it is copied or printed. kMaxTypeDepth bounds it.
class TypeReader {
 public:
  explicit TypeReader(View& view) : view_(view) {}

  [[nodiscard]] bool is_too_deep() const { return is_too_deep_; }

  // Section IV.A.2.d.
  //
  //      0  class (bits 0 to 3) and version (bits 4 to 7), class bit field (3)
  //      4  size of an element (4)
  //      8  properties by class
  Datatype read(int depth) {
    Datatype type;
    const std::uint32_t first = view_.u8();
    version_ = first >> 4U;
    bits_ = static_cast<std::uint32_t>(view_.number(3));
    type.size = view_.u32();
    const std::uint32_t klass = first & 15U;
    if (version_ < 1 || version_ > 4) {
      view_.fail("is of version ", version_, "; versions 1 to 4 are known");
    }
    if (type.size == 0) view_.fail("has elements of 0 bytes");
    if (depth > kMaxTypeDepth) {
      is_too_deep_ = true;
      return type;
    }
    if (klass == 11) view_.unsupported("is of class 11, complex");
    if (klass > 11) view_.fail("is of class ", klass, "; 0 to 11 are possible");
    type.klass = static_cast<Class>(klass);
    read_properties(type, depth);
    return type;
  }

 private:
  void read_properties(Datatype& type, int depth) {
    switch (type.klass) {
      case Class::kInteger:
        type.is_signed = (bits_ & 8U) != 0;
        return read_bits(type);
      case Class::kFloat:
        return read_float(type);
      case Class::kTime:
        type.big_endian = (bits_ & 1U) != 0;
        type.precision = view_.u16();
        return;
      case Class::kString:
        return read_string(type);
      case Class::kBitfield:
        return read_bits(type);
      case Class::kOpaque:
        return read_opaque(type);
      case Class::kCompound:
        return read_compound(type, depth);
      case Class::kReference:
        return read_reference(type);
      case Class::kEnum:
        return read_enum(type, depth);
      case Class::kVariableLength:
        return read_variable_length(type, depth);
      case Class::kArray:
        return read_array(type, depth);
      case Class::kUnknown:
        return;
    }
  }

  // Integers and bit fields: bit 0 byte order, bit 3 signed; offset (2), precision (2).
  void read_bits(Datatype& type) {
    type.big_endian = (bits_ & 1U) != 0;
    type.bit_offset = view_.u16();
    type.precision = view_.u16();
    if (type.precision == 0 || type.bit_offset + type.precision > 8 * type.size) {
      view_.fail("its ", type.precision, " bits at ", type.bit_offset, " do not fit its ",
                 type.size, " bytes");
    }
  }

  // Floats: bits 0 and 6 byte order, 4 and 5 how the mantissa is normalised, 8 to 15 place of the
  // sign; offset (2), precision (2), exponent at, bits; mantissa at, bits; bias (4).
  void read_float(Datatype& type) {
    type.odd_order = (bits_ & 0x40U) != 0;
    const std::uint32_t normalisation = bits_ >> 4U & 3U;
    auto& fields = type.fields;
    fields.sign = bits_ >> 8U & 255U;
    fields.implied_one = normalisation == 2;
    read_bits(type);
    type.big_endian = type.big_endian && !type.odd_order;
    fields.exponent = view_.u8();
    fields.exponent_size = view_.u8();
    fields.mantissa = view_.u8();
    fields.mantissa_size = view_.u8();
    fields.bias = view_.u32();
    const std::uint64_t end = type.bit_offset + type.precision;
    if (fields.sign >= end || fields.exponent + fields.exponent_size > end ||
        fields.mantissa + fields.mantissa_size > end) {
      view_.fail("its sign at ", fields.sign, ", exponent of ", fields.exponent_size, " bits at ",
                 fields.exponent, " or mantissa of ", fields.mantissa_size, " bits at ",
                 fields.mantissa, " is not inside its ", type.precision, " bits at ",
                 type.bit_offset);
    }
  }

  // Strings: bits 0 to 3 padding (0 NUL at the end, 1 NULs, 2 spaces); no properties.
  void read_string(Datatype& type) {
    if ((bits_ & 15U) > 2) view_.fail("has strings padded in the unknown way ", bits_ & 15U);
    type.space_padded = (bits_ & 15U) == 2;
  }

  // Opaque: bits 0 to 7 length of the tag, padded with NULs; tag.
  void read_opaque(Datatype& type) {
    const std::string_view tag = as_text(view_.take(bits_ & 255U));
    type.tag = tag.substr(0, tag.find('\0'));
  }

  // References: bits 0 to 3 kind (0 object, 1 dataset region, from version 4 on others).
  void read_reference(Datatype& type) {
    const std::uint32_t kind = bits_ & 15U;
    if (kind > 1) view_.unsupported("has references of kind ", kind);
    const std::uint64_t needed = view_.sizes().offset + (kind == 0 ? 0U : 4U);
    view_.expect("the size of its references", type.size, needed);
  }

  std::string_view read_name() { return version_ < 3 ? view_.padded_text() : view_.text(); }

  // The number of members of compounds and enums: bits 0 to 15.
  std::uint32_t member_count() {
    const std::uint32_t count = bits_ & 0xffffU;
    if (count == 0 || count > view_.left()) {
      view_.fail("has ", count, " members in ", view_.left(), " bytes");
    }
    if (count > kMaxTypeMembers) {
      view_.unsupported("has ", count, " members; at most ", kMaxTypeMembers, " are read");
    }
    return count;
  }

  // Compounds, each member: name, padded to 8 bytes before version 3; offset (4; from version 3 on
  // as many bytes as the compound's size needs); version 1: rank, 0 (3), permutation (4), 0 (4),
  // four extents (4 each); its type.
  void read_compound(Datatype& type, int depth) {
    const std::uint32_t version = version_;
    const std::uint32_t count = member_count();
    std::size_t width = 1;
    while (version >= 3 && width < 4 && type.size >> 8 * width != 0) ++width;
    for (std::uint32_t i = 0; i < count && !is_too_deep_; ++i) {
      version_ = version;
      Datatype::Member member;
      member.name = read_name();
      member.offset = view_.number(version < 3 ? 4 : width);
      std::vector<std::uint64_t> extents;
      if (version == 1) {
        extents.resize(view_.u8());
        if (extents.size() > 4) view_.fail("has a member of ", extents.size(), " dimensions");
        view_.skip(11);
        for (std::size_t k = 0; k < 4; ++k) {
          const std::uint32_t extent = view_.u32();
          if (k < extents.size()) extents[k] = extent;
        }
      }
      member.type = read(depth + 1);
      if (!extents.empty()) member.type = array_of(std::move(extents), std::move(member.type));
      if (member.offset > type.size || member.type.size > type.size - member.offset) {
        view_.fail("its member '", escape(member.name), "' of ", member.type.size, " bytes at ",
                   member.offset, " is not inside its ", type.size, " bytes");
      }
      type.members.push_back(std::move(member));
    }
    if (!is_too_deep_) check_overlap(type);
  }

  void check_overlap(const Datatype& type) const {
    std::vector<const Datatype::Member*> sorted;
    for (const auto& member : type.members) sorted.push_back(&member);
    std::ranges::sort(sorted, {}, &Datatype::Member::offset);
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i]->offset < sorted[i - 1]->offset + sorted[i - 1]->type.size) {
        view_.fail("its members '", escape(sorted[i - 1]->name), "' and '", escape(sorted[i]->name),
                   "' overlap");
      }
    }
  }

  // Enums: the type of the values; names as in compounds; values.
  void read_enum(Datatype& type, int depth) {
    const std::uint32_t version = version_;
    const std::uint32_t count = member_count();
    type.base.push_back(read(depth + 1));
    const Datatype& base = type.base.front();
    if (is_too_deep_) return;
    if (base.klass != Class::kInteger || base.size != type.size) {
      view_.fail("has values of ", base.size, " bytes that are ", hdf5::describe(base),
                 ", not integers of ", type.size);
    }
    version_ = version;
    type.members.resize(count);
    for (auto& member : type.members) member.name = read_name();
    for (auto& member : type.members) member.value = value_of(view_.take(type.size), base);
  }

  static std::int64_t value_of(ByteView bytes, const Datatype& base) {
    if (bytes.size() > 8) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto byte = bytes[base.big_endian ? i : bytes.size() - 1 - i];
      value = value << 8U | std::to_integer<std::uint64_t>(byte);
    }
    const std::size_t spare = 64 - 8 * bytes.size();
    return base.is_signed ? static_cast<std::int64_t>(value << spare) >> spare
                          : static_cast<std::int64_t>(value);
  }

  // Variable length: bits 0 to 3 kind (0 sequence, 1 string); the type of an element. In a dataset
  // an element is its length (4) and where it lies: address of a global heap, index (4).
  void read_variable_length(Datatype& type, int depth) {
    const std::uint32_t kind = bits_ & 15U;
    if (kind > 1) view_.fail("is of the unknown variable-length kind ", kind);
    view_.expect("the size of its references", type.size, 8 + view_.sizes().offset);
    type.variable_string = kind == 1;
    if (type.variable_string) type.klass = Class::kString;
    Datatype base = read(depth + 1);
    if (!type.variable_string) type.base.push_back(std::move(base));
  }

  // Arrays: rank; version 2: 0 (3); extents (4 each); version 2: permutation (4 each); element
  // type.
  void read_array(Datatype& type, int depth) {
    const std::uint32_t version = version_;
    std::vector<std::uint64_t> extents(view_.u8());
    if (extents.empty() || extents.size() > kMaxRank) {
      view_.fail("is an array of ", extents.size(), " dimensions; 1 to ", kMaxRank,
                 " are possible");
    }
    if (version < 3) view_.skip(3);
    for (auto& extent : extents) extent = view_.u32();
    if (version < 3) view_.skip(4 * extents.size());
    const std::uint64_t size = type.size;
    Datatype base = read(depth + 1);
    if (is_too_deep_) return;
    type = array_of(std::move(extents), std::move(base));
    view_.expect("the size of its arrays", size, type.size);
  }

  [[nodiscard]] Datatype array_of(std::vector<std::uint64_t> extents, Datatype base) const {
    Datatype type;
    type.klass = Class::kArray;
    std::optional<std::uint64_t> size = base.size;
    for (const auto extent : extents) size = size ? checked_mul(*size, extent) : size;
    if (!size || *size == 0) view_.fail("has an array of no or too many elements");
    type.size = *size;
    type.array = std::move(extents);
    type.base.push_back(std::move(base));
    return type;
  }

  View& view_;
  std::uint32_t version_ = 0;  // of the type that is read
  std::uint32_t bits_ = 0;
  bool is_too_deep_ = false;
};

}  // namespace

Datatype read_datatype(View body) {
  TypeReader reader(body);
  Datatype type = reader.read(0);
  if (!reader.is_too_deep()) return type;
  Datatype unknown;
  unknown.size = type.size;
  return unknown;
}

}  // namespace ckpt::h5parse
