#pragma once

#include <string>
#include <vector>

#include "model/graph.h"

namespace ckpt::ops {

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

}  // namespace ckpt::ops
