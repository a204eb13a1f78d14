#include "model/graph.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "model/ops/op.h"

namespace ckpt {
namespace {

using ops::require;

std::string where(const Node& node) {
  return cat("layer '", node.name, "'", node.call == 0 ? "" : cat(" (call ", node.call, ")"));
}

void check_value(const Value& value, std::uint64_t limit) {
  require(value.shape.size() <= kMaxRank,
          cat("a tensor of ", value.shape.size(), " dimensions is beyond what is supported"));
  Shape known = value.shape;
  std::replace(known.begin(), known.end(), kUnknown, std::int64_t{1});
  const auto count = num_elements(known);
  require(count && *count <= limit,
          cat("a tensor of shape ", describe(value.shape), " is too large"));
}

void check_operation(const Graph& graph, const Operation& op, int depth) {
  require(depth < 8, "operations are nested too deeply");
  for (const VariableUse& use : op.variables) {
    require(use.variable < graph.variables.size(), "uses a variable that is not there");
  }
  for (const Operation& part : op.parts) check_operation(graph, part, depth + 1);
}

// Puts the values that `node` gives into the graph; `is_there` says which values are known by now.
void infer_node(Graph& graph, const Node& node, std::vector<bool>& is_there, std::uint64_t limit) {
  check_operation(graph, node.operation, 0);
  const ops::Kind* kind = ops::find_kind(node.operation.kind);
  require(kind != nullptr, cat("there is no operation '", node.operation.kind, "'"));
  ops::Signature signature{node.operation, graph.variables, {}};
  for (const Input& input : node.inputs) {
    require(input.value < graph.values.size() && is_there[input.value],
            "reads a value that no node before it gives");
    if (input.role.empty()) {
      signature.inputs.push_back(graph.values[input.value]);
    } else {
      signature.named.insert_or_assign(input.role, graph.values[input.value]);
    }
  }
  std::vector<Value> outputs = kind->infer(signature);
  require(outputs.size() == node.outputs.size(),
          cat("gives ", count_of(outputs.size(), "value"), ", not ", node.outputs.size()));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::size_t at = node.outputs[i];
    require(at < graph.values.size() && !is_there[at], "gives a value that is there already");
    check_value(outputs[i], limit);
    graph.values[at] = std::move(outputs[i]);
    is_there[at] = true;
  }
}

void infer_all(Graph& graph, std::uint64_t limit) {
  require(graph.nodes.size() <= kMaxNodes, "the graph has too many nodes");
  for (const GraphVariable& variable : graph.variables) {
    const auto count = num_elements(variable.shape);
    if (!count || *count > kMaxElements || variable.shape.size() > kMaxRank) {
      throw Error(Errc::kInvalid, cat("variable '", variable.name, "': its shape ",
                                      describe(variable.shape), " is beyond what is supported"));
    }
  }
  std::vector<bool> is_there(graph.values.size(), false);
  for (const Port& port : graph.inputs) {
    require(port.value < graph.values.size(), cat("input '", port.name, "' is not there"));
    check_value(graph.values[port.value], limit);
    is_there[port.value] = true;
  }
  for (const Node& node : graph.nodes) {
    try {
      infer_node(graph, node, is_there, limit);
    } catch (const Error& error) {
      throw error.in(where(node));
    }
  }
  for (const Port& port : graph.outputs) {
    require(port.value < graph.values.size() && is_there[port.value],
            cat("output '", port.name, "' is not there"));
  }
  for (const LayerOutput& layer : graph.layers) {
    require(layer.value < graph.values.size() && is_there[layer.value],
            cat("the output of layer '", layer.layer, "' is not there"));
  }
}

}  // namespace

std::string describe(const Shape& shape) {
  std::vector<std::string> extents;
  for (const std::int64_t extent : shape) {
    extents.push_back(extent == kUnknown ? "?" : cat(extent));
  }
  return cat("[", join(extents, ", "), "]");
}

std::string name_of(const LayerOutput& output) {
  return cat(output.layer, "#", output.call, "#", output.output);
}

void check(Graph& graph) { infer_all(graph, kMaxElements); }

Graph with_inputs(const Graph& graph, const std::vector<Value>& inputs) {
  Graph concrete = graph;
  require(inputs.size() == graph.inputs.size(),
          cat("the graph has ", count_of(graph.inputs.size(), "input"), ", not ", inputs.size()));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Value& value = concrete.values.at(graph.inputs[i].value);
    const bool fits = std::ranges::equal(value.shape, inputs[i].shape, ops::may_equal) &&
                      num_elements(inputs[i].shape).has_value();
    require(fits, cat("input '", graph.inputs[i].name, "' has the shape ",
                      describe(inputs[i].shape), ", not ", describe(value.shape)));
    value = inputs[i];
  }
  infer_all(concrete, kMaxActivation);
  return concrete;
}

}  // namespace ckpt
