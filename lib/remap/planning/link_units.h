#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "remap/link_moves.h"

namespace ckpt {

// The tree of what a container holds, and the largest parts of it that can move in one step.
// Paths are views into what the tree was made from, which must outlive it.
class LinkTree {
 public:
  // A scope or a leaf. The root is node 0, with an empty path.
  struct Node {
    std::string_view path;
    std::size_t parent = 0;
    std::vector<std::size_t> children;
    enum class Kind { kScope, kVariable, kOther } kind = Kind::kScope;
    // Where all variables under it go, if they go there alike.
    enum class Fate { kNothing, kMoves, kDrops, kMixed } fate = Fate::kNothing;
    std::string_view image;      // of kMoves
    bool has_others = false;     // under it, or itself
    bool has_remaining = false;  // a variable under it stays where it is
    bool will_be_scope = false;  // some variable will be under its path
  };
  // A part that moves or is dropped in one step. None lies under another.
  struct Unit {
    std::size_t node = 0;
    std::string_view to;  // empty: dropped
  };

  LinkTree(std::span<const PathMove> moves, std::span<const std::string> others, char separator);

  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  [[nodiscard]] const Node* find(std::string_view path) const;
  [[nodiscard]] bool is_scope(std::size_t node) const {
    return nodes_[node].kind == Node::Kind::kScope;
  }
  [[nodiscard]] const std::vector<Unit>& units() const { return units_; }

  // Is something still at its path when all units have left it?
  [[nodiscard]] bool persists(const Node& node) const {
    return persisting_.contains(static_cast<std::size_t>(&node - nodes_.data()));
  }

 private:
  std::size_t add(std::string_view path, Node::Kind kind);
  void settle(std::size_t node);
  void choose_units();
  void visit(std::size_t node);
  void dissolve(std::size_t node);
  [[nodiscard]] bool is_provided(std::string_view target) const;
  void accept(std::size_t node);
  void find_persisting();

  char separator_;
  std::vector<Node> nodes_;
  std::unordered_map<std::string_view, std::size_t> node_at_;
  std::vector<Unit> units_;
  std::unordered_map<std::string_view, std::size_t> claimed_;  // target of a scope → its node
  std::unordered_set<std::size_t> held_;  // scopes that may not move whole, as was found out
  std::unordered_set<std::size_t> persisting_;
  std::vector<std::size_t> candidates_;  // a heap: scopes that move whole if nothing is in the way
};

}  // namespace ckpt
