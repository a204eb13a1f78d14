#include "formats/h5parse/messages.h"

#include <array>

#include "formats/h5parse/datatype.h"
#include "formats/h5parse/filter.h"
#include "formats/h5parse/group.h"
#include "formats/h5parse/local_heap.h"

namespace ckpt::h5parse {
namespace {

constexpr std::size_t kUsualLinks = 4;  // of a layer

// A message, and where it goes.
struct Parsing {
  const Context& context;
  View body;
  Messages& out;
};

// Section IV.A.2.e, the old fill value: size (4), bytes. The new message rules.
void parse_old_fill(Parsing& p) {
  if (!p.out.fill) p.out.fill = p.body.copy(p.body.u32());
}

// Section IV.A.2.f, the fill value.
//
//     versions 1, 2: version, allocation time, write time, defined; then where defined, in version
//     1
//                    always: size (4), bytes
//     version 3:     version, flags; with flag 5: size (4), bytes
void parse_fill(Parsing& p) {
  const std::uint32_t version = p.body.version(1, 3);
  if (version < 3) p.body.skip(2);
  const std::uint32_t flags = p.body.u8();
  const bool has_size = version == 1 || (version == 2 ? flags != 0 : (flags & 0x20U) != 0);
  const std::uint32_t size = has_size ? p.body.u32() : 0;
  p.out.fill = p.body.copy(size == UINT32_MAX ? 0 : size);  // version 1: undefined
}

// Section IV.A.2.h, external files.
//
//      0  version 1, 0 (3), slots (2), slots used (2), address of a local heap
//         for each: offset of the name in the heap, offset in the file, size (lengths)
void parse_external_files(Parsing& p) {
  p.out.is_external = true;
  p.body.version(1, 1);
  const auto [zero, slots, used, heap] = p.body.fields<3, 2, 2, kAddress>();
  LocalHeap names(p.context, heap);
  for (std::uint64_t i = 0; i < used; ++i) {
    const auto [name, offset, size] = p.body.fields<kLength, kLength, kLength>();
    p.out.external_files.emplace_back(names.text(name));
  }
}

// Section IV.A.2.g.
void parse_link(Parsing& p) {
  p.out.is_group = true;
  if (p.out.links.empty()) p.out.links.reserve(kUsualLinks);
  p.out.links.push_back(read_link(p.body));
}

// Section IV.A.2.r, a group of the old form: addresses of the B-tree and of the local heap.
void parse_symbols(Parsing& p) {
  p.out.is_group = true;
  p.out.symbols = SymbolTable{p.body.offset(), p.body.offset()};
}

void parse_link_info(Parsing& p) {
  p.out.is_group = true;
  p.out.dense_links = read_dense_index(p.body, 8);
}

struct MessageType {
  std::uint32_t id;
  std::string_view name;
  void (*parse)(Parsing& p);
};

// The types of messages (section IV.A.2) that say what an object is. A new one is a row here and a
// member of Messages. Continuations and reference counts are read by object_header.cc; 0x0f, 0x13,
// 0x14 and 0x18 of the superblock's extension by superblock.cc; attributes by attribute.cc when
// they are asked for. Comments, times, free space and what is deleted say nothing that reading
// needs.
constexpr std::array<MessageType, 13> kTypes{{
    {0x01, "dataspace", [](Parsing& p) { p.out.space = read_dataspace(p.body); }},
    {0x02, "link info", parse_link_info},
    {0x03, "datatype", [](Parsing& p) { p.out.type = read_datatype(p.body); }},
    {0x04, "old fill value", parse_old_fill},
    {0x05, "fill value", parse_fill},
    {0x06, "link", parse_link},
    {0x07, "external files", parse_external_files},
    {0x08, "layout", [](Parsing& p) { p.out.layout = read_layout(p.body); }},
    {0x0a, "group info", [](Parsing& p) { p.out.is_group = true; }},
    {0x0b, "filters", [](Parsing& p) { p.out.filters = read_filters(p.body); }},
    {0x0c, "attribute", [](Parsing& p) { p.out.has_attributes = true; }},
    {0x11, "symbol table", parse_symbols},
    {0x15, "attribute info", [](Parsing& p) { p.out.has_attributes = true; }},
}};

// The row of each type, null where there is none: looked up for each message of the file.
constexpr auto kRows = [] {
  std::array<const MessageType*, kTypes.back().id + 1> rows{};
  for (const MessageType& type : kTypes) rows[type.id] = &type;
  return rows;
}();

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
    const MessageType* type = message.type < kRows.size() ? kRows[message.type] : nullptr;
    if (type == nullptr) return;
    context.attempt([&] {
      try {
        Parsing parsing{context, message.body, out};
        type->parse(parsing);
      } catch (const Error& e) {
        throw e.in(cat(type->name, " message"));
      }
    });
  });
  if (out.header.references == 0) {
    context.note(cat("object header at ", address, ": says that 0 links lead to it"));
  }
  return out;
}

}  // namespace ckpt::h5parse
