#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"
#include "model/attributes.h"
#include "scope/initializer.h"

namespace ckpt {

// The extent of a dimension that is known only once inputs are: the batch, a free sequence length.
inline constexpr std::int64_t kUnknown = -1;

// A tensor that flows through a graph: its type, and its shape as far as it is known.
struct Value {
  DType dtype = DType::kF32;
  Shape shape;

  friend bool operator==(const Value&, const Value&) = default;
};

// Where a variable is looked for in a checkpoint: hints that the graph's source knows, one for each
// way of naming that files have. binding.h turns them into `Variable::names`.
struct VariableHints {
  std::string keras3_path;            // "layers/lstm/cell/vars/0"
  std::string layer;                  // the layer of the whole model that owns it: "encoder"
  std::vector<std::string> scopes;    // the layers inside of it, outermost first: "dense_1"
  std::vector<std::string> spelling;  // the names it goes by: "kernel", "W"
  // Keras 1 keeps each gate of a recurrent layer apart: the parts' names, in the order in which
  // they are joined along the last axis ("W_i", "W_f", "W_c", "W_o").
  std::vector<std::string> gates;
  bool trainable = true;
  bool optional = false;  // a file may do without it, and the operation too
};

// A variable that the graph needs. Shared layers share it.
struct GraphVariable {
  std::string name;  // by the graph: "encoder/dense_1/kernel"
  DType dtype = DType::kF32;
  Shape shape;  // as the operation takes it
  // The checkpoint's variables that make it up: none until it is bound, one, or several that are
  // joined along the last axis.
  std::vector<std::string> names;
  // What is done to the stored tensor, in this order: its axes are permuted (none: they stay), and
  // these axes of the result are reversed (Theano's convolution kernels).
  std::vector<std::int64_t> permutation;
  std::vector<std::int64_t> reversed;
  Initializer initializer = Initializer::zeros();  // of its first values
  VariableHints hints;
};

// An operation reads a variable in some role.
struct VariableUse {
  std::string role;          // "kernel", "gamma"
  std::size_t variable = 0;  // position in Graph::variables
};

// What is computed. `parts` are operations inside of it: the cell of a recurrent layer, the two
// directions of a bidirectional one.
struct Operation {
  std::string kind;  // a row of the table of operations: "conv", "dense"
  Attributes attributes;
  std::vector<VariableUse> variables;
  std::vector<Operation> parts;
  DType compute = DType::kF32;  // the type its arithmetic is rounded to
};

// A value that a node reads; `role` is empty for the plain inputs, which keep their order, and
// says what an optional one is for: "mask", "initial_state".
struct Input {
  std::string role;
  std::size_t value = 0;  // position in Graph::values
};

struct Node {
  std::string name;      // the layer that computes it, with the models around: "encoder/dense_1"
  std::size_t call = 0;  // of a layer that is called several times: which call, from 0
  Operation operation;
  std::vector<Input> inputs;
  std::vector<std::size_t> outputs;  // positions in Graph::values
};

// A value with a name: an input, an output.
struct Port {
  std::string name;
  std::size_t value = 0;
};

// What a layer gave at one of its calls; models inside the model are layers too.
struct LayerOutput {
  std::string layer;
  std::size_t call = 0;
  std::size_t output = 0;
  std::size_t value = 0;
};

// "conv2d#0#0": layer, call, output, as records of networks have it.
std::string name_of(const LayerOutput& output);

// The operations of a model, in an order in which they can be run. Plain data; check() says whether
// it makes sense.
struct Graph {
  std::string source;  // "Keras 3 config"
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<GraphVariable> variables;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::vector<LayerOutput> layers;
  std::vector<std::string> notes;  // what was left out or guessed, a sentence each
};

// Bounds that keep a hostile graph from exhausting memory. The largest public models have some
// thousand nodes, and activations of some hundred million elements.
inline constexpr std::size_t kMaxNodes = 100'000;
inline constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 40;    // of a variable
inline constexpr std::uint64_t kMaxActivation = std::uint64_t{1} << 31;  // of a value that is run
inline constexpr std::size_t kMaxRank = 16;

// Checks positions, order, kinds of operations and all shapes, and puts into each value the shape
// and type that the operation before it gives. `values` of inputs must be set.
// Throws Error(kInvalid), naming the node.
void check(Graph& graph);

// The graph with the shapes that follow from those of its inputs, in their order; nothing is
// unknown in it. Throws Error(kInvalid) where an input does not fit or a value would be too large.
Graph with_inputs(const Graph& graph, const std::vector<Value>& inputs);

// "[?, 28, 28, 1]": a shape with its unknown extents.
std::string describe(const Shape& shape);

}  // namespace ckpt
