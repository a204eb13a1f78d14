#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "dups/equal_tensors.h"
#include "dups/subject.h"

namespace ckpt {

// A node of the catalogue of one of several checkpoints.
struct NodeRef {
  std::size_t input = 0;
  std::size_t node = 0;

  friend auto operator<=>(const NodeRef&, const NodeRef&) = default;
};

// Two scopes, or two variables, that hold the same tensors under the same names.
struct EqualScopes {
  NodeRef a;  // which stands first
  NodeRef b;
  std::size_t equal = 0;      // variables with the same bytes
  std::size_t variables = 0;  // of each
};

// From equal tensors to the largest scopes that are equal: "model/" and "model_1/" instead of forty
// pairs of variables. Where all scopes inside two scopes are equal pairwise, whatever they are
// called, these two are. Scopes of one structure that differ in few values of few variables are
// given too, with `equal` below `variables`. Reads only what is too small or too constant to be in
// `classes`, and samples of what differs.
std::vector<EqualScopes> equal_scopes(std::span<const Subject> subjects,
                                      std::span<const std::vector<TensorRef>> classes);

}  // namespace ckpt
