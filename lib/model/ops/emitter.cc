#include "model/ops/emitter.h"

#include "core/text.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

// Numbers in the attributes of all operations, which each call of a layer has anew.
constexpr std::size_t kMaxListed = std::size_t{1} << 24;

}  // namespace

std::size_t Emitter::add_input(const std::string& name, Value value) {
  graph_.values.push_back(std::move(value));
  graph_.inputs.push_back({name, graph_.values.size() - 1});
  return graph_.values.size() - 1;
}

std::vector<std::size_t> Emitter::add(std::string name, std::size_t call, Operation op,
                                      std::vector<Input> inputs) {
  require(graph_.nodes.size() < kMaxNodes,
          cat("the model has more than ", with_commas(kMaxNodes), " operations"));
  for (const auto& [key, attribute] : op.attributes.all()) {
    if (const auto* list = std::get_if<std::vector<double>>(&attribute)) listed_ += list->size();
    if (const auto* list = std::get_if<std::vector<std::int64_t>>(&attribute)) {
      listed_ += list->size();
    }
  }
  require(listed_ <= kMaxListed, "the parameters of the model's layers are too many");
  Node node{std::move(name), call, std::move(op), std::move(inputs), {}};
  const Kind* kind = find_kind(node.operation.kind);
  require(kind != nullptr, cat("there is no operation '", node.operation.kind, "'"));
  Signature signature{node.operation, graph_.variables, {}};
  for (const Input& input : node.inputs) {
    if (input.role.empty()) {
      signature.inputs.push_back(graph_.values[input.value]);
    } else {
      signature.named.insert_or_assign(input.role, graph_.values[input.value]);
    }
  }
  for (Value& value : kind->infer(signature)) {
    node.outputs.push_back(graph_.values.size());
    graph_.values.push_back(std::move(value));
  }
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.back().outputs;
}

}  // namespace ckpt::ops
