#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "remap/plan.h"

namespace ckpt {

// A name of the source: a variable's own, or an alias of it.
struct Source {
  std::string_view name;
  std::size_t entry = 0;
  bool is_alias = false;
};

// What becomes of one name, while the plan is being made.
struct Decision {
  bool is_made = false;
  bool is_drop = false;
  Why why = Why::kRest;
  std::int32_t rule = kNoIndex;
  std::int32_t transform = kNoIndex;
  // The new name: that of the source, or one that the plan holds. Empty where the transform alone
  // says it: all of its targets are meant then.
  std::string_view to;
};

// A plan in the making. Each stage fills more of it.
struct Draft {
  std::span<const Entry> entries;
  const Rules& rules;
  const PlanOptions& options;
  std::vector<Source> sources;
  std::vector<Decision> decisions;  // one for each source
  Plan plan;

  void add_problem(ProblemCode code, std::string message, std::vector<std::string> names) {
    plan.problems.push_back({code, std::move(message), std::move(names)});
  }
};

// The stages after the claims of rules: names that follow their variable, collisions of the
// outcome, rules that match nothing.
void add_companions(Draft& draft);
void find_conflicts(Draft& draft);
void find_unused_rules(Draft& draft, std::span<const std::size_t> matches);

// Does no rule match, while the targets of all that must match are there? `matches` counts the
// names that each rule matches.
bool is_already_migrated(const Draft& draft, std::span<const std::size_t> matches);

// Operations as they apply to given tensors: resolved, without those that change nothing.
struct ResolvedOps {
  std::vector<Op> ops;
  std::vector<TensorSpec> after;
};

// `targets` counts the wanted results; where an operation counts them by a placeholder, it decides.
// Throws Error(kInvalid) where the shapes or dtypes do not allow it.
ResolvedOps resolve_ops(std::span<const Op> ops, std::vector<TensorSpec> specs,
                        std::size_t targets);

}  // namespace ckpt
