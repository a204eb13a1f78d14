#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "model/graph.h"

namespace ckpt {

// What networks are asked to show whether they compute the same.
struct Probe {
  std::string words;           // "seed 1, 4 rows: normal, uniform, wide, sparse"
  std::vector<Tensor> inputs;  // in the graph's order
};

// Inputs made up for a graph, the same on every machine. The rows of a batch have different
// distributions in turn, so that what one hides, such as a ReLU that never fires, another shows:
// normal, uniform over (0, 1), normal with deviation 3, normal with three of four elements 0.
// Integers stay inside the tables that they look up.
Probe make_probe(const Graph& graph, std::uint64_t seed);

}  // namespace ckpt
