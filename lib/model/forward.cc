#include "model/forward.h"

#include <algorithm>

#include "core/error.h"
#include "core/nearest.h"
#include "core/text.h"
#include "model/ops/op.h"
#include "model/variable_loader.h"

namespace ckpt {
namespace {

bool is_float(DType dtype) { return class_of(dtype) == DTypeClass::kFloat; }

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

// Runs one node. A layer's floating inputs are cast to the type it computes in, as Keras does.
void run_node(const Graph& graph, const Node& node, VariableLoader& variables,
              Activations& values) {
  const Operation& op = node.operation;
  const ops::LoadVariable load = [&](std::size_t variable, DType compute) -> const Array* {
    return variables.get(variable, compute);
  };
  std::vector<Array> cast(node.inputs.size());
  ops::Call call{op, load, {}};
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Input& input = node.inputs[i];
    const Array* array = &values.get(input.value);
    if (op.attributes.flag("autocast") && is_float(array->dtype) && array->dtype != op.compute) {
      cast[i] = *array;
      round(cast[i], op.compute);
      array = &cast[i];
    }
    if (input.role.empty()) {
      call.inputs.push_back(array);
    } else {
      call.named.insert_or_assign(input.role, array);
    }
  }
  std::vector<Array> outputs = ops::find_kind(op.kind)->run(call);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Value& value = graph.values[node.outputs[i]];
    if (outputs[i].shape != value.shape) {
      throw Error(Errc::kInvalid, cat("gave the shape ", describe(outputs[i].shape), ", not ",
                                      describe(value.shape)));
    }
    round(outputs[i], value.dtype);
    values.set(node.outputs[i], std::move(outputs[i]));
  }
  for (const Input& input : node.inputs) values.release(input.value);
  variables.clear();
}

}  // namespace

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
  VariableLoader variables(concrete, reader);
  Activations values(concrete, options.layers);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Array array = from_tensor(inputs[i]);
    round(array, types[i].dtype);
    values.set(concrete.inputs[i].value, std::move(array));
  }
  RunResult result;
  switch (options.engine) {
    case Engine::kReference:
      for (const Node& node : concrete.nodes) {
        try {
          run_node(concrete, node, variables, values);
        } catch (const Error& error) {
          throw error.in(cat("layer '", node.name, "'"));
        }
      }
      break;
  }
  for (const Port& port : concrete.outputs) {
    result.outputs.push_back({port.name, to_tensor(values.get(port.value))});
  }
  if (options.layers) {
    for (const LayerOutput& layer : concrete.layers) {
      result.layers.push_back({cat(layer.layer, "#", layer.call, "#", layer.output),
                               to_tensor(values.get(layer.value))});
    }
  }
  return result;
}

}  // namespace ckpt
