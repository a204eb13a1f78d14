#pragma once

#include <optional>
#include <string>
#include <vector>

#include "console.h"
#include "core/tensor.h"
#include "model/graph.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ckpt {

class Reader;
struct Index;

// How a command is told a network.
struct GraphChoice {
  std::string file;                   // --graph: a graph file, a Keras config or a whole model
  std::vector<std::string> settings;  // --set NAME=VALUE, of a graph file's parameters
};

// Declares --graph, which says `what` it gives, and --set, and gives back the first.
CLI::Option* add_graph_options(CLI::App& app, GraphChoice& choice, const std::string& what);

// Declares --set alone, for a command in which another option gives the graph.
void add_settings(CLI::App& app, GraphChoice& choice, CLI::Option* graph);

// Throws Error where there are settings: the file is no graph file.
void refuse_settings(const GraphChoice& choice);

// Is it text that begins as a JSON object does, as a graph file or a config? A whole model never
// does. Throws Error, naming the file.
bool is_graph_text(const std::string& path);

// The graph that is chosen, not bound. What a Keras config leaves out of its version is taken from
// `index`, where there is one. Notes of the graph go to standard error. Throws Error, naming the
// file.
Graph read_graph(const GraphChoice& choice, const Index* index, Console& console);

// A graph that a command runs, bound to a checkpoint's variables where those fit.
struct GraphInput {
  Graph graph;
  std::string words;   // where it comes from: "net.json (Keras 3 config)"
  std::string misfit;  // why the checkpoint does not fit it; empty: it is bound
};

// The chosen graph, where one is, else the checkpoint's own; empty where it has none. `path` is the
// checkpoint's. Throws as read_graph() does.
std::optional<GraphInput> find_graph(const Reader& reader, const std::string& path,
                                     const GraphChoice& choice, Console& console);

// The same, and throws Error where there is none, saying how one is given, and where the checkpoint
// does not fit it.
GraphInput need_graph(const Reader& reader, const std::string& path, const GraphChoice& choice,
                      Console& console);

// All that a checkpoint lacks or has otherwise than the graph asks, a sentence each; of a graph
// file what it has beside the graph, too.
std::vector<std::string> misfits_of(Graph graph, const Reader& reader);

// The tensors of a file in the order of the graph's inputs, which they are matched with by name or
// as input_0, input_1, …; a single tensor of any name is the input of a graph that has one, which
// a sentence on standard error then says. Of several files the rows follow one another.
// Throws Error, naming the file. REQUIRES: there is a path.
std::vector<Tensor> read_inputs(const std::vector<std::string>& paths, const Graph& graph,
                                Console& console);

}  // namespace ckpt
