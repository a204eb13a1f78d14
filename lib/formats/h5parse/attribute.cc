#include "formats/h5parse/attribute.h"

#include <algorithm>

#include "core/checked.h"
#include "core/escape.h"
#include "formats/h5parse/datatype.h"
#include "formats/h5parse/dense.h"
#include "formats/h5parse/global_heap.h"
#include "formats/h5parse/limits.h"
#include "formats/h5parse/shared_message.h"

namespace ckpt::h5parse {
namespace {

using hdf5::Attribute;
using hdf5::Datatype;

constexpr std::uint32_t kAttribute = 0x0c;  // types of messages
constexpr std::uint32_t kAttributeInfo = 0x15;
constexpr std::uint32_t kDatatype = 0x03;
constexpr std::uint32_t kDataspace = 0x01;
constexpr std::uint32_t kSharedType = 1U;  // flags of an attribute
constexpr std::uint32_t kSharedSpace = 2U;

struct Parts {
  std::string_view name;
  std::uint32_t flags = 0;
  View type;
  View space;
  View data;
};

// Section IV.A.2.m.
//
//      0  version, flags (version 1: 0)
//      2  sizes of the name, the datatype and the dataspace (2 each), version 3: character set
//         name with its NUL, datatype, dataspace, each padded to 8 bytes in version 1; data
Parts read_parts(View body) {
  const std::uint32_t version = body.version(1, 3);
  const std::uint32_t flags = body.u8();
  const std::size_t name_size = body.u16();
  const std::size_t type_size = body.u16();
  const std::size_t space_size = body.u16();
  if (version == 3) body.skip(1);
  const auto part = [&](std::string_view what, std::size_t size) {
    const View view = body.part(what, size);
    if (version == 1) body.skip((8 - size % 8) % 8);
    return view;
  };
  View name = part("attribute name", name_size);
  const View type = part("datatype", type_size);
  const View space = part("dataspace", space_size);
  const std::string_view text = name.text();
  return {text, version == 1 ? 0 : flags, type, space, body.part("attribute", body.left())};
}

std::string without_padding(std::string_view text, bool space_padded) {
  if (space_padded) return std::string(text.substr(0, text.find_last_not_of(' ') + 1));
  return std::string(text.substr(0, text.find('\0')));
}

// The texts of `count` elements of a string type, without padding.
std::vector<std::string> read_strings(const Context& context, View elements, std::size_t count,
                                      const Datatype& type) {
  std::vector<std::string> out;
  GlobalHeap heap(context);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const View element = elements.part("string", static_cast<std::size_t>(type.size));
    out.emplace_back();
    context.attempt([&] {
      const ByteView bytes = type.variable_string ? heap.element(element, 1) : element.whole();
      out.back() = without_padding(as_text(bytes), type.space_padded);
    });
    total += out.back().size();
    if (total > kMaxAttributeBytes) {
      elements.unsupported("has texts of more than ", kMaxAttributeBytes, " bytes");
    }
  }
  return out;
}

}  // namespace

Attributes::Attributes(const Context& context, std::uint64_t address)
    : context_(context), object_(address) {
  const File::Keep keep(context.file, arena_);
  struct Named {
    std::string_view name;
    View body;
  };
  std::vector<Named> found;
  const auto add = [&](const View& body) {
    found.push_back({read_parts(body).name, body});
    return found.back().name;
  };
  DenseIndex dense;
  read_object_header(context, address, [&](const Message& message) {
    context.attempt([&] {
      if (message.type == kAttribute) add(message.body);
      if (message.type == kAttributeInfo) dense = read_dense_index(message.body, 2);
    });
  });
  if (dense.heap != kUndefined) {
    const auto take = [&](View body, bool is_shared) {
      return add(is_shared ? resolve_shared(context, kAttribute, body, address)
                           : context.file.keep("attribute", body.address(), body.whole()));
    };
    context.attempt([&] { for_each_dense(context, dense, kAttributesByName, address, take); });
  }
  std::ranges::stable_sort(found, {}, &Named::name);
  for (const Named& attribute : found) {
    if (!names_.empty() && names_.back() == attribute.name) {
      context.attempt([&] {
        corrupt("object at ", address, ": two attributes are called '", escape(attribute.name),
                "'");
      });
      continue;
    }
    names_.emplace_back(attribute.name);
    bodies_.push_back(attribute.body);
  }
}

Attribute Attributes::read(std::size_t i) const {
  Arena arena;
  const File::Keep keep(context_.file, arena);
  Attribute out;
  out.name = names_[i];
  const Parts parts = read_parts(bodies_[i]);
  const auto resolved = [&](std::uint32_t flag, std::uint32_t type, const View& part) {
    return (parts.flags & flag) == 0 ? part : resolve_shared(context_, type, part, object_);
  };
  out.type = read_datatype(resolved(kSharedType, kDatatype, parts.type));
  const Dataspace extents = read_dataspace(resolved(kSharedSpace, kDataspace, parts.space));
  out.extents = extents.extents;
  out.is_null = extents.is_null;
  const std::uint64_t count = extents.elements();
  const auto bytes = checked_mul(count, out.type.size);
  if (count == kUndefined || !bytes || *bytes > parts.data.left()) {
    parts.data.fail("its ", count, " elements of ", out.type.size, " bytes are not in the ",
                    parts.data.left(), " bytes that are there");
  }
  View data = parts.data;
  if (count == 0) return out;
  if (out.type.klass == Datatype::Class::kString) {
    out.strings = read_strings(context_, data, static_cast<std::size_t>(count), out.type);
  } else if (!has_variable_length(out.type)) {
    const ByteView content = data.take(static_cast<std::size_t>(*bytes));
    out.bytes.assign(content.begin(), content.end());
  }
  return out;
}

}  // namespace ckpt::h5parse
