#include "formats/h5parse/shared_message.h"

#include "core/text.h"
#include "formats/h5parse/context.h"
#include "formats/h5parse/fractal_heap.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint32_t kOldFill = 0x04;
constexpr std::uint32_t kNewFill = 0x05;

// Section III.I, the table of shared object header messages.
//
//      0  "SMTB", then for each index
//         version 0, index type, message types as bits (2), smallest size (4),
//         two cut-offs (2, 2), number of messages (2), address of the index, address of the heap
//         checksum (4)
std::uint64_t heap_of_type(const Context& context, std::uint32_t type, const View& from) {
  const auto& superblock = context.superblock;
  const Sizes sizes = context.file.sizes();
  const std::uint64_t size = 4 + superblock.shared_indexes * (14 + 2 * sizes.offset) + 4;
  Block block = context.file.block("shared message table", superblock.shared_table, size);
  View& view = block.view;
  view.checksum();
  view.signature("SMTB");
  const std::uint32_t bit = type == kOldFill ? kNewFill : type;
  for (std::uint32_t i = 0; i < superblock.shared_indexes; ++i) {
    view.version(0, 0);
    view.skip(1);
    const std::uint32_t types = view.u16();
    view.skip(10);
    view.skip(sizes.offset);
    const std::uint64_t heap = view.offset();
    if ((types >> bit & 1U) != 0) return heap;
  }
  from.fail(cat("is shared, but the file has no table of shared messages of type ", type));
}

View in_object(const Context& context, std::uint32_t type, std::uint64_t address, const View& from,
               ObjectHeader& owner) {
  if (address == owner.address) from.fail("refers to its own object");
  ObjectHeader header = read_object_header(context, address, Resolve::kNo);
  for (const Message& message : header.messages) {
    if (message.type != type) continue;
    if ((message.flags & kSharedMessage) != 0)
      from.fail("refers to a message that is shared itself");
    const View body = message.body;
    for (Block& block : header.blocks) owner.blocks.push_back(std::move(block));
    return body;
  }
  from.fail(cat("refers to the object at ", address, ", which has no message of type ", type));
}

}  // namespace

// Section IV.A.2, shared messages.
//
//     version 1: version, type, 0 (6), address of an object header
//     version 2: version, type, address of an object header
//     version 3: version, type 1: heap ID (8), type 2: address of an object header
View resolve_shared(const Context& context, std::uint32_t type, View reference,
                    ObjectHeader& owner) {
  View view = reference;
  const std::uint32_t version = view.version(1, 3);
  const std::uint32_t kind = view.u8();
  if (version == 1) view.skip(6);
  if (version < 3 || kind == 2) return in_object(context, type, view.offset(), reference, owner);
  if (kind != 1) view.fail(cat("is shared in the unknown way ", kind));
  FractalHeap heap(context, heap_of_type(context, type, reference));
  const std::uint64_t address = reference.address();
  owner.blocks.emplace_back("shared message", address, heap.object(view.take(8)),
                            context.file.sizes());
  return owner.blocks.back().view;
}

View resolve_shared(const Context& context, const Message& message, ObjectHeader& owner) {
  return resolve_shared(context, message.type, message.body, owner);
}

}  // namespace ckpt::h5parse
