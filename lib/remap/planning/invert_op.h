#pragma once

#include <optional>
#include <span>
#include <string>

#include "remap/op.h"

namespace ckpt {

// An operation that takes another back, or why there is none.
struct InvertedOp {
  std::optional<Op> op;
  std::string why;
  bool needs_specs = false;  // the specs would tell
  bool is_lossy = false;     // a cast back from a type that could not hold all values
};

// The inverse of `op`, applied to tensors of the specs `before`, which may be empty: unknown.
// A copy has none.
InvertedOp invert_op(const Op& op, std::span<const TensorSpec> before);

}  // namespace ckpt
