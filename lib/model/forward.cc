#include "model/forward.h"

#include <algorithm>

#include "core/error.h"
#include "core/nearest.h"
#include "core/text.h"
#include "model/fast/program.h"
#include "model/ops/run_node.h"
#include "model/variable_loader.h"

namespace ckpt {
namespace {

// The values that are alive while a graph runs.
class Activations {
 public:
  Activations(const Graph& graph, bool keep_layers)
      : arrays_(graph.values.size()), readers_(graph.values.size(), 0) {
    for (const Node& node : graph.nodes) {
      for (const Input& input : node.inputs) ++readers_[input.value];
    }
    // One reader more keeps a value to the end.
    for (const Port& port : graph.outputs) ++readers_[port.value];
    if (!keep_layers) return;
    for (const LayerOutput& layer : graph.layers) ++readers_[layer.value];
  }

  void set(std::size_t value, Array array) {
    if (readers_[value] > 0) arrays_[value] = std::move(array);
  }

  [[nodiscard]] const Array& get(std::size_t value) const { return arrays_[value]; }

  // A reader is done with the value; after the last one it is dropped.
  void release(std::size_t value) {
    if (--readers_[value] == 0) arrays_[value] = Array{};
  }

 private:
  std::vector<Array> arrays_;
  std::vector<std::size_t> readers_;
};

void run_node(const Graph& graph, const Node& node, VariableLoader& variables,
              Activations& values) {
  std::vector<Array> outputs = ops::run_node(
      graph, node, variables, [&](std::size_t value) -> const Array& { return values.get(value); });
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    values.set(node.outputs[i], std::move(outputs[i]));
  }
  for (const Input& input : node.inputs) values.release(input.value);
}

RunResult run_reference(const Graph& graph, const Reader& reader, const std::vector<Tensor>& inputs,
                        const RunOptions& options) {
  VariableLoader variables(graph, reader);
  Activations values(graph, options.layers);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::size_t value = graph.inputs[i].value;
    Array array = from_tensor(inputs[i]);
    round(array, graph.values[value].dtype);
    values.set(value, std::move(array));
  }
  for (const Node& node : graph.nodes) {
    try {
      run_node(graph, node, variables, values);
    } catch (const Error& error) {
      throw error.in(cat("layer '", node.name, "'"));
    }
  }
  RunResult result;
  for (const Port& port : graph.outputs) {
    result.outputs.push_back({port.name, to_tensor(values.get(port.value))});
  }
  if (options.layers) {
    for (const LayerOutput& layer : graph.layers) {
      result.layers.push_back({name_of(layer), to_tensor(values.get(layer.value))});
    }
  }
  return result;
}

}  // namespace

std::string_view name_of(Engine engine) {
  switch (engine) {
    case Engine::kReference:
      return "reference";
    case Engine::kFast:
      return "fast";
  }
  return "";
}

std::vector<Tensor> match_inputs(const Graph& graph, std::span<const NamedTensor> inputs) {
  std::vector<std::string> names;
  for (const Port& port : graph.inputs) names.push_back(port.name);
  std::vector<const Tensor*> found(names.size(), nullptr);
  for (const NamedTensor& input : inputs) {
    auto it = std::ranges::find(names, input.name);
    if (it == names.end()) {
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (input.name == cat("input_", i)) it = names.begin() + static_cast<std::ptrdiff_t>(i);
      }
    }
    if (it == names.end()) {
      throw Error(Errc::kInvalid, cat("the graph has no input '", input.name, "'; its inputs are ",
                                      join(names, ", ")));
    }
    const auto i = static_cast<std::size_t>(it - names.begin());
    if (found[i] != nullptr) {
      throw Error(Errc::kInvalid, cat("input '", names[i], "' is given twice"));
    }
    found[i] = &input.tensor;
  }
  std::vector<Tensor> matched;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (found[i] == nullptr) {
      throw Error(Errc::kInvalid, cat("input '", names[i], "' is missing"));
    }
    matched.push_back(*found[i]);
  }
  return matched;
}

RunResult run(const Graph& graph, const Reader& reader, const std::vector<Tensor>& inputs,
              const RunOptions& options) {
  std::vector<Value> types;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    // What is given is cast to the input's own type.
    const DType dtype =
        i < graph.inputs.size() ? graph.values.at(graph.inputs[i].value).dtype : inputs[i].dtype;
    types.push_back({dtype, inputs[i].shape});
  }
  const Graph concrete = with_inputs(graph, types);
  switch (options.engine) {
    case Engine::kReference:
      return run_reference(concrete, reader, inputs, options);
    case Engine::kFast:
      return fast::Program(concrete, reader, options).run(inputs);
  }
  return {};
}

}  // namespace ckpt
