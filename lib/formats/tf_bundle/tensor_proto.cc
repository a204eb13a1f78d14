#include "formats/tf_bundle/tensor_proto.h"

#include <protozero/pbf_reader.hpp>

#include "core/error.h"
#include "core/text.h"
#include "formats/tf_bundle/protos.h"

namespace ckpt::tf {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

// The field of TensorProto that has values of a type, and how they lie in it.
struct Field {
  std::uint32_t number = 0;
  pbf_wire_type wire = pbf_wire_type::varint;
  std::uint32_t size = 0;   // bytes of a fixed-width value; 0 for a varint
  std::uint32_t parts = 1;  // values an element: 2 for a complex one
};

Field field_of(const Type& type) {
  constexpr auto kVarint = pbf_wire_type::varint;
  constexpr auto kFixed32 = pbf_wire_type::fixed32;
  constexpr auto kFixed64 = pbf_wire_type::fixed64;
  switch (type.number) {
    case 1:  // float
      return {5, kFixed32, 4, 1};
    case 2:  // double
      return {6, kFixed64, 8, 1};
    case 3:  // int32 and what is smaller or quantised
    case 4:
    case 5:
    case 6:
    case 11:
    case 12:
    case 13:
    case 15:
    case 16:
    case 17:
      return {7, kVarint, 0, 1};
    case kStringType:
      return {8, pbf_wire_type::length_delimited, 0, 1};
    case 8:  // complex64
      return {9, kFixed32, 4, 2};
    case 9:  // int64
      return {10, kVarint, 0, 1};
    case 10:  // bool
      return {11, kVarint, 0, 1};
    case 18:  // complex128
      return {12, kFixed64, 8, 2};
    case 14:  // bfloat16 and half, as integers
    case 19:
      return {13, kVarint, 0, 1};
    case 22:  // uint32
      return {16, kVarint, 0, 1};
    case 23:  // uint64
      return {17, kVarint, 0, 1};
    default:
      throw Error(Errc::kUnsupported,
                  cat("is of type ", type.name, ", which checkpoints of version 1 do not hold"));
  }
}

// Gives `packed` the content of each packed run of the field's values and `single` each value that
// stands alone, as raw bytes of the message.
template <typename Packed, typename Single>
void for_each_run(std::string_view proto, const Field& field, Packed packed, Single single) {
  decode_proto("its tensor", [&] {
    for (pbf_reader reader(proto.data(), proto.size()); reader.next();) {
      if (reader.tag() != field.number) {
        reader.skip();
      } else if (reader.wire_type() == pbf_wire_type::length_delimited) {
        const auto view = reader.get_view();
        packed(std::string_view(view.data(), view.size()));
      } else if (reader.wire_type() == field.wire) {
        const char* begin = proto.data() + proto.size() - reader.length();
        reader.skip();
        const char* end = proto.data() + proto.size() - reader.length();
        single(std::string_view(begin, static_cast<std::size_t>(end - begin)));
      } else {
        reader.skip();
      }
    }
  });
}

}  // namespace

std::uint64_t count_values(std::string_view proto, const Type& type) {
  const Field field = field_of(type);
  std::uint64_t values = 0;
  const auto count = [&](std::string_view run) {
    if (field.wire == pbf_wire_type::length_delimited) {
      ++values;
    } else if (field.size > 0) {
      if (run.size() % field.size != 0) {
        throw Error(Errc::kCorrupt,
                    cat("has ", run.size(), " bytes of values that take ", field.size, " each"));
      }
      values += run.size() / field.size;
    } else {
      // A varint ends where the high bit is not set.
      for (const char c : run) values += (static_cast<unsigned char>(c) & 0x80) == 0 ? 1U : 0U;
      if (!run.empty() && (static_cast<unsigned char>(run.back()) & 0x80) != 0) {
        throw Error(Errc::kCorrupt, "the last of its values is cut");
      }
    }
  };
  for_each_run(proto, field, count, count);
  if (values % field.parts != 0) throw Error(Errc::kCorrupt, "has half of a complex number");
  return values / field.parts;
}

Bytes decode_values(std::string_view proto, const Type& type) {
  const Field field = field_of(type);
  Bytes bytes;
  const std::size_t size = type.size;
  const auto append = [&](std::string_view run) {
    if (field.size > 0) {
      const ByteView view = as_byte_view(run);  // protocol buffers are little-endian too
      bytes.insert(bytes.end(), view.begin(), view.end());
      return;
    }
    for (const char *at = run.data(), *end = at + run.size(); at != end;) {
      std::uint64_t value = protozero::decode_varint(&at, end);
      if (type.dtype == DType::kBool) value = value != 0 ? 1 : 0;
      for (std::size_t i = 0; i < size; ++i) {
        bytes.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
      }
    }
  };
  for_each_run(proto, field, append, append);
  return bytes;
}

}  // namespace ckpt::tf
