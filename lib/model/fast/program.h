#pragma once

#include <vector>

#include "model/fast/planner.h"
#include "model/forward.h"

namespace ckpt::fast {

// A graph made ready: planned, its variables read and packed, its memory reserved. It can be run
// any number of times.
class Program {
 public:
  // Throws what run() throws. REQUIRES: `graph` has no unknown extents; it and the reader outlive
  // the program.
  Program(const Graph& graph, const Reader& reader, const RunOptions& options);

  // REQUIRES: `inputs` are those of the graph, in its order, in type and shape.
  RunResult run(const std::vector<Tensor>& inputs);

  // The steps alone, on the inputs of the last run, calling after(step) behind each of them.
  template <typename F>
  void run_steps(F after) {
    for (const Step& step : plan_.steps) {
      run_step(step);
      after(step);
    }
  }

  [[nodiscard]] const Plan& plan() const { return plan_; }

 private:
  void run_step(const Step& step);
  [[nodiscard]] Tensor tensor_of(std::size_t value);

  const Graph& graph_;
  bool keep_layers_;
  VariableLoader variables_;
  ThreadPool pool_;
  Plan plan_;
  Frame frame_;
};

}  // namespace ckpt::fast
