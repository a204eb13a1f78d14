#include "scope/tree_moves.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "scope/moves/move_units.h"

namespace ckpt {
namespace {

constexpr std::uint32_t kNobody = UINT32_MAX;

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
  StepOrder(const MoveTree& tree, char separator, StringPool& strings)
      : tree_(tree),
        separator_(separator),
        strings_(strings),
        state_(tree.units().size()),
        unit_at_(tree.nodes().size(), kNobody) {}

  std::vector<Step> run() {
    for (std::uint32_t u = 0; u < state_.size(); ++u) {
      const auto& unit = tree_.units()[u];
      unit_at_[unit.node] = u;
      if (!unit.to.empty() && tree_.is_scope(unit.node)) scope_by_target_.emplace(unit.to, u);
      target_roots_.insert(unit.to.substr(0, unit.to.find(separator_)));
    }
    steps_.reserve(state_.size());
    for (std::uint32_t u = 0; u < state_.size(); ++u) {
      if (is_drop(u)) steps_.push_back({StepKind::kDrop, path_of(u), {}});
    }
    for (std::uint32_t u = 0; u < state_.size(); ++u) {
      if (!is_drop(u)) find_dependencies(u);
    }
    std::ranges::sort(waits_, {}, [](const Wait& wait) { return std::pair(wait.whom, wait.who); });
    for (std::uint32_t u = 0; u < state_.size(); ++u) {
      if (is_drop(u)) continue;
      ++left_;
      if (state_[u].waits_for == 0) ready_.push(u);
    }
    while (left_ > 0) {
      if (ready_.empty()) {
        step_aside(find_circle());
        continue;
      }
      const std::uint32_t u = ready_.top();
      ready_.pop();
      place(u);
    }
    remove_empty(0);
    return std::move(steps_);
  }

 private:
  // Of 100,000 units, of which most wait for nobody.
  struct State {
    std::uint32_t waits_for = 0;  // so many
    bool has_left = false;
    bool has_come = false;
  };
  // `who` waits for `whom` to leave its place, or to come to its target.
  struct Wait {
    std::uint32_t who = 0;
    std::uint32_t whom = 0;
    bool to_leave = false;
  };

  [[nodiscard]] std::string_view path_of(std::uint32_t u) const {
    return tree_.nodes()[tree_.units()[u].node].path;
  }
  [[nodiscard]] std::string_view target_of(std::uint32_t u) const { return tree_.units()[u].to; }
  [[nodiscard]] bool is_drop(std::uint32_t u) const { return target_of(u).empty(); }
  // The unit that is at `path` before anything moves; kNobody where none is.
  [[nodiscard]] std::uint32_t unit_at(std::string_view path) const {
    const MoveTree::Node* node = tree_.find(path);
    return node == nullptr ? kNobody : unit_at_[tree_.index_of(*node)];
  }

  void wait(std::uint32_t who, std::uint32_t whom, bool to_leave) {
    if (to_leave && is_drop(whom)) return;  // gone by then
    ++state_[who].waits_for;
    waits_.push_back({who, whom, to_leave});
  }

  void find_dependencies(std::uint32_t u) {
    const std::string_view target = target_of(u);
    const auto who_is_at = [&](std::string_view path) {
      if (const auto there = unit_at(path); there != kNobody) wait(u, there, true);
    };
    who_is_at(target);
    for_each_scope(target, separator_, [&](std::string_view scope) {
      who_is_at(scope);
      const MoveTree::Node* there = tree_.find(scope);
      if (there != nullptr && there->kind == MoveTree::Node::Kind::kOther && tree_.persists(*there))
        refuse(scope);
      const auto it = scope_by_target_.find(scope);
      if (it != scope_by_target_.end()) wait(u, it->second, false);
    });
    const MoveTree::Node* there = tree_.find(target);
    if (there == nullptr || unit_at(target) != kNobody) return;
    if (tree_.persists(*there)) refuse(target);
    wait_for_all_under(u, *there);
  }

  [[noreturn]] static void refuse(std::string_view path) {
    throw Error(Errc::kConflict,
                cat("'", escape(path), "' is taken by something that is no variable and stays"));
  }

  void wait_for_all_under(std::uint32_t u, const MoveTree::Node& node) {
    tree_.for_each_child(node, [&](std::uint32_t child) {
      if (unit_at_[child] != kNobody) {
        wait(u, unit_at_[child], true);
      } else {
        wait_for_all_under(u, tree_.nodes()[child]);
      }
    });
  }

  // The part of `waits` in which `member` is `u`; by that they are sorted.
  static std::span<const Wait> waits_of(std::span<const Wait> waits, std::uint32_t u,
                                        std::uint32_t Wait::*member) {
    const auto first = std::ranges::lower_bound(waits, u, {}, member);
    return {first, std::ranges::upper_bound(first, waits.end(), u, {}, member)};
  }

  // Those that wait for `u` to do this wait no longer.
  void release(std::uint32_t u, bool has_left) {
    for (const Wait& wait : waits_of(waits_, u, &Wait::whom)) {
      if (wait.to_leave == has_left && --state_[wait.who].waits_for == 0) ready_.push(wait.who);
    }
  }

  void place(std::uint32_t u) {
    const MoveTree::Node* there = tree_.find(target_of(u));
    if (there != nullptr && there->kind == MoveTree::Node::Kind::kScope &&
        unit_at_[tree_.index_of(*there)] == kNobody && !is_inside_removed(there->path)) {
      steps_.push_back({StepKind::kRemoveEmpty, there->path, {}});
      removed_.insert(there->path);
    }
    const auto aside = temporary_.find(u);
    const bool is_aside = aside != temporary_.end();
    steps_.push_back({StepKind::kMove, is_aside ? aside->second : path_of(u), target_of(u)});
    --left_;
    state_[u].has_come = true;
    if (!is_aside) leave(u);
    release(u, false);
  }

  void leave(std::uint32_t u) {
    state_[u].has_left = true;
    release(u, true);
  }

  // A scope goes away with an empty one above it, and with a unit that it was in.
  [[nodiscard]] bool is_inside_removed(std::string_view path) const {
    bool is_gone = removed_.contains(path);
    for_each_scope(path, separator_, [&](std::string_view scope) {
      is_gone = is_gone || removed_.contains(scope) || unit_at(scope) != kNobody;
    });
    return is_gone;
  }

  // Follows who waits for whom until someone comes again. Of the circle, the first that someone
  // waits to see leave is chosen; one such there is, since targets alone lie in each other without
  // circles.
  [[nodiscard]] std::uint32_t find_circle() {
    if (by_waiter_.empty()) {
      by_waiter_ = waits_;
      std::ranges::stable_sort(
          by_waiter_, {}, [](const Wait& wait) { return std::pair(wait.who, !wait.to_leave); });
    }
    while (state_[first_left_].has_come || is_drop(first_left_)) ++first_left_;
    std::vector<std::pair<std::uint32_t, bool>> path;  // unit, and does it wait for a leaving one?
    std::unordered_map<std::uint32_t, std::size_t> seen;
    for (std::uint32_t u = first_left_;;) {
      const auto [it, is_new] = seen.emplace(u, path.size());
      if (!is_new) {
        for (std::size_t i = it->second; i < path.size(); ++i) {
          if (path[i].second) return i + 1 < path.size() ? path[i + 1].first : u;
        }
      }
      const auto waits = waits_of(by_waiter_, u, &Wait::who);
      const auto open = std::ranges::find_if(waits, [this](const Wait& wait) {
        return !(wait.to_leave ? state_[wait.whom].has_left : state_[wait.whom].has_come);
      });
      path.emplace_back(u, open->to_leave);
      u = open->whom;
    }
  }

  void step_aside(std::uint32_t u) {
    const std::string_view name = strings_.add(temporary_name());
    temporary_.emplace(u, name);
    steps_.push_back({StepKind::kMove, path_of(u), name});
    leave(u);
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
      if (!tree_.is_scope(index) || unit_at_[index] != kNobody || is_inside_removed(node.path))
        return;
      if (!tree_.persists(node) && !node.will_be_scope &&
          node.fate != MoveTree::Node::Fate::kNothing) {
        steps_.push_back({StepKind::kRemoveEmpty, node.path, {}});
        return;
      }
    }
    tree_.for_each_child(node, [this](std::uint32_t child) { remove_empty(child); });
  }

  const MoveTree& tree_;
  char separator_;
  StringPool& strings_;
  std::vector<State> state_;            // of each unit
  std::vector<std::uint32_t> unit_at_;  // of each node
  std::vector<Wait> waits_;             // by `whom`
  std::vector<Wait> by_waiter_;         // by `who`, leaving first; when it is needed
  std::unordered_map<std::string_view, std::uint32_t> scope_by_target_;
  std::unordered_set<std::string_view> target_roots_;  // the first segments of all targets
  std::unordered_set<std::string_view> removed_;
  std::unordered_map<std::uint32_t, std::string_view> temporary_;  // where units are meanwhile
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready_;
  std::size_t left_ = 0;          // so many are not yet placed
  std::uint32_t first_left_ = 0;  // none before it is among them
  std::vector<Step> steps_;
  std::size_t temporaries_ = 0;
};

}  // namespace

std::vector<Step> compile_moves(std::span<const PathMoveView> moves,
                                std::span<const std::string_view> others, char separator,
                                StringPool& strings) {
  const MoveTree tree(moves, others, separator);
  return StepOrder(tree, separator, strings).run();
}

}  // namespace ckpt
