#include "formats/torch/new_keys.h"

#include <algorithm>
#include <span>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt::torch {
namespace {

// A name and where the walk to it stands: `to` is its new name.
struct Leaf {
  const Trails::Trail* trail;
  std::string_view to;
};

class KeyFinder {
 public:
  explicit KeyFinder(const Trails& trails) : trails_(trails) {}

  NewKeys run(std::span<const Leaf> leaves) {
    result_.keys.reserve(leaves.size());
    visit(leaves, 0, "", "");
    unite();
    return std::move(result_);
  }

 private:
  static KeyPlace place_of(const Trails::Step& step) { return {step.sequence, step.position}; }

  const Trails::Step& step_of(const Leaf& leaf, std::size_t depth) const {
    return trails_.steps_of(*leaf.trail)[depth];
  }

  [[noreturn]] static void refuse(const Leaf& leaf, std::string_view within) {
    throw Error(Errc::kUnsupported,
                cat("'", escape(leaf.trail->name), "' cannot become '", escape(leaf.to), "': ",
                    within.empty() ? std::string("it lies in a list, whose items have no names")
                                   : cat("it lies in the dict '", escape(within),
                                         "', which its other variables keep where they are"),
                    "; `ckpt convert` writes a plain state dict, under any names"));
  }

  void set(const Trails::Step& step, std::string_view text, const Leaf& leaf) {
    result_.keys.push_back({place_of(step), text, leaf.trail->name});
  }

  // A dict may be there under two names.
  void unite() {
    auto& keys = result_.keys;
    std::ranges::stable_sort(keys, {}, &NewKeys::Key::place);
    const auto is_twice = [](const auto& key, const auto& next) {
      if (key.place != next.place) return false;
      if (key.text == next.text) return true;
      throw Error(Errc::kUnsupported,
                  cat("'", escape(next.tensor),
                      "' lies in a dict that is there under two names, which would differ"));
    };
    keys.erase(std::unique(keys.begin(), keys.end(), is_twice), keys.end());
  }

  // `leaves` share their first `depth` steps, which are called `before`, and `after` from now on;
  // both with the separator behind them, where they are not empty.
  void visit(std::span<const Leaf> leaves, std::size_t depth, const std::string& before,
             const std::string& after) {
    while (!leaves.empty()) {
      const KeyPlace place = place_of(step_of(leaves.front(), depth));
      const auto differs = std::ranges::find_if(
          leaves, [&](const Leaf& leaf) { return place_of(step_of(leaf, depth)) != place; });
      const auto group = leaves.first(static_cast<std::size_t>(differs - leaves.begin()));
      visit_child(group, depth, before, after);
      leaves = leaves.subspan(group.size());
    }
  }

  void visit_child(std::span<const Leaf> group, std::size_t depth, const std::string& before,
                   const std::string& after) {
    const Leaf& first = group.front();
    const Trails::Step& step = step_of(first, depth);
    const bool is_leaf = first.trail->count == depth + 1;
    const std::string old_name(first.trail->name.substr(0, step.end));
    const bool adds_nothing = step.end + 1 == before.size() || (step.end == 0 && before.empty());
    if (step.is_key) result_.prefixes.emplace(step.sequence, after);
    if (adds_nothing && !is_leaf) return visit(group, depth + 1, before, after);
    if (adds_nothing) {
      // A tensor by itself in an object goes by the object's name.
      const bool follows = cat(first.to, ".") == after || (before == after && first.to == old_name);
      if (!follows && first.to != first.trail->name) refuse(first, "");
      return;
    }
    const std::string segment = old_name.substr(std::min(before.size(), old_name.size()));
    if (is_leaf) {
      if (first.to.empty()) {
        if (!step.is_key) refuse(first, "");
        return set(step, {}, first);
      }
      if (first.to == after + segment) return;
      if (!step.is_key) refuse(first, "");
      if (!first.to.starts_with(after) || first.to.size() == after.size()) {
        refuse(first, before.substr(0, before.size() - 1));
      }
      return set(step, first.to.substr(after.size()), first);
    }
    std::string new_name = after + segment;
    if (const Leaf* mover = first_outside(group, new_name + "."); mover != nullptr) {
      // The dict itself moves, as its first variable does.
      const std::string_view rest = mover->trail->name.substr(step.end);
      if (!mover->to.ends_with(rest)) refuse(*mover, old_name);
      new_name = mover->to.substr(0, mover->to.size() - rest.size());
      if (const Leaf* other = first_outside(group, new_name + "."); other != nullptr) {
        refuse(*other, old_name);
      }
      if (!step.is_key) refuse(*mover, "");
      if (!new_name.starts_with(after) || new_name.size() == after.size()) {
        refuse(*mover, before.substr(0, before.empty() ? 0 : before.size() - 1));
      }
      set(step, mover->to.substr(after.size(), new_name.size() - after.size()), *mover);
    }
    visit(group, depth + 1, old_name + ".", new_name + ".");
  }

  // The first that stays and whose new name does not begin so.
  static const Leaf* first_outside(std::span<const Leaf> group, const std::string& prefix) {
    const auto it = std::ranges::find_if(
        group, [&](const Leaf& leaf) { return !leaf.to.empty() && !leaf.to.starts_with(prefix); });
    return it == group.end() ? nullptr : &*it;
  }

  const Trails& trails_;
  NewKeys result_;
};

}  // namespace

NewKeys find_new_keys(const Trails& trails, const std::vector<std::string_view>& targets) {
  std::vector<Leaf> leaves;
  leaves.reserve(trails.list.size());
  for (const auto& trail : trails.list) {
    leaves.push_back({&trail, targets[leaves.size()]});
    if (trail.count == 0 && leaves.back().to != trail.name) {
      throw Error(Errc::kUnsupported,
                  "is a tensor by itself, which has no name; `ckpt convert` writes a state dict");
    }
  }
  std::erase_if(leaves, [](const Leaf& leaf) { return leaf.trail->count == 0; });
  return KeyFinder(trails).run(leaves);
}

}  // namespace ckpt::torch
