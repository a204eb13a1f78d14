#include "model/fast/program.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/numbers.h"
#include "core/text.h"
#include "model/fast/float_variables.h"

namespace ckpt::fast {

Program::Program(const Graph& graph, const Reader& reader, const RunOptions& options)
    : graph_(graph),
      keep_layers_(options.layers),
      variables_(graph, reader),
      pool_(options.threads),
      plan_(Planner(graph, variables_, kernels_of(options.instructions), options.threads,
                    options.layers)
                .plan()),
      frame_{.kernels = kernels_of(options.instructions),
             .pool = pool_,
             .slots = plan_.slots,
             .memory = Buffer(plan_.memory),
             .scratch = {},
             .others = std::vector<Array>(graph.values.size())} {
  for (const Plan::Constant& constant : plan_.constants) {
    float* to = frame_.at(constant.slot);
    for_each_float(variables_, constant.variable,
                   [to](std::size_t first, std::span<const float> values) {
                     std::ranges::copy(values, to + first);
                   });
  }
  for (std::size_t i = 0; i < options.threads; ++i) {
    frame_.scratch.push_back(
        {Buffer(plan_.scratch_floats), std::vector<const float*>(plan_.scratch_rows)});
  }
}

void Program::run_step(const Step& step) {
  try {
    step.run(frame_);
  } catch (const Error& error) {
    throw error.in(cat("layer '", step.name, "'"));
  }
  for (const std::size_t value : step.dropped) frame_.others[value] = Array{};
}

RunResult Program::run(const std::vector<Tensor>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::size_t value = graph_.inputs[i].value;
    const std::size_t slot = plan_.slot_of[value];
    Array array = from_tensor(inputs[i]);
    round(array, graph_.values[value].dtype);
    if (slot == Plan::kNone) {
      frame_.others[value] = std::move(array);
    } else {
      std::ranges::transform(array.values, frame_.at(slot),
                             [](double x) { return static_cast<float>(x); });
    }
  }
  run_steps([](const Step&) {});
  RunResult result;
  for (const Port& port : graph_.outputs) {
    result.outputs.push_back({port.name, tensor_of(port.value)});
  }
  if (keep_layers_) {
    for (const LayerOutput& layer : graph_.layers) {
      result.layers.push_back({name_of(layer), tensor_of(layer.value)});
    }
  }
  for (const Step& step : plan_.steps) {
    if (step.is_reference)
      result.references.push_back(cat("'", step.name, "' (", step.node->operation.kind, ")"));
  }
  return result;
}

Tensor Program::tensor_of(std::size_t value) {
  const std::size_t slot = plan_.slot_of[value];
  if (slot == Plan::kNone) return to_tensor(frame_.others[value]);
  const Shape& shape = graph_.values[value].shape;
  return make_tensor(shape, {frame_.at(slot), elements_of(shape)});
}

}  // namespace ckpt::fast
