#pragma once

#include <cstdint>
#include <memory>

#include "checkpoint/reader.h"
#include "model/graph.h"

namespace ckpt {

// The checkpoint of a graph before any training: its variables by their names in the graph, and
// as values what their initializers make of `seed`, computed when they are read, one variable at a
// time. The graph must outlive the reader. Throws Error(kConflict) where two variables have one
// name, Error(kInvalid) where one has a shape that no tensor has.
std::unique_ptr<Reader> open_initial(const Graph& graph, std::uint64_t seed = 0);

}  // namespace ckpt
