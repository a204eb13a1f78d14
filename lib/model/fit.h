#pragma once

#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "model/graph.h"

namespace ckpt {

// How a checkpoint fits a graph whose variables it has by their names.
struct Fit {
  std::vector<std::string> missing;     // in the checkpoint
  std::vector<std::string> mismatched;  // "dense/kernel is f32 [3, 4], not f32 [4, 3]"
  // In the checkpoint, and not in the graph: all but optimizer slots and averages.
  std::vector<std::string> unexpected;

  [[nodiscard]] bool is_perfect() const {
    return missing.empty() && mismatched.empty() && unexpected.empty();
  }
};
Fit fit_by_name(const Graph& graph, const Index& index);

// All that does not fit, a sentence each, with the nearest names for those that are missing.
std::vector<std::string> faults_of(const Fit& fit, const Index& index);

// Binds each variable of the graph to the checkpoint's of its name, whose floating type may be
// another one. What the checkpoint has besides is ignored, unless something is missing or
// mismatched: then it is named, too. Throws Error(kNotFound), listing all of them.
void bind_by_name(Graph& graph, const Index& index);

}  // namespace ckpt
