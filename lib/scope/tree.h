#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
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
// tree has 2^32 nodes: it would take 300 GB.
struct TreeNode {
  std::string_view segment;           // of the name; empty for the root
  std::uint32_t parent = 0;           // the root is its own parent
  std::uint32_t first = 0, last = 0;  // children, in the order of the leaves
  std::uint32_t next = 0;             // sibling
  std::optional<std::uint32_t> leaf;  // position in the leaves
  // Of the leaf and everything below.
  std::uint64_t variables = 0;
  std::uint64_t parameters = 0;
  std::uint64_t nbytes = 0;
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

ScopeTree make_tree(std::span<const TreeLeaf> leaves, char separator);

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
