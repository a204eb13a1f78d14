#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "scope/tree_moves.h"

namespace ckpt {

// The tree of what a container holds, and the largest parts of it that can move in one step.
// Paths are views into what the tree was made from, which must outlive it.
class MoveTree {
 public:
  // A scope or a leaf. The root is node 0, with an empty path. There is one for each of 100,000
  // variables, so it is small.
  struct Node {
    std::string_view path;
    std::string_view image;  // of kMoves
    std::uint32_t parent = 0;
    std::uint32_t first_child = 0;  // 0: none
    std::uint32_t last_child = 0;
    std::uint32_t next = 0;  // child of its parent; 0: it is the last
    std::uint32_t child_count = 0;
    enum class Kind : std::uint8_t { kScope, kVariable, kOther } kind = Kind::kScope;
    // Where all variables under it go, if they go there alike.
    enum class Fate : std::uint8_t { kNothing, kMoves, kDrops, kMixed } fate = Fate::kNothing;
    bool has_others = false;     // under it, or itself
    bool has_remaining = false;  // a variable under it stays where it is
    bool will_be_scope = false;  // some variable will be under its path
  };
  // A part that moves or is dropped in one step. None lies under another.
  struct Unit {
    std::size_t node = 0;
    std::string_view to;  // empty: dropped
  };

  MoveTree(std::span<const PathMoveView> moves, std::span<const std::string_view> others,
           char separator);

  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  [[nodiscard]] const Node* find(std::string_view path) const;
  [[nodiscard]] std::size_t index_of(const Node& node) const {
    return static_cast<std::size_t>(&node - nodes_.data());
  }
  // Calls `f` with the position of each child, in the order in which they were met.
  template <typename F>
  void for_each_child(const Node& node, F&& f) const {
    for (std::uint32_t at = node.first_child; at != 0; at = nodes_[at].next) f(at);
  }
  [[nodiscard]] bool is_scope(std::size_t node) const {
    return nodes_[node].kind == Node::Kind::kScope;
  }
  [[nodiscard]] const std::vector<Unit>& units() const { return units_; }

  // Is something still at its path when all units have left it?
  [[nodiscard]] bool persists(const Node& node) const { return persisting_[index_of(node)]; }

 private:
  [[nodiscard]] std::size_t slot_of(std::string_view path) const;
  void grow_slots();
  std::uint32_t add(std::string_view path, Node::Kind kind);
  void settle(std::size_t node);
  void choose_units();
  void visit(std::size_t node);
  void dissolve(std::size_t node);
  [[nodiscard]] bool is_provided(std::string_view target) const;
  void accept(std::size_t node);
  void find_persisting();

  char separator_;
  std::vector<Node> nodes_;
  // The nodes by their paths, with open addressing; kNoNode where a slot is free.
  std::vector<std::uint32_t> slots_;
  std::vector<Unit> units_;
  std::unordered_map<std::string_view, std::size_t> claimed_;  // target of a scope → its node
  std::unordered_set<std::size_t> held_;  // scopes that may not move whole, as was found out
  std::vector<bool> persisting_;          // of each node
  std::vector<std::size_t> candidates_;   // a heap: scopes that move whole if nothing is in the way
};

}  // namespace ckpt
