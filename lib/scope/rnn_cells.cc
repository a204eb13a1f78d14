#include "scope/rnn_cells.h"

#include "core/text.h"

namespace ckpt {

KernelAndBias lstm_cell(VariableStore& store, std::int64_t inputs, std::int64_t units,
                        RnnNames names, CodePlace at) {
  const bool old = names == RnnNames::kWeightsAndBiases;
  Layer layer = Layer::object(store, "lstm_cell", {});
  const std::vector<Variable*> made =
      layer.apply({{.name = old ? "weights" : "kernel", .shape = {inputs + units, 4 * units}},
                   {.name = old ? "biases" : "bias",
                    .shape = {4 * units},
                    .initializer = Initializer::zeros()}},
                  at);
  return {made[0], made[1]};
}

std::vector<KernelAndBias> multi_rnn_cell(VariableStore& store, std::int64_t inputs,
                                          const std::vector<std::int64_t>& units, RnnNames names,
                                          CodePlace at) {
  // A cell that is no plain layer first re-enters the scope that it is called in.
  const ScopeGuard here = store.open(store.current_scope());
  Layer layer = Layer::object(store, "multi_rnn_cell", {});
  const ScopeGuard scope = layer.open();
  std::vector<KernelAndBias> out;
  for (const std::int64_t n : units) {
    const ScopeGuard cell = store.open(cat("cell_", out.size()));
    out.push_back(lstm_cell(store, inputs, n, names, at));
    inputs = n;
  }
  return out;
}

std::vector<KernelAndBias> dynamic_rnn(VariableStore& store, std::int64_t inputs,
                                       const std::vector<std::int64_t>& units, RnnNames names,
                                       CodePlace at) {
  const ScopeGuard rnn = store.open("rnn");
  return multi_rnn_cell(store, inputs, units, names, at);
}

}  // namespace ckpt
