#pragma once

#include <string>
#include <vector>

#include "model/forward.h"

namespace ckpt {

// Which of the stored variables of a graph have no influence on its outputs for these inputs: each
// is changed by about its own size, by itself, and the outputs do not follow by more than rounding.
// Units behind a ReLU that never fires are such, and the key bias under a softmax. One forward pass
// for each variable. `outputs` are what the graph gives for `inputs`.
std::vector<std::string> unseen_variables(const Graph& graph, const Reader& reader,
                                          const std::vector<Tensor>& inputs,
                                          const RunOptions& options,
                                          const std::vector<NamedTensor>& outputs);

// The stored variables that the graph reads, each once.
std::vector<std::string> stored_variables(const Graph& graph);

}  // namespace ckpt
