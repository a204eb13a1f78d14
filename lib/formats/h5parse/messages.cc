#include "formats/h5parse/messages.h"

#include <algorithm>
#include <array>

#include "formats/h5parse/datatype.h"
#include "formats/h5parse/filter.h"
#include "formats/h5parse/group.h"
#include "formats/h5parse/local_heap.h"

namespace ckpt::h5parse {
namespace {

constexpr std::size_t kUsualLinks = 4;  // of a layer

using Parse = void (*)(const Context& context, View body, Messages& out);

// Section IV.A.2.e, the old fill value: size (4), bytes.
void parse_old_fill(const Context& /*context*/, View body, Messages& out) {
  if (out.fill) return;  // the new message rules
  out.fill = body.take(body.u32());
}

// Section IV.A.2.f, the fill value.
//
//     versions 1, 2: version, allocation time, write time, defined; then where defined, in version
//     1
//                    always: size (4), bytes
//     version 3:     version, flags; with flag 5: size (4), bytes
void parse_fill(const Context& /*context*/, View body, Messages& out) {
  const std::uint32_t version = body.version(1, 3);
  bool has_size = version == 1;
  if (version < 3) {
    body.skip(2);
    has_size = body.u8() != 0 || has_size;
  } else {
    has_size = (body.u8() & 0x20U) != 0;
  }
  out.fill = ByteView();
  if (!has_size) return;
  const std::uint32_t size = body.u32();
  if (size == UINT32_MAX) return;  // version 1: undefined
  out.fill = body.take(size);
}

// Section IV.A.2.h, external files.
//
//      0  version 1, 0 (3), slots (2), slots used (2), address of a local heap
//         for each: offset of the name in the heap, offset in the file, size (lengths)
void parse_external_files(const Context& context, View body, Messages& out) {
  out.is_external = true;
  body.version(1, 1);
  body.skip(5);
  const std::uint32_t used = body.u16();
  LocalHeap names(context, body.offset());
  for (std::uint32_t i = 0; i < used; ++i) {
    out.external_files.emplace_back(names.text(body.length()));
    body.skip(2 * body.sizes().length);
  }
}

struct MessageType {
  std::uint32_t id;
  std::string_view name;
  Parse parse;
};

// The types of messages (section IV.A.2) that say what an object is. A new one is a row here and a
// member of Messages. Those of continuations and reference counts are read by object_header.cc,
// 0x0f, 0x13, 0x14 and 0x18 of the superblock's extension by superblock.cc, attributes by
// attribute.cc when they are asked for; comments, times, free space and what is deleted say nothing
// that reading needs.
constexpr std::array<MessageType, 13> kTypes{{
    {0x01, "dataspace",
     [](const Context&, View body, Messages& out) { out.space = read_dataspace(body); }},
    {0x02, "link info",
     [](const Context&, View body, Messages& out) {
       out.is_group = true;
       out.dense_links = read_dense_index(body, 8);
     }},
    {0x03, "datatype",
     [](const Context&, View body, Messages& out) { out.type = read_datatype(body); }},
    {0x04, "old fill value", parse_old_fill},
    {0x05, "fill value", parse_fill},
    {0x06, "link",
     [](const Context&, View body, Messages& out) {
       out.is_group = true;
       if (out.links.empty()) out.links.reserve(kUsualLinks);
       out.links.push_back(read_link(body));
     }},
    {0x07, "external files", parse_external_files},
    {0x08, "layout",
     [](const Context&, View body, Messages& out) { out.layout = read_layout(body); }},
    {0x0a, "group info", [](const Context&, View, Messages& out) { out.is_group = true; }},
    {0x0b, "filters",
     [](const Context&, View body, Messages& out) { out.filters = read_filters(body); }},
    {0x0c, "attribute", [](const Context&, View, Messages& out) { out.has_attributes = true; }},
    {0x11, "symbol table",
     [](const Context&, View body, Messages& out) {
       // Section IV.A.2.r: addresses of the B-tree and of the local heap.
       out.is_group = true;
       out.symbols = SymbolTable{body.offset(), body.offset()};
     }},
    {0x15, "attribute info",
     [](const Context&, View, Messages& out) { out.has_attributes = true; }},
}};

}  // namespace

// Section IV.A.2.c, link info: version 0, flags; flag 0: largest creation index (8); fractal heap,
// B-tree by name; flag 1: B-tree by creation order.
// Section IV.A.2.v, attribute info: the same, with a creation index of 2 bytes.
DenseIndex read_dense_index(View body, std::size_t order_size) {
  body.version(0, 0);
  const std::uint32_t flags = body.u8();
  if ((flags & 1U) != 0) body.skip(order_size);
  DenseIndex index{body.offset(), body.offset()};
  if ((flags & 2U) != 0) index.by_order = body.offset();
  return index;
}

Messages read_messages(const Context& context, std::uint64_t address) {
  Messages out;
  out.header = read_object_header(context, address, [&](const Message& message) {
    const auto type = std::ranges::find(kTypes, message.type, &MessageType::id);
    if (type == kTypes.end()) return;
    context.attempt([&] {
      try {
        type->parse(context, message.body, out);
      } catch (const Error& e) {
        throw e.in(cat(type->name, " message"));
      }
    });
  });
  return out;
}

}  // namespace ckpt::h5parse
