#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/graph.h"

namespace ckpt {

// Graph::source of a graph file.
inline constexpr std::string_view kGraphFileSource = "graph file";

struct ProgramOptions {
  std::string file = "graph";  // for messages: "bert.json:12:5: …"
  // Values of the file's parameters instead of its own: whole numbers or texts.
  std::vector<std::pair<std::string, std::string>> parameters = {};
};

// Is it a graph file? One says so by its "schema": "ckpt/graph/1".
bool is_graph_file(std::string_view json);

// The graph of a graph file: a small program that reads as TensorFlow 1 code, run under the rules
// of variable scopes, so that its variables have the names that a checkpoint of such code has. The
// graph has all of the program's global variables, in the order in which they are made, as the
// saver names them; a partitioned one as the whole that it is.
// Throws Error, with file, line, column and statement, and those of the calls around it:
// kCorrupt where it is no JSON, kInvalid where a statement makes no sense or the program takes too
// much, kUnsupported for an operation or a layer that is not known, with those that are;
// ScopeError for a mistake with variable scopes, as TensorFlow 1 reports it.
Graph read_graph_file(std::string_view json, const ProgramOptions& options = {});

}  // namespace ckpt
