#include "formats/h5parse/global_heap.h"

#include <algorithm>

namespace ckpt::h5parse {

// Section III.E.
//
//      0  "GCOL", version 1, 0 (3), size of the collection (length)
//     16  objects: index (2), references (2), 0 (4), size (length), bytes padded to 8;
//         index 0 is free space and the last;
//         heads are padded to 8 too
GlobalHeap::Collection GlobalHeap::load(std::uint64_t address) {
  const Sizes sizes = context_.file.sizes();
  const std::size_t head = (8 + sizes.length + 7) / 8 * 8;  // of the collection and of an object
  View view = context_.file.view("global heap", address, head);
  view.signature("GCOL", 1);
  view.skip(3);
  const std::uint64_t size = view.length();
  view = context_.file.view("global heap", address, size);
  loaded_ += size;
  if (loaded_ > context_.file.size()) {
    view.fail("has ", size, " bytes and overlaps others: together they have ", loaded_,
              ", the file has ", context_.file.size());
  }
  view.skip(head);
  Collection objects;
  while (view.left() >= head) {
    const std::uint32_t index = view.u16();
    view.skip(6);
    const std::uint64_t bytes = view.length();
    if (index == 0) break;
    view.skip(head - 8 - sizes.length);
    if (!objects.emplace(index, view.take(bytes)).second) view.fail("has two objects ", index);
    view.skip(std::min<std::size_t>((8 - bytes % 8) % 8, view.left()));
  }
  return objects;
}

ByteView GlobalHeap::object(std::uint64_t address, std::uint32_t index) {
  auto known = collections_.find(address);
  if (known == collections_.end()) known = collections_.emplace(address, load(address)).first;
  const auto found = known->second.find(index);
  if (found != known->second.end()) return found->second;
  corrupt("global heap at ", address, ": has no object ", index);
}

ByteView GlobalHeap::element(View reference, std::uint64_t unit) {
  const std::uint64_t count = reference.u32();
  const std::uint64_t address = reference.offset();
  const std::uint32_t index = reference.u32();
  if (count == 0 || (address == 0 && index == 0)) return {};
  const ByteView bytes = object(address, index);
  if (bytes.size() / unit < count) {
    corrupt("global heap at ", address, ": its object ", index, " has ", bytes.size(), " bytes, ",
            count, " elements of ", unit, " are needed");
  }
  return bytes.first(static_cast<std::size_t>(count * unit));
}

}  // namespace ckpt::h5parse
