#include "formats/h5parse/datatype.h"

#include <algorithm>
#include <array>

#include "core/escape.h"
#include "formats/h5parse/dataspace.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

using hdf5::Datatype;
using Class = Datatype::Class;

struct TooDeep {};

// How a datatype starts.
struct Head {
  std::uint32_t version;
  std::uint32_t bits;  // what they mean depends on the class
  int depth;           // types around this one
};

// Types nest by recursion and not by a stack of this parser's own, since what is built is a tree
// that recurses anyhow when it is copied or printed. kMaxTypeDepth bounds it.
Datatype read_type(View& view, int depth);

// Integers and bit fields: bit 0 byte order, bit 3 signed; offset (2), precision (2).
void read_bits(View& view, Datatype& type, const Head& head) {
  type.is_signed = type.klass == Class::kInteger && (head.bits & 8U) != 0;
  type.big_endian = (head.bits & 1U) != 0;
  type.bit_offset = view.u16();
  type.precision = view.u16();
  view.require(type.precision > 0 && type.bit_offset + type.precision <= 8 * type.size, "its ",
               type.precision, " bits at ", type.bit_offset, " do not fit its ", type.size,
               " bytes");
}

// Floats: bits 0 and 6 byte order, 4 and 5 how the mantissa is normalised, 8 to 15 place of the
// sign; offset (2), precision (2), exponent at, bits; mantissa at, bits; bias (4).
void read_float(View& view, Datatype& type, const Head& head) {
  read_bits(view, type, head);
  type.odd_order = (head.bits & 0x40U) != 0;
  type.big_endian = type.big_endian && !type.odd_order;
  const std::uint64_t sign = head.bits >> 8U & 255U;
  const auto [exponent, exponent_size, mantissa, mantissa_size, bias] =
      view.fields<1, 1, 1, 1, 4>();
  type.fields = {
      sign, exponent, exponent_size, mantissa, mantissa_size, bias, (head.bits >> 4U & 3U) == 2};
  const std::uint64_t end = type.bit_offset + type.precision;
  view.require(sign < end && exponent + exponent_size <= end && mantissa + mantissa_size <= end,
               "its sign at ", sign, ", exponent of ", exponent_size, " bits at ", exponent,
               " or mantissa of ", mantissa_size, " bits at ", mantissa, " is not inside its ",
               type.precision, " bits at ", type.bit_offset);
}

// Times: precision (2).
void read_time(View& view, Datatype& /*type*/, const Head& /*head*/) { view.skip(2); }

// Strings: bits 0 to 3 padding (0 NUL at the end, 1 NULs, 2 spaces); no properties.
void read_string(View& view, Datatype& type, const Head& head) {
  view.within("the padding of its strings", head.bits & 15U, 0, 2);
  type.space_padded = (head.bits & 15U) == 2;
}

// Opaque: bits 0 to 7 length of the tag, padded with NULs; tag.
void read_opaque(View& view, Datatype& type, const Head& head) {
  const std::string_view tag = as_text(view.take(head.bits & 255U));
  type.tag = tag.substr(0, tag.find('\0'));
}

// References: bits 0 to 3 kind (0 object, 1 dataset region, from version 4 on others). libhdf5
// gives them 8 and 12 bytes, however wide the file's addresses are.
void read_reference(View& view, Datatype& type, const Head& head) {
  const std::uint32_t kind = head.bits & 15U;
  view.limit("the kind of its references", kind, 1);
  view.expect("the size of its references", type.size, kind == 0 ? 8 : 12);
}

std::string_view read_name(View& view, const Head& head) {
  return head.version < 3 ? view.padded_text() : view.text();
}

// The number of members of compounds and enums: bits 0 to 15.
std::uint32_t member_count(View& view, const Head& head) {
  const std::uint32_t count = head.bits & 0xffffU;
  view.within("the number of its members", count, 1, view.left());
  view.limit("the number of its members", count, hdf5::kMaxTypeMembers);
  return count;
}

Datatype array_of(const View& view, std::vector<std::uint64_t> extents, Datatype base) {
  Datatype type;
  type.klass = Class::kArray;
  type.size = product(base.size, extents);
  view.within("the size of its arrays", type.size, 1, UINT32_MAX);
  type.array = std::move(extents);
  type.base.push_back(std::move(base));
  return type;
}

void check_overlap(const View& view, const Datatype& type) {
  std::vector<const Datatype::Member*> sorted;
  for (const auto& member : type.members) sorted.push_back(&member);
  std::ranges::sort(sorted, {}, &Datatype::Member::offset);
  const auto lap = std::ranges::adjacent_find(
      sorted, [](auto* a, auto* b) { return b->offset < a->offset + a->type.size; });
  if (lap == sorted.end()) return;
  view.fail("its members '", escape(lap[0]->name), "' and '", escape(lap[1]->name), "' overlap");
}

// Compounds, each member: name, padded to 8 bytes before version 3; offset (4; from version 3 on
// as many bytes as the compound's size needs); version 1: rank, 0 (3), permutation (4), 0 (4),
// four extents (4 each); its type.
void read_compound(View& view, Datatype& type, const Head& head) {
  const std::uint32_t count = member_count(view, head);
  std::size_t width = 1;
  while (head.version >= 3 && width < 4 && type.size >> 8 * width != 0) ++width;
  for (std::uint32_t i = 0; i < count; ++i) {
    Datatype::Member member;
    member.name = read_name(view, head);
    member.offset = view.number(head.version < 3 ? 4 : width);
    std::vector<std::uint64_t> extents(head.version == 1 ? view.u8() : 0);
    if (head.version == 1) {
      view.within("the number of a member's dimensions", extents.size(), 0, 4);
      view.skip(11);
      View four = view.part("extents", 16);
      for (auto& extent : extents) extent = four.u32();
    }
    member.type = read_type(view, head.depth + 1);
    if (!extents.empty()) member.type = array_of(view, std::move(extents), std::move(member.type));
    if (member.offset > type.size || member.type.size > type.size - member.offset) {
      view.fail("its member '", escape(member.name), "' of ", member.type.size, " bytes at ",
                member.offset, " is not inside its ", type.size, " bytes");
    }
    type.members.push_back(std::move(member));
  }
  check_overlap(view, type);
}

std::int64_t value_of(ByteView bytes, const Datatype& base) {
  if (bytes.size() > 8) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t at = base.big_endian ? bytes.size() - 1 - i : i;
    value |= std::to_integer<std::uint64_t>(bytes[at]) << 8 * i;
  }
  const std::size_t spare = 64 - 8 * bytes.size();
  return base.is_signed ? static_cast<std::int64_t>(value << spare) >> spare
                        : static_cast<std::int64_t>(value);
}

// Enums: the type of the values; names as in compounds; values.
void read_enum(View& view, Datatype& type, const Head& head) {
  const std::uint32_t count = member_count(view, head);
  type.base.push_back(read_type(view, head.depth + 1));
  const Datatype& base = type.base.front();
  if (base.klass != Class::kInteger || base.size != type.size) {
    view.fail("has values of ", base.size, " bytes that are ", hdf5::describe(base),
              ", not integers of ", type.size);
  }
  type.members.resize(count);
  for (auto& member : type.members) member.name = read_name(view, head);
  for (auto& member : type.members) member.value = value_of(view.take(type.size), base);
}

// Variable length: bits 0 to 3 kind (0 sequence, 1 string); the type of an element. In a dataset
// an element is its length (4) and where it lies: address of a global heap, index (4).
void read_variable_length(View& view, Datatype& type, const Head& head) {
  const std::uint32_t kind = head.bits & 15U;
  view.within("the kind of its variable length", kind, 0, 1);
  view.expect("the size of its references", type.size, 8 + view.sizes().offset);
  type.variable_string = kind == 1;
  if (type.variable_string) type.klass = Class::kString;
  Datatype base = read_type(view, head.depth + 1);
  if (!type.variable_string) type.base.push_back(std::move(base));
}

// Arrays: rank; version 2: 0 (3); extents (4 each); version 2: permutation (4 each); element
// type.
void read_array(View& view, Datatype& type, const Head& head) {
  std::vector<std::uint64_t> extents(view.u8());
  view.within("the number of its dimensions", extents.size(), 1, kMaxRank);
  if (head.version < 3) view.skip(3);
  for (auto& extent : extents) extent = view.u32();
  if (head.version < 3) view.skip(4 * extents.size());
  const std::uint64_t size = type.size;
  Datatype base = read_type(view, head.depth + 1);
  type = array_of(view, std::move(extents), std::move(base));
  view.expect("the size of its arrays", size, type.size);
}

// What each class has behind the size of an element.
using ReadProperties = void (*)(View& view, Datatype& type, const Head& head);
constexpr std::array<ReadProperties, 11> kProperties{
    read_bits,     read_float,     read_time, read_string,          read_bits, read_opaque,
    read_compound, read_reference, read_enum, read_variable_length, read_array};

// Section IV.A.2.d. Throws TooDeep.
//
//      0  class (bits 0 to 3) and version (bits 4 to 7), class bit field (3)
//      4  size of an element (4)
//      8  properties by class
Datatype read_type(View& view, int depth) {
  const std::uint32_t first = view.u8();
  const Head head{first >> 4U, static_cast<std::uint32_t>(view.number(3)), depth};
  Datatype type;
  type.size = view.u32();
  view.within("its version", head.version, 1, 4);
  view.require(type.size > 0, "has elements of 0 bytes");
  if (depth > hdf5::kMaxTypeDepth) throw TooDeep{};
  const std::uint32_t klass = first & 15U;
  if (klass == 11) view.unsupported("is of class 11, complex");
  view.within("its class", klass, 0, kProperties.size());
  type.klass = static_cast<Class>(klass);
  kProperties[klass](view, type, head);
  return type;
}

}  // namespace

Datatype read_datatype(View body) {
  View start = body;
  try {
    return read_type(body, 0);
  } catch (const TooDeep&) {
    Datatype unknown;
    start.skip(4);
    unknown.size = start.u32();
    return unknown;
  }
}

}  // namespace ckpt::h5parse
