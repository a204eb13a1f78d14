#include "model/ops/run_node.h"

#include "core/error.h"
#include "core/text.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

bool is_float(DType dtype) { return class_of(dtype) == DTypeClass::kFloat; }

}  // namespace

std::vector<Array> run_node(const Graph& graph, const Node& node, VariableLoader& variables,
                            const std::function<const Array&(std::size_t)>& value) {
  const Operation& op = node.operation;
  const LoadVariable load = [&](std::size_t variable, DType compute) -> const Array* {
    return variables.get(variable, compute);
  };
  std::vector<Array> cast(node.inputs.size());
  Call call{op, load, {}};
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Input& input = node.inputs[i];
    const Array* array = &value(input.value);
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
  std::vector<Array> outputs = find_kind(op.kind)->run(call);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Value& expected = graph.values[node.outputs[i]];
    if (outputs[i].shape != expected.shape) {
      throw Error(Errc::kInvalid, cat("gave the shape ", describe(outputs[i].shape), ", not ",
                                      describe(expected.shape)));
    }
    round(outputs[i], expected.dtype);
  }
  variables.clear();
  return outputs;
}

}  // namespace ckpt::ops
