#include "dups/equal_scopes.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/error.h"
#include "dups/copy_measure.h"

namespace ckpt {
namespace {

// A variable of two copies that are not quite equal differs in fewer values than this share.
constexpr double kMostly = 0.9;

class Lift {
 public:
  Lift(std::span<const Subject> subjects, std::span<const std::vector<TensorRef>> classes)
      : subjects_(subjects), classes_(classes) {
    node_of_.resize(subjects.size());
    for (std::size_t s = 0; s < subjects.size(); ++s) {
      const auto& nodes = subjects[s].catalogue.nodes;
      node_of_[s].assign(subjects[s].catalogue.index->entries.size(), 0);
      class_of_.emplace_back(node_of_[s].size(), kNoClass);
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (nodes[i].entry) node_of_[s][*nodes[i].entry] = i;
      }
    }
    for (std::size_t c = 0; c < classes.size(); ++c) {
      for (const TensorRef t : classes[c]) class_of_[t.input][t.entry] = c;
    }
  }

  std::vector<EqualScopes> run() {
    std::set<std::pair<NodeRef, NodeRef>> tops;
    for (const auto& members : classes_) {
      std::vector<NodeRef> nodes;
      for (const TensorRef t : members) nodes.push_back(at(t));
      std::ranges::sort(nodes);
      for (std::size_t i = 1; i < nodes.size(); ++i) {
        if (subjects_.size() > 1 && nodes[i].input == nodes[0].input) continue;
        if (!are_apart(nodes[0], nodes[i])) continue;  // "w" and "w/replica_1"
        tops.insert(climb(nodes[0], nodes[i]));
      }
    }
    for (const auto& [a, b] : tops) resolve(a, b);
    while (join_children()) {
    }
    return without_inner();
  }

 private:
  using Pair = std::pair<NodeRef, NodeRef>;

  [[nodiscard]] const Catalogue::Node& node(NodeRef r) const {
    return subjects_[r.input].catalogue.nodes[r.node];
  }
  [[nodiscard]] NodeRef at(TensorRef t) const { return {t.input, node_of_[t.input][t.entry]}; }
  [[nodiscard]] NodeRef parent(NodeRef r) const { return {r.input, node(r).parent}; }

  // Is `a` at or above `b`?
  [[nodiscard]] bool holds(NodeRef a, NodeRef b) const {
    if (a.input != b.input) return false;
    while (b.node > a.node) b = parent(b);  // a node comes after its parent
    return a == b;
  }

  // May these two scopes be said to be equal: is neither inside the other?
  [[nodiscard]] bool are_apart(NodeRef a, NodeRef b) const { return !holds(a, b) && !holds(b, a); }

  // The topmost scopes in which two variables have the same relative name.
  Pair climb(NodeRef a, NodeRef b) const {
    while (a.node != 0 && b.node != 0 && node(a).segment == node(b).segment &&
           are_apart(parent(a), parent(b))) {
      a = parent(a);
      b = parent(b);
    }
    return std::minmax(a, b);
  }

  // Have the two variables the same bytes? Those in no class are small or constant, or differ.
  bool are_equal(TensorRef a, TensorRef b) {
    const std::size_t i = class_of_[a.input][a.entry];
    const std::size_t j = class_of_[b.input][b.entry];
    if (i != kNoClass || j != kNoClass) return i == j;
    const auto key = std::minmax(a, b);
    const auto [it, is_new] = compared_.emplace(key, false);
    if (is_new) it->second = compare(a, b);
    return it->second;
  }

  [[nodiscard]] bool compare(TensorRef a, TensorRef b) const {
    const SharedReader& one = subjects_[a.input].reader;
    const SharedReader& two = subjects_[b.input].reader;
    const std::uint64_t nbytes = one.index().entries[a.entry].nbytes;
    const std::size_t size = size_of(one.index().entries[a.entry].dtype);
    Bytes x;
    Bytes y;
    try {
      for (std::uint64_t offset = 0; offset < nbytes; offset += x.size()) {
        x.resize(static_cast<std::size_t>(std::min<std::uint64_t>(65536, nbytes - offset)));
        y.resize(x.size());
        one.read(a.entry, offset / size, x);
        two.read(b.entry, offset / size, y);
        if (x != y) return false;
      }
    } catch (const Error& e) {
      if (e.code() != Errc::kUnsupported) throw;
      return false;
    }
    return true;
  }

  // Adds the largest equal scopes at and below two scopes.
  void resolve(NodeRef a, NodeRef b) {
    if (!resolved_.emplace(a, b).second) return;
    if (node(a).signature == node(b).signature) {
      const EqualScopes pair = count(a, b);
      if (pair.equal == pair.variables || is_mostly_equal(pair)) {
        pairs_.emplace(Pair{a, b}, pair);
        return;
      }
    }
    // Both sorted by segment.
    const auto& one = node(a).children;
    const auto& two = node(b).children;
    for (std::size_t i = 0, j = 0; i < one.size() && j < two.size();) {
      const NodeRef x{a.input, one[i]};
      const NodeRef y{b.input, two[j]};
      const auto order = node(x).segment <=> node(y).segment;
      if (order == 0) resolve(x, y);
      if (order <= 0) ++i;
      if (order >= 0) ++j;
    }
    if (node(a).entry && node(b).entry && !node(a).children.empty() &&
        are_equal({a.input, *node(a).entry}, {b.input, *node(b).entry}) &&
        node(b).children.empty()) {
      pairs_.emplace(Pair{a, b}, EqualScopes{a, b, 1, 1});
    }
  }

  EqualScopes count(NodeRef a, NodeRef b) {
    const auto one = entries_below(subjects_[a.input].catalogue, a.node);
    const auto two = entries_below(subjects_[b.input].catalogue, b.node);
    EqualScopes pair{a, b, 0, one.size()};
    for (std::size_t i = 0; i < std::min(one.size(), two.size()); ++i) {
      if (are_equal({a.input, one[i]}, {b.input, two[i]})) ++pair.equal;
    }
    return pair;
  }

  // Do most variables have the same bytes, and the others most values?
  bool is_mostly_equal(const EqualScopes& pair) {
    if (pair.a.input != pair.b.input || 2 * pair.equal < pair.variables) return false;
    const Subject& subject = subjects_[pair.a.input];
    const auto one = entries_below(subject.catalogue, pair.a.node);
    const auto two = entries_below(subject.catalogue, pair.b.node);
    for (std::size_t i = 0; i < one.size(); ++i) {
      if (are_equal({pair.a.input, one[i]}, {pair.b.input, two[i]})) continue;
      if (nearness_of(subject, one[i], two[i]).equal < kMostly) return false;
    }
    return true;
  }

  // Replaces pairs that are all children of two scopes by these scopes.
  bool join_children() {
    std::map<Pair, std::vector<Pair>> by_parents;
    for (const auto& [key, pair] : pairs_) {
      const NodeRef a = parent(key.first);
      const NodeRef b = parent(key.second);
      const bool is_root =
          key.first.node == 0 || key.second.node == 0 || a.node == 0 || b.node == 0;
      if (!is_root && are_apart(a, b)) by_parents[{a, b}].push_back(key);
    }
    bool has_joined = false;
    for (const auto& [parents, keys] : by_parents) {
      std::set<NodeRef> one;
      std::set<NodeRef> two;
      EqualScopes joined{parents.first, parents.second, 0, 0};
      for (const auto& key : keys) {
        one.insert(key.first);
        two.insert(key.second);
        joined.equal += pairs_.at(key).equal;
        joined.variables += pairs_.at(key).variables;
      }
      const bool is_all = one.size() == node(parents.first).children.size() &&
                          two.size() == node(parents.second).children.size() &&
                          one.size() == keys.size() && two.size() == keys.size() &&
                          !node(parents.first).entry && !node(parents.second).entry;
      if (!is_all || keys.size() < 2) continue;
      for (const auto& key : keys) pairs_.erase(key);
      pairs_.emplace(parents, joined);
      has_joined = true;
    }
    return has_joined;
  }

  // Leaves out pairs inside a copy that is told as a whole already.
  std::vector<EqualScopes> without_inner() const {
    std::vector<EqualScopes> all;
    for (const auto& [key, pair] : pairs_) all.push_back(pair);
    std::ranges::stable_sort(
        all, [](const auto& x, const auto& y) { return x.variables > y.variables; });
    std::vector<EqualScopes> out;
    std::set<NodeRef> told;
    const auto is_told = [&](NodeRef r) {
      for (; r.node != 0; r = parent(r)) {
        if (told.contains(r)) return true;
      }
      return told.contains(r);
    };
    for (const auto& pair : all) {
      if (is_told(pair.b) || (is_told(pair.a) && !told.contains(pair.a))) continue;
      told.insert(pair.b);
      out.push_back(pair);
    }
    std::ranges::sort(out, {}, [](const auto& p) { return std::pair{p.a, p.b}; });
    return out;
  }

  std::span<const Subject> subjects_;
  std::span<const std::vector<TensorRef>> classes_;
  std::vector<std::vector<std::size_t>> node_of_;
  static constexpr auto kNoClass = static_cast<std::size_t>(-1);
  std::vector<std::vector<std::size_t>> class_of_;  // of each input's entries
  std::map<std::pair<TensorRef, TensorRef>, bool> compared_;
  std::set<Pair> resolved_;
  std::map<Pair, EqualScopes> pairs_;
};

}  // namespace

std::vector<EqualScopes> equal_scopes(std::span<const Subject> subjects,
                                      std::span<const std::vector<TensorRef>> classes) {
  return Lift(subjects, classes).run();
}

}  // namespace ckpt
