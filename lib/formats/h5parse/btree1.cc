#include "formats/h5parse/btree1.h"

#include <vector>

#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

struct Node {
  std::uint32_t level;
  std::uint32_t children;
  View view;         // at the next child's left key
  Arena::Mark mark;  // before the node
};

class Walk {
 public:
  Walk(const Context& context, const Btree1& tree, const TakeChild& take)
      : context_(context), tree_(tree), take_(take) {}

  void run() {
    context_.attempt([&] { enter(tree_.address); });
    while (!stack_.empty()) step();
    context_.attempt([&] {
      for (const Edge& edge : edges_) check_sibling(edge.node, "right", edge.right, kUndefined);
    });
  }

 private:
  // Of the nodes of one level, the one that was met last. Siblings that are the nodes met before
  // and after also say that no node is met twice.
  struct Edge {
    std::uint64_t node = kUndefined;
    std::uint64_t right = kUndefined;
  };

  // Section III.A.1, a node.
  //
  //      0  "TREE", type, level, children (2)
  //      8  left sibling, right sibling
  //     24  key 0, child 0, key 1, child 1, …, key n; the node has room for 2k children
  void enter(std::uint64_t address) {
    const std::size_t offset = context_.file.sizes().offset;
    const std::uint64_t room = std::uint64_t{2} * tree_.k;
    const std::uint64_t head = 8 + 2 * offset;
    const std::uint64_t child = tree_.key_size + offset;
    const Arena::Mark mark = context_.file.arena().mark();
    context_.file.check("B-tree node", address, head + room * child + tree_.key_size);
    View view = context_.file.view("B-tree node", address, head);
    view.signature("TREE");
    view.expect("its type", view.u8(), tree_.type);
    const std::uint32_t level = view.u8();
    if (!stack_.empty()) {
      view.expect("its level", level, stack_.back().level - 1);
    } else if (level >= kMaxTreeDepth) {
      view.fail("has level ", level, "; at most ", kMaxTreeDepth - 1, " are read");
    } else {
      edges_.resize(level + 1);
    }
    const std::uint32_t children = view.u16();
    if (children > room) view.fail("has ", children, " children, but room for ", room);
    const std::uint64_t left = view.offset();
    const std::uint64_t right = view.offset();
    Edge& edge = edges_[level];
    check_sibling(address, "left", left, edge.node);
    if (edge.node != kUndefined) check_sibling(edge.node, "right", edge.right, address);
    edge = {address, right};
    view = context_.file.view("B-tree node", address + head, children * child + tree_.key_size);
    stack_.push_back({level, children, view, mark});
  }

  static void check_sibling(std::uint64_t node, std::string_view side, std::uint64_t seen,
                            std::uint64_t needed) {
    if (seen == needed) return;
    const auto words = [](std::uint64_t address) {
      return address == kUndefined ? std::string("none") : cat("at ", address);
    };
    corrupt("B-tree node at ", node, ": its ", side, " sibling is ", words(seen),
            ", but should be ", words(needed));
  }

  void step() {
    Node& node = stack_.back();
    if (node.children == 0) {
      context_.file.arena().release(node.mark);
      stack_.pop_back();
      return;
    }
    --node.children;
    const View left = node.view.part("B-tree key", tree_.key_size);
    const std::uint64_t address = node.view.offset();
    View behind = node.view;
    const View right = behind.part("B-tree key", tree_.key_size);
    context_.attempt([&] {
      if (node.level == 0) {
        take_({left, address, right});
      } else {
        enter(address);
      }
    });
  }

  const Context& context_;
  const Btree1& tree_;
  const TakeChild& take_;
  std::vector<Node> stack_;
  std::vector<Edge> edges_;
};

}  // namespace

void for_each_child(const Context& context, const Btree1& tree, const TakeChild& take) {
  Walk(context, tree, take).run();
}

}  // namespace ckpt::h5parse
