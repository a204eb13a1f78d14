#pragma once

#include <string>
#include <vector>

#include "model/graph.h"
#include "model/keras/argument.h"

namespace ckpt::keras {

// Adds nodes to a graph, inferring shapes as it goes, so that the layers after it know them.
class Emitter {
 public:
  explicit Emitter(Graph& graph) : graph_(graph) {}

  Graph& graph() { return graph_; }

  // A value that comes from outside.
  std::size_t add_input(const std::string& name, Value value);

  // A node; gives its outputs. Throws Error as check() does, and where the graph gets too large.
  std::vector<std::size_t> add(std::string name, std::size_t call, Operation op,
                               std::vector<Input> inputs);

  [[nodiscard]] const Value& value(std::size_t i) const { return graph_.values[i]; }

 private:
  Graph& graph_;
  std::size_t listed_ = 0;  // numbers in all attributes
};

// A node that is an operation of keras.ops rather than a layer: "Add", "Matmul", "GetItem".
// Throws Error(kUnsupported) for one that is not known, with those that are.
std::vector<std::size_t> emit_op_node(Emitter& emitter, const std::string& class_name,
                                      const std::string& name, std::size_t call,
                                      const Config& config, const Arguments& arguments,
                                      Dialect dialect);

std::vector<std::string> op_node_classes();

}  // namespace ckpt::keras
