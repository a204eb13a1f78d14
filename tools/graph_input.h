#pragma once

#include <optional>
#include <string>
#include <vector>

#include "console.h"
#include "core/tensor.h"
#include "model/graph.h"

namespace ckpt {

class Reader;

// A graph that a command runs, bound to a checkpoint's variables where those fit.
struct GraphInput {
  Graph graph;
  std::string words;   // where it comes from: "net.json (Keras 3 config)"
  std::string misfit;  // why the checkpoint does not fit it; empty: it is bound
};

// The graph of `graph_file`, a Keras config or a whole model of Keras, where one is given, else the
// checkpoint's own; empty where it has none. `path` is the checkpoint's. What a config leaves out
// of its version is taken from the checkpoint. Notes of the graph go to standard error. Throws
// Error, naming the file.
std::optional<GraphInput> find_graph(const Reader& reader, const std::string& path,
                                     const std::string& graph_file, Console& console);

// The same, and throws Error where there is none, saying how one is given, and where the checkpoint
// does not fit it.
GraphInput need_graph(const Reader& reader, const std::string& path, const std::string& graph_file,
                      Console& console);

// The tensors of a file in the order of the graph's inputs, which they are matched with by name or
// as input_0, input_1, …; a single tensor of any name is the input of a graph that has one, which
// a sentence on standard error then says. Throws Error, naming the file.
std::vector<Tensor> read_inputs(const std::string& path, const Graph& graph, Console& console);

}  // namespace ckpt
