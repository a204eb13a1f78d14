#include "formats/h5parse/object_header.h"

#include <algorithm>
#include <map>
#include <optional>

#include "formats/h5parse/fractal_heap.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint32_t kNil = 0x00;
constexpr std::uint32_t kContinuation = 0x10;
constexpr std::uint32_t kOldFill = 0x04;
constexpr std::uint32_t kNewFill = 0x05;
constexpr std::uint32_t kReferenceCount = 0x16;
constexpr std::uint32_t kMustUnderstand = 0x80;  // flag: who does not know the type must stop
constexpr std::uint32_t kLastKnownType = 0x18;

constexpr std::uint64_t kShortest = 16;
constexpr std::uint64_t kUsualSize = 512;  // most headers are no longer: one piece to read

struct HeaderReader {
  const Context& context;
  const TakeMessage& take;
  Resolve resolve;
  ObjectHeader header;
  std::uint32_t flags = 0;  // of version 2
  std::size_t count = 0;
  std::uint64_t stated_count = 0;
  ByteRange first{};  // the first block
  std::vector<ByteRange> continuations{};
  std::map<std::uint64_t, std::uint64_t> blocks{};  // ends and starts

  ObjectHeader run() {
    const std::uint64_t address = header.address;
    context.file.check("object header", address, kShortest);
    header.view = context.file.view("object header", address,
                                    std::min(context.file.size() - address, kUsualSize));
    read_first_block(header.view);
    // Blocks may name further blocks; they are read one after another.
    for (std::size_t i = 0; i < continuations.size(); ++i) {
      context.attempt([&] { read_continuation(continuations[i]); });
    }
    if (header.version == 1) {
      context.attempt(
          [&] { header.view.expect("the number of its messages", stated_count, count); });
    }
    return header;
  }

  // Section IV.A.1.a, version 1.
  //
  //      0  version 1, 0, number of messages (2)
  //      4  hard links to it (4), bytes of messages in this block (4), 0 (4)
  //     16  messages
  //
  // Section IV.A.1.b, version 2.
  //
  //      0  "OHDR", version 2, flags
  //      6  flag 5: four times (16); flag 4: attribute limits (4)
  //         bytes of messages: a number of 1, 2, 4 or 8 bytes by flags 0 and 1
  //         messages, perhaps a gap, checksum (4)
  void read_first_block(View view) {
    View start = view;
    std::uint64_t size = 0;
    if (as_text(view.whole().first(4)) == "OHDR") {
      view.signature("OHDR", 2);
      header.version = 2;
      flags = view.u8();
      if ((flags & 0x20U) != 0) view.skip(16);
      if ((flags & 0x10U) != 0) view.skip(4);
      size = view.number(std::size_t{1} << (flags & 3U));
    } else {
      const auto [version, zero, messages, references, bytes, more_zeros] =
          view.fields<1, 1, 2, 4, 4, 4>();
      view.require(version == 1, "starts with ", version, ", neither version 1 nor OHDR");
      header.version = 1;
      header.references = references;
      stated_count = messages;
      size = bytes;
    }
    context.file.check("object header", header.address, size);
    const std::size_t prefix = view.position();
    first = {header.address, prefix + size + (header.version == 2 ? 4 : 0)};
    View all = first.bytes <= start.left()
                   ? start.part("object header", first.bytes)
                   : context.file.view("object header", first.offset, first.bytes);
    if (header.version == 2) all.checksum();
    all.skip(prefix);
    read_messages(all);
  }

  // Section IV.A.1: version 1 continues with bare messages, version 2 with "OCHK", messages and a
  // checksum.
  void read_continuation(const ByteRange& extent) {
    check_overlap(extent);
    View view = context.file.view("object header block", extent.offset, extent.bytes);
    if (header.version == 2) view.checksum();
    if (header.version == 2) view.signature("OCHK");
    read_messages(view);
  }

  void check_overlap(const ByteRange& extent) {
    blocks.emplace(first.offset + first.bytes, first.offset);
    const std::uint64_t end = extent.offset + extent.bytes;
    const auto known = blocks.upper_bound(extent.offset);
    if (known != blocks.end() && known->second < end) {
      header.view.fail("its block at ", extent.offset, " of ", extent.bytes,
                       " bytes overlaps that at ", known->second, " of ",
                       known->first - known->second);
    }
    blocks.emplace(end, extent.offset);
  }

  // Sections IV.A.1.a and b, the messages of a block.
  //
  //     version 1: type (2), size (2), flags, 0, 0, 0, body; sizes are multiples of 8
  //     version 2: type, size (2), flags, with header flag 2 the order of creation (2), body
  void read_messages(View view) {
    const bool is_new = header.version == 2;
    const std::size_t order = is_new && (flags & 4U) != 0 ? 2 : 0;
    const std::size_t prefix = is_new ? 4 + order : 8;
    Message message;
    while (view.left() >= prefix) {
      message.type = is_new ? view.u8() : view.u16();
      const std::size_t size = view.u16();
      message.flags = view.u8();
      view.skip(is_new ? order : 3);
      view.require(is_new || size % 8 == 0, "a message of ", size, " bytes, no multiple of 8");
      message.body = view.part("header message", size);
      view.limit("the number of its messages", ++count, kMaxMessages);
      understand(message);
    }
    if (!is_new && view.left() > 0) view.skip(prefix);
  }

  void understand(Message& message) {
    View body = message.body;
    if (message.type == kNil) return;
    if (message.type == kContinuation) {
      // Section IV.A.2.q: address and length of the next block.
      const auto [address, size] = body.fields<kAddress, kLength>();
      context.file.check("object header block", address, size);
      continuations.push_back({address, size});
    } else if (message.type == kReferenceCount) {
      body.version(0, 0);
      header.references = body.u32();
    } else if (message.type > kLastKnownType && (message.flags & kMustUnderstand) != 0) {
      body.unsupported("message type ", message.type, " is not known, and must be");
    } else if ((message.flags & kSharedMessage) == 0 || resolve == Resolve::kNo) {
      take(message);
    } else if (context.attempt([&] {
                 message.body = resolve_shared(context, message.type, body, header.address);
               })) {
      take(message);
    }
  }
};

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
    const auto [kind, types, least, to_list, to_tree, messages, index, heap] =
        view.fields<1, 2, 4, 2, 2, 2, kAddress, kAddress>();
    if ((types >> bit & 1U) != 0) return heap;
  }
  from.fail("is shared, but the file has no table of shared messages of type ", type);
}

View in_object(const Context& context, std::uint32_t type, std::uint64_t address,
               const View& from) {
  std::optional<View> body;
  const auto take = [&](const Message& message) {
    if (message.type != type || body) return;
    from.require((message.flags & kSharedMessage) == 0,
                 "refers to a message that is shared itself");
    body = message.body;
  };
  read_object_header(context, address, take, Resolve::kNo);
  if (body) return *body;
  from.fail("refers to the object at ", address, ", which has no message of type ", type);
}

}  // namespace

ObjectHeader read_object_header(const Context& context, std::uint64_t address,
                                const TakeMessage& take, Resolve resolve) {
  return HeaderReader{context, take, resolve, {address}}.run();
}

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
    reference.require(address != owner, "refers to its own object");
    return in_object(context, type, address, reference);
  }
  view.within("the way it is shared", kind, 1, 2);
  FractalHeap heap(context, heap_of_type(context, type, reference));
  return context.file.keep("shared message", reference.address(), heap.object(view.take(8)));
}

}  // namespace ckpt::h5parse
