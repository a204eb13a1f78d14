#pragma once

#include <span>
#include <string>
#include <vector>

#include "checkpoint/edit.h"
#include "remap/plan.h"

namespace ckpt {

// The plan as the edit that a format carries out: names that change, variables that go, and tensors
// that are made, each streamed from the original when the format asks for its bytes.
// REQUIRES: the plan has no problems; it outlives the edit.
Edit make_edit(const Plan& plan);

// What a variable of the outcome should be and is not.
struct ExpectationFault {
  enum class Kind : std::uint8_t { kMissing, kUnexpected, kDType, kShape } kind = Kind::kMissing;
  std::string name;
  std::string message;  // a full sentence
};

// Compares the names, dtypes and shapes of a plan's outcome with those of a reference checkpoint.
// Optimizer slots and averages on either side are left out: a reference for use has none.
std::vector<ExpectationFault> compare_outcome(const Plan& plan, std::span<const Entry> entries,
                                              std::span<const Entry> reference);

}  // namespace ckpt
