#include "formats/h5parse/attribute.h"

#include <algorithm>

#include "core/checked.h"
#include "core/escape.h"
#include "core/text.h"
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
constexpr std::uint32_t kDatatype = 0x03;
constexpr std::uint32_t kDataspace = 0x01;
constexpr DenseKind kDense{8, 9};          // types of B-trees
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

bool has_variable_length(const Datatype& type) {
  return type.klass == Datatype::Class::kVariableLength || type.variable_string ||
         std::ranges::any_of(type.base, has_variable_length) ||
         std::ranges::any_of(type.members, [](const Datatype::Member& member) {
           return has_variable_length(member.type);
         });
}

}  // namespace

bool may_have_attributes(const Messages& object) {
  return object.dense_attributes.has_value() ||
         std::ranges::find(object.header.messages, kAttribute, &Message::type) !=
             object.header.messages.end();
}

Attributes::Attributes(const Context& context, Messages& object)
    : context_(context), header_(object.header) {
  std::vector<View> bodies;
  for (const Message& message : header_.messages) {
    if (message.type == kAttribute) bodies.push_back(message.body);
  }
  if (object.dense_attributes && object.dense_attributes->heap != kUndefined) {
    const auto& index = *object.dense_attributes;
    context.attempt([&] {
      for_each_dense(
          context, index, kDense, header_.address, [&](View body, const DenseRecord& record) {
            const bool is_shared = (record.flags & kSharedMessage) != 0;
            if (is_shared) {
              bodies.push_back(resolve_shared(context, kAttribute, body, header_));
            } else {
              const ByteView bytes = body.whole();
              header_.blocks.emplace_back("attribute", body.address(),
                                          Bytes(bytes.begin(), bytes.end()), body.sizes());
              bodies.push_back(header_.blocks.back().view);
            }
            check_hash(record, read_parts(bodies.back()).name, body);
          });
    });
  }
  struct Named {
    std::string name;
    View body;
  };
  std::vector<Named> named;
  for (const View& body : bodies) {
    context.attempt([&] { named.push_back({std::string(read_parts(body).name), body}); });
  }
  std::ranges::stable_sort(named, {}, &Named::name);
  for (Named& attribute : named) {
    if (!names_.empty() && names_.back() == attribute.name) {
      context.attempt([&] {
        throw Error(Errc::kCorrupt,
                    cat("object at ", header_.address, ": two attributes are called '",
                        escape(attribute.name), "'"));
      });
      continue;
    }
    names_.push_back(std::move(attribute.name));
    bodies_.push_back(attribute.body);
  }
}

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
      elements.unsupported(cat("has texts of more than ", kMaxAttributeBytes, " bytes"));
    }
  }
  return out;
}

Attribute Attributes::read(std::size_t i) {
  Attribute out;
  out.name = names_[i];
  const Parts parts = read_parts(bodies_[i]);
  const View type = (parts.flags & kSharedType) != 0
                        ? resolve_shared(context_, kDatatype, parts.type, header_)
                        : parts.type;
  const View space = (parts.flags & kSharedSpace) != 0
                         ? resolve_shared(context_, kDataspace, parts.space, header_)
                         : parts.space;
  out.type = read_datatype(type);
  const Dataspace extents = read_dataspace(space);
  out.extents = extents.extents;
  out.is_null = extents.is_null;
  const std::uint64_t count = extents.elements();
  const auto bytes = checked_mul(count, out.type.size);
  if (count == kUndefined || !bytes || *bytes > parts.data.left()) {
    parts.data.fail(cat("its ", count, " elements of ", out.type.size, " bytes are not in the ",
                        parts.data.left(), " bytes that are there"));
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
