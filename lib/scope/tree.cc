#include "scope/tree.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::string_view kDigits = "0123456789";

void set_children(ScopeTree& tree, std::size_t node, const std::vector<std::uint32_t>& children) {
  std::uint32_t next = 0;
  for (auto child = children.rbegin(); child != children.rend(); ++child) {
    tree.nodes[*child].next = std::exchange(next, *child);
  }
  tree.nodes[node].first = next;
  tree.nodes[node].last = children.empty() ? 0 : children.back();
}

// A segment with its last number cut out: "layer_12_w" is "layer_", 12, "_w". Empty where it has
// none, or one that printing would not give back ("007").
struct Numbered {
  std::string_view before;
  std::uint64_t number = 0;
  std::string_view after;
};

std::optional<Numbered> numbered(std::string_view segment) {
  const auto last = segment.find_last_of(kDigits);
  if (last == std::string_view::npos) return std::nullopt;
  const auto before = segment.find_last_not_of(kDigits, last);
  const auto first = before == std::string_view::npos ? 0 : before + 1;
  const std::string_view digits = segment.substr(first, last + 1 - first);
  Numbered out{segment.substr(0, first), 0, segment.substr(last + 1)};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), out.number);
  const bool leading_zero = digits.size() > 1 && digits[0] == '0';
  if (error != std::errc{} || leading_zero) return std::nullopt;
  return out;
}

// A number for each node's subtree: equal numbers mean equal segments and leaf kinds throughout.
std::vector<std::size_t> subtree_classes(const ScopeTree& tree,
                                         std::span<const std::uint64_t> kinds) {
  std::vector<std::size_t> classes(tree.nodes.size());
  std::unordered_map<std::string, std::size_t> interned;
  for (std::size_t n = tree.nodes.size(); n-- > 0;) {  // children before their parents
    const TreeNode& node = tree.nodes[n];
    std::string key = node.has_leaf() ? cat(kinds[node.leaf]) : "";
    for (const std::uint32_t child : children_of(tree, n)) {
      key += cat('\0', tree.nodes[child].segment, '\0', classes[child]);
    }
    classes[n] = interned.emplace(std::move(key), interned.size()).first->second;
  }
  return classes;
}

}  // namespace

TreeMaker::TreeMaker(char separator) {
  tree_.separator = separator;
  tree_.nodes.emplace_back();
}

void TreeMaker::add(const TreeLeaf& leaf) {
  TreeNode& node = node_of(leaf.name);
  node.leaf = leaves_++;
  if (!leaf.counts) return;
  node.variables += 1;
  node.parameters += leaf.parameters;
  node.nbytes += leaf.nbytes;
}

ScopeTree TreeMaker::finish() {
  for (std::size_t n = tree_.nodes.size(); n-- > 1;) {
    const TreeNode& node = tree_.nodes[n];
    TreeNode& parent = tree_.nodes[node.parent];
    parent.variables += node.variables;
    parent.parameters += node.parameters;
    parent.nbytes += node.nbytes;
  }
  return std::move(tree_);
}

TreeNode& TreeMaker::node_of(std::string_view name) {
  std::uint32_t at = 0;
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = name.find(tree_.separator);
    at = child(at, name.substr(0, end));
    name.remove_prefix(end == std::string_view::npos ? 0 : end + 1);
  }
  return tree_.nodes[at];
}

std::uint32_t TreeMaker::child(std::uint32_t parent, std::string_view segment) {
  const std::uint32_t last = tree_.nodes[parent].last;
  if (last == 0) return append(parent, segment);
  const auto order = tree_.nodes[last].segment <=> segment;
  if (order == 0) return last;
  const auto table = unordered_.find(parent);
  if (table == unordered_.end() && order < 0) return append(parent, segment);
  Children& known = table == unordered_.end() ? remember(parent) : table->second;
  const auto size = static_cast<std::uint32_t>(tree_.nodes.size());
  const auto [it, is_new] = known.try_emplace(segment, size);
  return is_new ? append(parent, segment) : it->second;
}

TreeMaker::Children& TreeMaker::remember(std::uint32_t parent) {
  Children& known = unordered_[parent];
  for (const std::uint32_t child : children_of(tree_, parent)) {
    known.emplace(tree_.nodes[child].segment, child);
  }
  return known;
}

std::uint32_t TreeMaker::append(std::uint32_t parent, std::string_view segment) {
  const auto node = static_cast<std::uint32_t>(tree_.nodes.size());
  TreeNode& added = tree_.nodes.emplace_back();
  added.segment = segment;
  added.parent = parent;
  TreeNode& above = tree_.nodes[parent];
  (above.last == 0 ? above.first : tree_.nodes[above.last].next) = node;
  above.last = node;
  return node;
}

std::vector<std::uint32_t> children_of(const ScopeTree& tree, std::size_t node) {
  std::vector<std::uint32_t> children;
  for (std::uint32_t child = tree.nodes[node].first; child != 0; child = tree.nodes[child].next) {
    children.push_back(child);
  }
  return children;
}

std::string path_of(const ScopeTree& tree, std::size_t node) {
  std::string path;
  for (; node != 0; node = tree.nodes[node].parent) {
    if (!path.empty()) path.insert(path.begin(), tree.separator);
    path.insert(0, tree.nodes[node].segment);
  }
  return path;
}

void collapse_runs(ScopeTree& tree, std::span<const std::uint64_t> kinds) {
  const std::vector<std::size_t> classes = subtree_classes(tree, kinds);
  for (std::size_t n = 0; n < tree.nodes.size(); ++n) {
    std::vector<std::uint32_t> children = children_of(tree, n);
    // Siblings that could join, by text before the number, text after it, and what is below.
    std::map<std::tuple<std::string, std::string, std::size_t>,
             std::map<std::uint64_t, std::uint32_t>>
        families;
    for (const std::uint32_t child : children) {
      if (const auto parts = numbered(tree.nodes[child].segment)) {
        families[{std::string(parts->before), std::string(parts->after), classes[child]}].emplace(
            parts->number, child);
      }
    }
    std::vector<std::uint32_t> absorbed;
    for (const auto& [family, members] : families) {
      auto first = members.begin();
      while (first != members.end()) {
        auto last = first;
        for (auto next = std::next(first); next != members.end(); last = next++) {
          if (next->first != last->first + 1) break;
        }
        if (last != first) {
          TreeNode& head = tree.nodes[first->second];
          for (auto it = std::next(first); it != std::next(last); ++it) {
            const TreeNode& member = tree.nodes[it->second];
            head.variables += member.variables;
            head.parameters += member.parameters;
            head.nbytes += member.nbytes;
            ++head.repeats;
            absorbed.push_back(it->second);
          }
          head.segment = tree.segments.emplace_back(cat(
              std::get<0>(family), "{", first->first, "..", last->first, "}", std::get<1>(family)));
        }
        first = std::next(last);
      }
    }
    std::ranges::sort(absorbed);
    std::erase_if(children,
                  [&](std::uint32_t child) { return std::ranges::binary_search(absorbed, child); });
    set_children(tree, n, children);
  }
}

void sort_siblings(ScopeTree& tree,
                   const std::function<bool(const TreeNode&, const TreeNode&)>& less) {
  for (std::size_t n = 0; n < tree.nodes.size(); ++n) {
    std::vector<std::uint32_t> children = children_of(tree, n);
    std::ranges::stable_sort(
        children, [&](std::size_t a, std::size_t b) { return less(tree.nodes[a], tree.nodes[b]); });
    set_children(tree, n, children);
  }
}

bool natural_less(std::string_view a, std::string_view b) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    const bool digits = kDigits.find(a[i]) != kDigits.npos && kDigits.find(b[j]) != kDigits.npos;
    if (!digits) {
      if (a[i] != b[j]) {
        return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
      }
      ++i;
      ++j;
      continue;
    }
    const auto number_end = [](std::string_view text, std::size_t from) {
      return std::min(text.find_first_not_of(kDigits, from), text.size());
    };
    const auto significant = [](std::string_view digits_only) {
      const auto zeros = digits_only.find_first_not_of('0');
      return zeros == std::string_view::npos ? std::string_view{} : digits_only.substr(zeros);
    };
    const std::string_view x = significant(a.substr(i, number_end(a, i) - i));
    const std::string_view y = significant(b.substr(j, number_end(b, j) - j));
    if (x.size() != y.size()) return x.size() < y.size();
    if (x != y) return x < y;
    i = number_end(a, i);
    j = number_end(b, j);
  }
  const std::size_t left_a = a.size() - i;
  const std::size_t left_b = b.size() - j;
  return left_a != left_b ? left_a < left_b : a < b;  // "a01" and "a1" differ after all
}

}  // namespace ckpt
