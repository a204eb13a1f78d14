#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/reader.h"
#include "core/tensor.h"
#include "model/graph.h"
#include "model/instruction_set.h"

namespace ckpt {

// Who computes. The reference is plain loops that sum in double precision. The fast engine computes
// in float, in registers' width, several layers at once where nobody asks for what lies between
// them; what it has no kernel for the reference computes within the same run.
enum class Engine : std::uint8_t { kReference, kFast };

// "reference", "fast".
std::string_view name_of(Engine engine);

struct RunOptions {
  Engine engine = Engine::kReference;
  bool layers = false;  // give every layer's outputs as well

  // Of the fast engine. Its results do not depend on the number of threads.
  std::size_t threads = 1;  // REQUIRES: at least one
  // REQUIRES: one that is available.
  InstructionSet instructions = available_instruction_sets().back();
};

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// What a forward pass gave: outputs under the graph's names, in its order, and layers' outputs as
// `LAYER#call#output`, in the order in which they were computed.
struct RunResult {
  std::vector<NamedTensor> outputs;
  std::vector<NamedTensor> layers;
  // Of the fast engine: what the reference computed for it, "'lstm' (recurrent)".
  std::vector<std::string> references;
};

// The inputs in the graph's order: by the graph's names, or as input_0, input_1, …
// Throws Error(kInvalid) where one is missing, or is there that the graph has not, naming both.
std::vector<Tensor> match_inputs(const Graph& graph, std::span<const NamedTensor> inputs);

// Runs the graph on `inputs` (in its order) with the variables of `reader`. All shapes are checked
// before anything is read. Variables are read when their node runs and dropped after it; values
// are dropped after their last reader.
// Throws Error: kInvalid where shapes do not fit or an input is out of a table's range, kNotFound
// with all variables that the reader lacks, kUnsupported for arithmetic in a type that has none,
// and what Reader::read() throws. REQUIRES: check(graph) has passed, the variables are bound.
RunResult run(const Graph& graph, const Reader& reader, const std::vector<Tensor>& inputs,
              const RunOptions& options = {});

}  // namespace ckpt
