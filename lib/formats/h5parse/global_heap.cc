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
  const auto [zero, size] = view.fields<3, kLength>();
  view = context_.file.view("global heap", address, size);
  loaded_ += size;
  view.require(loaded_ <= context_.file.size(), "has ", size, " bytes and overlaps others");
  view.skip(head);
  Collection objects;
  while (view.left() >= head) {
    const auto [index, references, zeros, bytes] = view.fields<2, 2, 4, kLength>();
    if (index == 0) break;
    view.skip(head - 8 - sizes.length);
    if (!objects.emplace(index, view.take(bytes)).second) view.fail("has two objects ", index);
    view.skip(std::min<std::size_t>((8 - bytes % 8) % 8, view.left()));
  }
  return objects;
}

ByteView GlobalHeap::object(std::uint64_t address, std::uint64_t index) {
  auto known = collections_.find(address);
  if (known == collections_.end()) known = collections_.emplace(address, load(address)).first;
  const auto found = known->second.find(index);
  if (found != known->second.end()) return found->second;
  corrupt("global heap at ", address, ": has no object ", index);
}

ByteView GlobalHeap::text(View reference) {
  const auto [size, address, index] = reference.fields<4, kAddress, 4>();
  if (size == 0 || (address == 0 && index == 0)) return {};
  return View("global heap object", address, object(address, index), {}).take(size);
}

}  // namespace ckpt::h5parse
