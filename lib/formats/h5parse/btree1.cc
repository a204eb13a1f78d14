#include "formats/h5parse/btree1.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "core/text.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint32_t kAnyLevel = UINT32_MAX;

struct Node {
  std::uint32_t level;
  std::uint32_t children;
  Block block;  // its view is at the next child's left key
};

class Walk {
 public:
  Walk(const Context& context, const Btree1& tree,
       const std::function<void(const Btree1Child&)>& take)
      : context_(context), tree_(tree), take_(take) {}

  void run() {
    context_.attempt([&] { enter(tree_.address, kAnyLevel); });
    while (!stack_.empty()) step();
    context_.attempt([&] {
      for (const Edge& edge : edges_) check_sibling(edge.node, "right", edge.right, kUndefined);
    });
  }

 private:
  // Of the nodes of one level, the one that was met last.
  struct Edge {
    std::uint64_t node = kUndefined;
    std::uint64_t right = kUndefined;
  };

  // Section III.A.1, a node.
  //
  //      0  "TREE", type, level, children (2)
  //      8  left sibling, right sibling
  //     24  key 0, child 0, key 1, child 1, …, key n; the node has room for 2k children
  void enter(std::uint64_t address, std::uint32_t level) {
    const Sizes sizes = context_.file.sizes();
    const std::uint64_t room = std::uint64_t{2} * tree_.k;
    const std::uint64_t size =
        8 + 2 * sizes.offset + room * (tree_.key_size + sizes.offset) + tree_.key_size;
    if (!visited_.insert(address).second) {
      throw Error(Errc::kCorrupt,
                  cat("B-tree at ", tree_.address, ": its node at ", address, " is met twice"));
    }
    context_.file.check("B-tree node", address, size);
    Node node{0, 0, context_.file.block("B-tree node", address, 8 + 2 * sizes.offset)};
    View& view = node.block.view;
    view.signature("TREE");
    if (const auto type = view.u8(); type != tree_.type)
      view.fail(mismatch("its type", type, tree_.type));
    node.level = view.u8();
    if (level == kAnyLevel ? node.level >= kMaxTreeDepth : node.level != level) {
      view.fail(level == kAnyLevel
                    ? cat("has level ", node.level, "; at most ", kMaxTreeDepth - 1, " are read")
                    : mismatch("its level", node.level, level));
    }
    node.children = view.u16();
    if (node.children > room) {
      view.fail(cat("has ", node.children, " children, but room for ", room));
    }
    const std::uint64_t left = view.offset();
    const std::uint64_t right = view.offset();
    Edge& edge = edges_[node.level];
    check_sibling(address, "left", left, edge.node);
    if (edge.node != kUndefined) check_sibling(edge.node, "right", edge.right, address);
    edge = {address, right};
    const std::uint64_t used = node.children * (tree_.key_size + sizes.offset) + tree_.key_size;
    node.block = context_.file.block("B-tree node", address + 8 + 2 * sizes.offset, used);
    stack_.push_back(std::move(node));
  }

  void check_sibling(std::uint64_t node, std::string_view side, std::uint64_t seen,
                     std::uint64_t needed) const {
    if (seen == needed) return;
    const auto words = [](std::uint64_t address) {
      return address == kUndefined ? std::string("none") : cat("at ", address);
    };
    throw Error(Errc::kCorrupt, cat("B-tree node at ", node, ": its ", side, " sibling is ",
                                    words(seen), ", but should be ", words(needed)));
  }

  void step() {
    Node& node = stack_.back();
    if (node.children == 0) {
      stack_.pop_back();
      return;
    }
    --node.children;
    View& view = node.block.view;
    const View left = view.part("B-tree key", tree_.key_size);
    const std::uint64_t address = view.offset();
    View behind = view;
    const View right = behind.part("B-tree key", tree_.key_size);
    const std::uint32_t level = node.level;
    context_.attempt([&] {
      if (level == 0) {
        take_({left, address, right});
      } else {
        enter(address, level - 1);
      }
    });
  }

  const Context& context_;
  const Btree1& tree_;
  const std::function<void(const Btree1Child&)>& take_;
  std::vector<Node> stack_;
  std::array<Edge, kMaxTreeDepth> edges_{};
  std::unordered_set<std::uint64_t> visited_;
};

}  // namespace

void for_each_child(const Context& context, const Btree1& tree,
                    const std::function<void(const Btree1Child&)>& take) {
  Walk(context, tree, take).run();
}

}  // namespace ckpt::h5parse
