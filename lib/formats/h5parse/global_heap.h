#pragma once

#include <unordered_map>

#include "formats/h5parse/context.h"

namespace ckpt::h5parse {

// Global heaps (section III.E): collections of objects, here texts of variable length. What is
// loaded stays in the arena, so make one for an attribute and not for a file.
class GlobalHeap {
 public:
  explicit GlobalHeap(const Context& context) : context_(context) {}

  // The object with that index in the collection at `address`, valid as long as the arena. Throws
  // Error(kCorrupt) where there is none, and where collections overlap.
  ByteView object(std::uint64_t address, std::uint64_t index);

  // The bytes of a string of variable length: length (4), address, index (4).
  ByteView text(View reference);

 private:
  using Collection = std::unordered_map<std::uint64_t, ByteView>;  // objects by index
  Collection load(std::uint64_t address);

  const Context& context_;
  std::unordered_map<std::uint64_t, Collection> collections_;
  std::uint64_t loaded_ = 0;  // bytes
};

}  // namespace ckpt::h5parse
