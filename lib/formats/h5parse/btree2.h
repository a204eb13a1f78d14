#pragma once

#include <functional>

#include "formats/h5parse/context.h"

namespace ckpt::h5parse {

// B-trees of version 2 (section III.A.2): indexes of dense links and attributes, huge heap objects
// and chunks. What a record holds depends on the tree's type.
struct Btree2 {
  View head;  // for saying what is wrong with the tree
  std::uint64_t type = 0;
  std::uint64_t node_size = 0;
  std::uint64_t record_size = 0;
  std::uint64_t depth = 0;  // 0: the root is a leaf
  std::uint64_t root = kUndefined;
  std::uint64_t root_records = 0;
  std::uint64_t records = 0;  // in all nodes
};

// Reads the header. Throws Error(kCorrupt) where the tree is not of `type`.
Btree2 read_btree2(const Context& context, std::uint64_t address, std::uint64_t type);

// Gives `take` each record, in the tree's order. Views that `take` makes are gone when the walk is
// over. Throws Error(kCorrupt) where the nodes together are longer than the file, where one has
// more records than fit or other than its parent says, and where the header's total is not what
// there is.
void for_each_record(const Context& context, const Btree2& tree,
                     const std::function<void(View)>& take);

}  // namespace ckpt::h5parse
