#include "scope/moves/move_units.h"

#include <algorithm>

namespace ckpt {
namespace {

using Node = MoveTree::Node;
using Kind = Node::Kind;
using Fate = Node::Fate;

constexpr std::uint32_t kNoNode = UINT32_MAX;

std::string_view last_segment(std::string_view path, char separator) {
  return path.substr(path.rfind(separator) + 1);
}

// The scope of a path; empty for one at the root.
std::string_view scope_of(std::string_view path, char separator) {
  const auto at = path.rfind(separator);
  return at == std::string_view::npos ? std::string_view{} : path.substr(0, at);
}

}  // namespace

MoveTree::MoveTree(std::span<const PathMoveView> moves, std::span<const std::string_view> others,
                   char separator)
    : separator_(separator) {
  nodes_.reserve(2 * moves.size() + 2);  // what is not used takes no memory
  nodes_.push_back({});
  grow_slots();
  for (const PathMoveView& move : moves) {
    Node& leaf = nodes_[add(move.from, Kind::kVariable)];
    leaf.fate = move.to.empty() ? Fate::kDrops : Fate::kMoves;
    leaf.image = move.to;
    leaf.has_remaining = move.from == move.to;
  }
  for (std::string_view path : others) {
    const bool is_scope = path.ends_with(separator);
    if (is_scope) path.remove_suffix(1);
    nodes_[add(path, is_scope ? Kind::kScope : Kind::kOther)].has_others = true;
  }
  std::string_view last;  // neighbours mostly share their scope
  for (const PathMoveView& move : moves) {
    if (scope_of(move.to, separator) == last) continue;
    last = scope_of(move.to, separator);
    for (std::string_view scope = last; !scope.empty(); scope = scope_of(scope, separator)) {
      const std::uint32_t node = slots_[slot_of(scope)];
      if (node == kNoNode) continue;
      if (nodes_[node].will_be_scope) break;
      nodes_[node].will_be_scope = true;
    }
  }
  // Scopes were added before what is in them, so that backwards the children come first.
  for (std::size_t i = nodes_.size(); i-- > 0;) settle(i);
  // A scope that seemed free to move may turn out to be blocked by what others leave behind. Then
  // it is held, and the choice is made again; each round holds one scope more.
  for (bool is_settled = false; !is_settled;) {
    choose_units();
    find_persisting();
    is_settled = true;
    for (const Unit& unit : units_) {
      const Node* there = find(unit.to);
      if (unit.to.empty() || there == nullptr || !is_scope(unit.node)) continue;
      if (persists(*there) && held_.insert(unit.node).second) is_settled = false;
    }
  }
}

// The slot of the node at `path`, or the free one where it belongs.
std::size_t MoveTree::slot_of(std::string_view path) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = std::hash<std::string_view>()(path) & mask;
  while (slots_[at] != kNoNode && nodes_[slots_[at]].path != path) at = (at + 1) & mask;
  return at;
}

// At least twice as many slots as nodes.
void MoveTree::grow_slots() {
  if (slots_.size() >= 2 * nodes_.size() && !slots_.empty()) return;
  slots_.assign(std::max<std::size_t>(64, 2 * slots_.size()), kNoNode);
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) slots_[slot_of(nodes_[i].path)] = i;
}

const MoveTree::Node* MoveTree::find(std::string_view path) const {
  const std::uint32_t node = slots_[slot_of(path)];
  return node == kNoNode ? nullptr : &nodes_[node];
}

std::uint32_t MoveTree::add(std::string_view path, Kind kind) {
  if (const auto known = slots_[slot_of(path)]; known != kNoNode) return known;
  const std::uint32_t parent = add(scope_of(path, separator_), Kind::kScope);
  const auto index = static_cast<std::uint32_t>(nodes_.size());
  slots_[slot_of(path)] = index;
  Node& node = nodes_.emplace_back();
  node.path = path;
  node.parent = parent;
  node.kind = kind;
  Node& above = nodes_[parent];
  (above.child_count == 0 ? above.first_child : nodes_[above.last_child].next) = index;
  above.last_child = index;
  ++above.child_count;
  grow_slots();
  return index;
}

// Decides a scope's fate by those of its children.
void MoveTree::settle(std::size_t index) {
  Node& node = nodes_[index];
  if (node.kind != Kind::kScope) return;
  bool is_first = true;
  for_each_child(node, [&](std::uint32_t c) {
    const Node& child = nodes_[c];
    node.has_others = node.has_others || child.has_others;
    node.has_remaining = node.has_remaining || child.has_remaining;
    if (child.fate == Fate::kNothing) return;
    Fate fate = child.fate;
    std::string_view image;
    if (fate == Fate::kMoves) {
      image = scope_of(child.image, separator_);
      const bool keeps_name =
          last_segment(child.image, separator_) == last_segment(child.path, separator_);
      if (!keeps_name || image.empty()) fate = Fate::kMixed;
    }
    if (is_first) {
      node.fate = fate;
      node.image = image;
      is_first = false;
    } else if (node.fate != fate || node.image != image) {
      node.fate = Fate::kMixed;
    }
  });
  if (index == 0) node.fate = Fate::kMixed;  // the root itself cannot move
  if (node.fate == Fate::kDrops && node.has_others) node.fate = Fate::kMixed;
}

void MoveTree::choose_units() {
  units_.clear();
  claimed_.clear();
  candidates_.clear();
  // The shallowest target first; of those with one target, the scope with the most in it.
  const auto later = [this](std::size_t a, std::size_t b) {
    const Node& x = nodes_[a];
    const Node& y = nodes_[b];
    if (x.image.size() != y.image.size()) return x.image.size() > y.image.size();
    if (x.image != y.image) return x.image > y.image;
    if (x.child_count != y.child_count) return x.child_count < y.child_count;
    return x.path > y.path;
  };
  dissolve(0);
  std::ranges::make_heap(candidates_, later);
  while (!candidates_.empty()) {
    std::ranges::pop_heap(candidates_, later);
    const std::size_t node = candidates_.back();
    candidates_.pop_back();
    const Node* there = find(nodes_[node].image);
    const bool is_blocked = held_.contains(node) || claimed_.contains(nodes_[node].image) ||
                            (there != nullptr && there->has_remaining) ||
                            is_provided(nodes_[node].image);
    if (!is_blocked) {
      accept(node);
      continue;
    }
    const std::size_t before = candidates_.size();
    dissolve(node);
    for (std::size_t i = before; i < candidates_.size(); ++i) {
      std::push_heap(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                     later);
    }
  }
}

// Its children go each their own way.
void MoveTree::dissolve(std::size_t node) {
  for_each_child(nodes_[node], [this](std::uint32_t child) { visit(child); });
}

void MoveTree::visit(std::size_t index) {
  const Node& node = nodes_[index];
  switch (node.fate) {
    case Fate::kNothing:
      break;
    case Fate::kDrops:
      units_.push_back({index, {}});
      break;
    case Fate::kMixed:
      dissolve(index);
      break;
    case Fate::kMoves:
      if (node.image == node.path) break;
      if (node.kind == Kind::kScope) {
        candidates_.push_back(index);
      } else {
        units_.push_back({index, node.image});
      }
      break;
  }
}

// Does a scope that moves whole bring one along that will be at `target`?
bool MoveTree::is_provided(std::string_view target) const {
  for (std::string_view scope = scope_of(target, separator_); !scope.empty();
       scope = scope_of(scope, separator_)) {
    const auto it = claimed_.find(scope);
    if (it == claimed_.end()) continue;
    std::string brought(nodes_[it->second].path);
    brought += target.substr(scope.size());
    if (find(brought) != nullptr) return true;
  }
  return false;
}

void MoveTree::accept(std::size_t node) {
  claimed_.emplace(nodes_[node].image, node);
  units_.push_back({node, nodes_[node].image});
}

// Marks the scopes above all that stays, and that itself.
void MoveTree::find_persisting() {
  persisting_.assign(nodes_.size(), false);
  std::vector<bool> leaving(nodes_.size());
  for (const Unit& unit : units_) leaving[unit.node] = true;
  const auto leaves = [&](std::size_t node) {
    for (; node != 0; node = nodes_[node].parent) {
      if (leaving[node]) return true;
    }
    return false;
  };
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    bool is_other = node.has_others;
    for_each_child(node, [&](std::uint32_t c) { is_other = is_other && !nodes_[c].has_others; });
    const bool remains = node.kind == Kind::kVariable && node.has_remaining;
    if (!remains && (!is_other || leaves(i))) continue;
    for (std::size_t at = i; at != 0 && !persisting_[at]; at = nodes_[at].parent) {
      persisting_[at] = true;
    }
  }
}

}  // namespace ckpt
