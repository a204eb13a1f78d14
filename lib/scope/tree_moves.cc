#include "scope/tree_moves.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "scope/moves/move_units.h"

namespace ckpt {
namespace {

constexpr std::size_t kNobody = static_cast<std::size_t>(-1);

// Calls `f` with each scope above `path`, the nearest first.
template <typename F>
void for_each_scope(std::string_view path, char separator, F&& f) {
  for (auto at = path.rfind(separator); at != std::string_view::npos && at > 0;
       at = path.rfind(separator, at - 1)) {
    f(path.substr(0, at));
  }
}

// Puts units in an order in which each finds its target free. A unit waits for those that must
// leave the target's place first, and for the scope that its target is in. Where units wait for one
// another in a circle, one of them leaves for a temporary name.
class StepOrder {
 public:
  StepOrder(const MoveTree& tree, char separator)
      : tree_(tree), separator_(separator), waiting_(tree.units().size()) {}

  std::vector<Step> run() {
    for (std::size_t u = 0; u < waiting_.size(); ++u) {
      const auto& unit = tree_.units()[u];
      by_source_.emplace(path_of(u), u);
      if (!unit.to.empty() && tree_.is_scope(unit.node)) scope_by_target_.emplace(unit.to, u);
      target_roots_.insert(unit.to.substr(0, unit.to.find(separator_)));
    }
    for (std::size_t u = 0; u < waiting_.size(); ++u) {
      if (is_drop(u)) steps_.push_back({StepKind::kDrop, std::string(path_of(u)), ""});
    }
    for (std::size_t u = 0; u < waiting_.size(); ++u) {
      if (!is_drop(u)) find_dependencies(u);
    }
    for (std::size_t u = 0; u < waiting_.size(); ++u) {
      if (is_drop(u)) continue;
      left_.insert(u);
      if (waiting_[u].count == 0) ready_.insert(u);
    }
    while (!left_.empty()) {
      if (ready_.empty()) {
        step_aside(find_circle());
        continue;
      }
      const std::size_t u = *ready_.begin();
      ready_.erase(ready_.begin());
      place(u);
    }
    remove_empty(0);
    return std::move(steps_);
  }

 private:
  struct Waiting {
    std::size_t count = 0;             // of those it waits for
    std::vector<std::size_t> leaving;  // it waits for these to leave their place
    std::vector<std::size_t> coming;   // and for these to come to theirs
    std::vector<std::size_t> when_left;
    std::vector<std::size_t> when_come;
    std::string temporary;  // where it is meanwhile
    bool has_left = false;
    bool has_come = false;
  };

  [[nodiscard]] std::string_view path_of(std::size_t u) const {
    return tree_.nodes()[tree_.units()[u].node].path;
  }
  [[nodiscard]] std::string_view target_of(std::size_t u) const { return tree_.units()[u].to; }
  [[nodiscard]] bool is_drop(std::size_t u) const { return target_of(u).empty(); }

  void wait_to_leave(std::size_t u, std::size_t for_whom) {
    if (is_drop(for_whom)) return;  // gone by then
    ++waiting_[u].count;
    waiting_[u].leaving.push_back(for_whom);
    waiting_[for_whom].when_left.push_back(u);
  }

  void find_dependencies(std::size_t u) {
    const std::string_view target = target_of(u);
    const auto who_is_at = [&](std::string_view path) {
      const auto it = by_source_.find(path);
      if (it != by_source_.end()) wait_to_leave(u, it->second);
    };
    who_is_at(target);
    for_each_scope(target, separator_, [&](std::string_view scope) {
      who_is_at(scope);
      const MoveTree::Node* there = tree_.find(scope);
      if (there != nullptr && there->kind == MoveTree::Node::Kind::kOther && tree_.persists(*there))
        refuse(scope);
      const auto it = scope_by_target_.find(scope);
      if (it == scope_by_target_.end()) return;
      ++waiting_[u].count;
      waiting_[u].coming.push_back(it->second);
      waiting_[it->second].when_come.push_back(u);
    });
    const MoveTree::Node* there = tree_.find(target);
    if (there == nullptr || by_source_.contains(target)) return;
    if (tree_.persists(*there)) refuse(target);
    wait_for_all_under(u, *there);
  }

  [[noreturn]] static void refuse(std::string_view path) {
    throw Error(Errc::kConflict,
                cat("'", escape(path), "' is taken by something that is no variable and stays"));
  }

  void wait_for_all_under(std::size_t u, const MoveTree::Node& node) {
    tree_.for_each_child(node, [&](std::uint32_t c) {
      const MoveTree::Node& child = tree_.nodes()[c];
      const auto it = by_source_.find(child.path);
      if (it != by_source_.end()) {
        wait_to_leave(u, it->second);
      } else {
        wait_for_all_under(u, child);
      }
    });
  }

  void release(const std::vector<std::size_t>& waiters) {
    for (const std::size_t w : waiters) {
      if (--waiting_[w].count == 0) ready_.insert(w);
    }
  }

  void place(std::size_t u) {
    Waiting& unit = waiting_[u];
    const MoveTree::Node* there = tree_.find(target_of(u));
    if (there != nullptr && there->kind == MoveTree::Node::Kind::kScope &&
        !by_source_.contains(there->path) && !is_inside_removed(there->path)) {
      steps_.push_back({StepKind::kRemoveEmpty, std::string(there->path), ""});
      removed_.insert(there->path);
    }
    const bool is_aside = !unit.temporary.empty();
    steps_.push_back({StepKind::kMove, is_aside ? unit.temporary : std::string(path_of(u)),
                      std::string(target_of(u))});
    left_.erase(u);
    unit.has_come = true;
    if (!is_aside) {
      unit.has_left = true;
      release(unit.when_left);
    }
    release(unit.when_come);
  }

  // A scope goes away with an empty one above it, and with a unit that it was in.
  [[nodiscard]] bool is_inside_removed(std::string_view path) const {
    bool is_gone = removed_.contains(path);
    for_each_scope(path, separator_, [&](std::string_view scope) {
      is_gone = is_gone || removed_.contains(scope) || by_source_.contains(scope);
    });
    return is_gone;
  }

  // Follows who waits for whom until someone comes again. Of the circle, the first that someone
  // waits to see leave is chosen; one such there is, since targets alone lie in each other without
  // circles.
  [[nodiscard]] std::size_t find_circle() const {
    std::vector<std::pair<std::size_t, bool>> path;  // unit, and does it wait for a leaving one?
    std::unordered_map<std::size_t, std::size_t> seen;
    for (std::size_t u = *left_.begin();;) {
      const auto [it, is_new] = seen.emplace(u, path.size());
      if (!is_new) {
        for (std::size_t i = it->second; i < path.size(); ++i) {
          if (path[i].second) return i + 1 < path.size() ? path[i + 1].first : u;
        }
      }
      std::size_t next = kNobody;
      bool for_leaving = false;
      for (const std::size_t w : waiting_[u].leaving) {
        if (!waiting_[w].has_left && next == kNobody) {
          next = w;
          for_leaving = true;
        }
      }
      for (const std::size_t w : waiting_[u].coming) {
        if (!waiting_[w].has_come && next == kNobody) next = w;
      }
      path.emplace_back(u, for_leaving);
      u = next;
    }
  }

  void step_aside(std::size_t u) {
    Waiting& unit = waiting_[u];
    unit.temporary = temporary_name();
    steps_.push_back({StepKind::kMove, std::string(path_of(u)), unit.temporary});
    unit.has_left = true;
    release(unit.when_left);
  }

  // A name at the root that nothing has, before or after.
  std::string temporary_name() {
    while (true) {
      std::string name = cat("ckpt-moving-", ++temporaries_);
      if (tree_.find(name) == nullptr && !target_roots_.contains(name)) return name;
    }
  }

  // Takes away the scopes that nothing is left in, the outermost of them.
  void remove_empty(std::size_t index) {
    const MoveTree::Node& node = tree_.nodes()[index];
    if (index != 0) {
      if (!tree_.is_scope(index) || by_source_.contains(node.path) || is_inside_removed(node.path))
        return;
      if (!tree_.persists(node) && !node.will_be_scope &&
          node.fate != MoveTree::Node::Fate::kNothing) {
        steps_.push_back({StepKind::kRemoveEmpty, std::string(node.path), ""});
        return;
      }
    }
    tree_.for_each_child(node, [this](std::uint32_t child) { remove_empty(child); });
  }

  const MoveTree& tree_;
  char separator_;
  std::vector<Waiting> waiting_;
  std::unordered_map<std::string_view, std::size_t> by_source_;
  std::unordered_map<std::string_view, std::size_t> scope_by_target_;
  std::unordered_set<std::string_view> target_roots_;  // the first segments of all targets
  std::unordered_set<std::string_view> removed_;
  std::set<std::size_t> left_;   // not yet placed
  std::set<std::size_t> ready_;  // of those, that wait for nobody
  std::vector<Step> steps_;
  std::size_t temporaries_ = 0;
};

}  // namespace

std::vector<Step> compile_moves(std::span<const PathMoveView> moves,
                                std::span<const std::string> others, char separator) {
  const MoveTree tree(moves, others, separator);
  return StepOrder(tree, separator).run();
}

}  // namespace ckpt
