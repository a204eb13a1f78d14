#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ckpt {

// A name to be placed in a tree, with the sizes to add up.
struct TreeLeaf {
  std::string_view name;
  std::uint64_t parameters = 0;
  std::uint64_t nbytes = 0;
  bool counts = true;  // false for a second name of a variable: shown, not added up
};

// A scope, a variable, or both at once ("dense/kernel" beside "dense/kernel/Adam"). Nodes are
// linked by their positions in ScopeTree::nodes, where 0 is the root, and as a link means none: a
// tree of a million variables is a few large pieces of memory, not several allocations a node. No
// tree has 2^32 nodes: it would take 256 GB.
struct TreeNode {
  static constexpr std::uint32_t kNoLeaf = UINT32_MAX;
  [[nodiscard]] bool has_leaf() const { return leaf != kNoLeaf; }

  std::string_view segment;  // of the name; empty for the root
  // Of the leaf and everything below.
  std::uint64_t parameters = 0;
  std::uint64_t nbytes = 0;
  std::uint32_t variables = 0;
  std::uint32_t leaf = kNoLeaf;       // its number
  std::uint32_t parent = 0;           // the root is its own parent
  std::uint32_t first = 0, last = 0;  // children, in the order of the leaves
  std::uint32_t next = 0;             // sibling
  // How many consecutive siblings this node stands for (collapse_runs()); their segments are then
  // written "layer_{0..11}" in `segment`, and the sums above are of all of them.
  std::uint32_t repeats = 1;
};

// Names split at the separator. nodes[0] is the root. A node comes after its parent. Segments are
// views into the leaves' names, which must outlive the tree.
struct ScopeTree {
  std::deque<TreeNode> nodes;        // not a vector: growing one would hold every node twice
  std::deque<std::string> segments;  // those that are in no name: "layer_{0..11}"
  char separator = '/';
};

// Makes a tree, leaf by leaf. Names mostly come in the order of the tree, so that a segment is its
// parent's last child or comes behind it, and nothing is looked up; where the children of a scope
// come in another order, they are remembered in a table.
class TreeMaker {
 public:
  explicit TreeMaker(char separator);
  // Leaves are numbered from 0. The name must outlive the tree.
  void add(const TreeLeaf& leaf);
  // The tree with its sums, once all leaves are in it.
  ScopeTree finish();

 private:
  using Children = std::unordered_map<std::string_view, std::uint32_t>;

  TreeNode& node_of(std::string_view name);
  std::uint32_t child(std::uint32_t parent, std::string_view segment);
  Children& remember(std::uint32_t parent);
  std::uint32_t append(std::uint32_t parent, std::string_view segment);

  ScopeTree tree_;
  std::uint32_t leaves_ = 0;
  std::unordered_map<std::uint32_t, Children> unordered_;
};

// The node's children, in order.
std::vector<std::uint32_t> children_of(const ScopeTree& tree, std::size_t node);

// The segments from the root to the node, joined by the separator.
std::string path_of(const ScopeTree& tree, std::size_t node);

// Joins siblings that differ only in a number which counts up by one, and whose subtrees are alike:
// the same segments, and leaves of the same kind. `kinds` has a number for each leaf; equal numbers
// are alike (same dtype and shape, say). The first of a run stays and stands for all; the others
// are no longer among the children of their parent.
void collapse_runs(ScopeTree& tree, std::span<const std::uint64_t> kinds);

// Orders siblings everywhere. `less` compares two nodes.
void sort_siblings(ScopeTree& tree,
                   const std::function<bool(const TreeNode&, const TreeNode&)>& less);

// Compares names as people count: "dense_2" before "dense_10". Equal only where the names are.
bool natural_less(std::string_view a, std::string_view b);

}  // namespace ckpt
