#pragma once

#include <string>
#include <vector>

#include "model/graph.h"

namespace ckpt {

// Do two graphs compute by the same operations, connected in the same way, on variables of the same
// shapes, whatever those and the layers are called? Then variable i of the one plays the part of
// variable i of the other. Attributes ("epsilon") are not compared.
bool same_wiring(const Graph& a, const Graph& b);

// An attribute that differs, in words: of the layer "bn" "epsilon" was "1e-05" and is "0.001".
struct AttributeDifference {
  std::string layer;
  std::string name;
  std::string was;
  std::string is;
};

// Those that only one of the graphs has are among them. REQUIRES: same_wiring(was, is).
std::vector<AttributeDifference> attribute_differences(const Graph& was, const Graph& is);

// `is` with all attributes of `was`. REQUIRES: same_wiring(was, is).
Graph with_attributes_of(const Graph& was, const Graph& is);

// A stored variable of each graph that play the same part.
struct Counterparts {
  std::string was;
  std::string is;
  std::string block;  // what its parts along an axis are: "gate" of a recurrent layer, "block"
};

// REQUIRES: same_wiring(was, is); both are bound.
std::vector<Counterparts> counterparts(const Graph& was, const Graph& is);

// The shapes, without the batch, that the graph flattens; it must have been given its inputs'.
std::vector<Shape> flattened_shapes(const Graph& graph);

}  // namespace ckpt
