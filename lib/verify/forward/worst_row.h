#pragma once

#include <vector>

#include "model/forward.h"

namespace ckpt {

// The row of a batch by whose output two networks differ most, as inputs of its own; all of the
// inputs where they are no batch. One row is enough to look for the layer at which they part, in
// a fraction of the memory.
std::vector<Tensor> worst_row(const Graph& graph, const std::vector<Tensor>& inputs,
                              const Tensor& was, const Tensor& is);

}  // namespace ckpt
