#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "remap/rule.h"

namespace ckpt {

// A pair of a TensorFlow assignment map, as init_from_checkpoint() takes it: where in the
// checkpoint (a name, or a scope that ends in '/'), and which variable or scope of the model gets
// it.
struct AssignmentPair {
  std::string checkpoint;
  std::string variable;

  friend bool operator==(const AssignmentPair&, const AssignmentPair&) = default;
};

// A variable of the model and the tensor of the checkpoint that it starts from.
struct Assignment {
  std::string variable;
  std::string tensor;

  friend bool operator==(const Assignment&, const Assignment&) = default;
};

// Reads {"old/": "new/", …}, or the list of pairs [["old/x", "new/x"], …], which can give one
// tensor to several variables. Throws Error(kInvalid); a key that is there twice is an error.
std::vector<AssignmentPair> parse_assignment_map(std::string_view json);

// What TensorFlow does with the map, quirks and all: pairs in the order of their checkpoint side, a
// later one overwriting what an earlier one gave a variable. `variables` are the names in the
// model's variable store; without them, those are taken that the map can lead to: each exact name,
// and for a scope a variable for each tensor under it. Partitioned variables (`n/part_0`) count
// once, as `n`. Sorted by variable.
//
// Throws Error(kInvalid) where TensorFlow raises ValueError: a tensor that is not in the
// checkpoint, a scope that is mapped to what is none, a name that is neither variable nor scope.
std::vector<Assignment> resolve_assignments(
    std::span<const AssignmentPair> map, std::span<const std::string> tensors,
    std::optional<std::span<const std::string>> variables = std::nullopt);

// The assignments as exact rules: `tensor = variable`, or a copy where several variables share one.
// TensorFlow ignores the checkpoint's other tensors; Rest says what becomes of them here.
Rules assignment_rules(std::span<const Assignment> assignments);

}  // namespace ckpt
