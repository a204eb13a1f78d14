#pragma once

#include <functional>
#include <vector>

#include "model/variable_loader.h"

namespace ckpt::ops {

// What a node gives, by its reference operation, rounded to the types of its outputs. `value` gives
// the values that it reads; a layer's floating inputs are cast to the type that it computes in, as
// Keras does. Throws Error as run() does, without the layer's name.
std::vector<Array> run_node(const Graph& graph, const Node& node, VariableLoader& variables,
                            const std::function<const Array&(std::size_t)>& value);

}  // namespace ckpt::ops
