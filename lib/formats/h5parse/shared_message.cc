#include "formats/h5parse/shared_message.h"

#include <optional>

#include "formats/h5parse/fractal_heap.h"
#include "formats/h5parse/object_header.h"

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
  const std::size_t offset = context.file.sizes().offset;
  View view = context.file.view("shared message table", superblock.shared_table,
                                8 + superblock.shared_indexes * (14 + 2 * offset));
  view.checksum();
  view.signature("SMTB");
  const std::uint32_t bit = type == kOldFill ? kNewFill : type;
  for (std::uint32_t i = 0; i < superblock.shared_indexes; ++i) {
    view.version(0, 0);
    view.skip(1);
    const std::uint32_t types = view.u16();
    view.skip(10 + offset);
    const std::uint64_t heap = view.offset();
    if ((types >> bit & 1U) != 0) return heap;
  }
  from.fail("is shared, but the file has no table of shared messages of type ", type);
}

View in_object(const Context& context, std::uint32_t type, std::uint64_t address,
               const View& from) {
  std::optional<View> body;
  const auto take = [&](const Message& message) {
    if (message.type != type || body) return;
    if ((message.flags & kSharedMessage) != 0) {
      from.fail("refers to a message that is shared itself");
    }
    body = message.body;
  };
  read_object_header(context, address, take, Resolve::kNo);
  if (body) return *body;
  from.fail("refers to the object at ", address, ", which has no message of type ", type);
}

}  // namespace

// Section IV.A.2, shared messages.
//
//     version 1: version, type, 0 (6), address of an object header
//     version 2: version, type, address of an object header
//     version 3: version, type 1: heap ID (8), type 2: address of an object header
View resolve_shared(const Context& context, std::uint32_t type, View reference,
                    std::uint64_t owner) {
  View view = reference;
  const std::uint32_t version = view.version(1, 3);
  const std::uint32_t kind = view.u8();
  if (version == 1) view.skip(6);
  if (version < 3 || kind == 2) {
    const std::uint64_t address = view.offset();
    if (address == owner) reference.fail("refers to its own object");
    return in_object(context, type, address, reference);
  }
  if (kind != 1) view.fail("is shared in the unknown way ", kind);
  FractalHeap heap(context, heap_of_type(context, type, reference));
  return context.file.keep("shared message", reference.address(), heap.object(view.take(8)));
}

}  // namespace ckpt::h5parse
