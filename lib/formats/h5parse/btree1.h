#pragma once

#include <functional>

#include "formats/h5parse/context.h"

namespace ckpt::h5parse {

// B-trees of version 1 (section III.A.1): indexes of groups (type 0) and of chunks (type 1).
struct Btree1 {
  std::uint64_t address = kUndefined;
  std::uint64_t type = 0;
  std::uint64_t k = 0;  // a node has at most 2k children
  std::size_t key_size = 0;
};

// What a leaf says of one child: its address between the keys on its left and right.
struct Btree1Child {
  View left;
  std::uint64_t address;
  View right;
};

using TakeChild = std::function<void(Btree1Child)>;

// Gives `take` the children of all leaves, from left to right. Views that `take` makes are gone
// when the walk is over. Throws Error(kCorrupt) where a node is of the wrong type or level, has
// more children than fit, or where its siblings are not the nodes beside it.
void for_each_child(const Context& context, const Btree1& tree, const TakeChild& take);

}  // namespace ckpt::h5parse
