#include "formats/h5parse/btree1.h"

#include <vector>

#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

// The nodes of one level.
struct Row {
  std::vector<std::uint64_t> nodes;  // addresses, from left to right
  std::uint64_t lowest = 0;          // what their level may be: any where the row is the root
  std::uint64_t highest = kMaxTreeDepth - 1;
};

struct Node {
  std::uint64_t level;
  std::uint64_t children;
  View view;  // at the first child's left key
};

void check_sibling(const View& node, std::string_view side, std::uint64_t seen,
                   std::uint64_t needed) {
  if (seen == needed) return;
  const auto words = [](std::uint64_t address) {
    return address == kUndefined ? std::string("none") : cat("at ", address);
  };
  node.fail("its ", side, " sibling is ", words(seen), ", but should be ", words(needed));
}

// Section III.A.1, a node.
//
//      0  "TREE", type, level, children (2)
//      8  left sibling, right sibling: the nodes beside it, so that none is in a row twice
//     24  key 0, child 0, key 1, child 1, …, key n; the node has room for 2k children
Node read_node(const Context& context, const Btree1& tree, const Row& row, std::size_t i) {
  const auto& nodes = row.nodes;
  const std::uint64_t head = 8 + 2 * context.file.sizes().offset;
  const std::uint64_t child = tree.key_size + context.file.sizes().offset;
  context.file.check("B-tree node", nodes[i], head + 2 * tree.k * child + tree.key_size);
  View view = context.file.view("B-tree node", nodes[i], head);
  view.signature("TREE");
  const auto [type, level, children, left, right] = view.fields<1, 1, 2, kAddress, kAddress>();
  view.expect("its type", type, tree.type);
  view.within("its level", level, row.lowest, row.highest);
  view.within("the number of its children", children, 0, 2 * tree.k);
  check_sibling(view, "left", left, i == 0 ? kUndefined : nodes[i - 1]);
  check_sibling(view, "right", right, i + 1 == nodes.size() ? kUndefined : nodes[i + 1]);
  const std::uint64_t size = children * child + tree.key_size;
  return {level, children, context.file.view("B-tree node", nodes[i] + head, size)};
}

}  // namespace

// Goes down level by level, so that no tree is too deep for the stack.
void for_each_child(const Context& context, const Btree1& tree, const TakeChild& take) {
  std::uint64_t bytes = 0;  // of the nodes: no more than the file has, so that none pays twice
  for (Row row{{tree.address}}; !row.nodes.empty();) {
    Row below;
    for (std::size_t i = 0; i < row.nodes.size(); ++i) {
      const Arena::Mark mark = context.file.arena().mark();
      context.attempt([&] {
        Node node = read_node(context, tree, row, i);
        bytes += node.view.whole().size();
        if (bytes > context.file.size()) {
          corrupt("B-tree at ", tree.address, ": has more nodes than fit the file");
        }
        below.lowest = below.highest = node.level - 1;
        for (; node.children > 0; --node.children) {
          const View left = node.view.part("B-tree key", tree.key_size);
          const std::uint64_t address = node.view.offset();
          View behind = node.view;
          const View right = behind.part("B-tree key", tree.key_size);
          if (node.level > 0) {
            below.nodes.push_back(address);
          } else {
            context.attempt([&] { take({left, address, right}); });
          }
        }
      });
      context.file.arena().release(mark);
    }
    row = std::move(below);
  }
}

}  // namespace ckpt::h5parse
