#include "verify/engines.h"

#include "verify/forward/bound.h"
#include "verify/forward/output_check.h"

namespace ckpt {
namespace {

// Multiplications that the reference does in a second or less.
constexpr double kQuickPass = 3e8;

Graph concrete(const Graph& graph, const std::vector<Tensor>& inputs) {
  std::vector<Value> values;
  for (const Tensor& input : inputs) values.push_back({input.dtype, input.shape});
  return with_inputs(graph, values);
}

}  // namespace

RunOptions engine_for(const Engines& engines, const Graph& graph,
                      const std::vector<Tensor>& inputs) {
  const bool is_fast =
      engines.choice == EngineChoice::kFast ||
      (engines.choice == EngineChoice::kAuto && work_of(concrete(graph, inputs)) > kQuickPass);
  return {.engine = is_fast ? Engine::kFast : Engine::kReference, .threads = engines.threads};
}

EngineComparison compare_engines(const Engines& engines, const Graph& graph, const Reader& reader,
                                 const std::vector<Tensor>& inputs,
                                 const std::vector<NamedTensor>& reference) {
  EngineComparison comparison;
  comparison.tolerance = rounding_bound(concrete(graph, inputs), 0, Engine::kFast);
  const RunResult fast =
      run(graph, reader, inputs, {.engine = Engine::kFast, .threads = engines.threads});
  for (const OutputCheck& check : check_outputs(reference, fast.outputs, comparison.tolerance)) {
    if (check.agreement == Agreement::kDiffers) comparison.agree = false;
    if (comparison.worst.name.empty() ||
        check.difference.max_rel() > comparison.worst.difference.max_rel()) {
      comparison.worst = check;
    }
  }
  comparison.references = fast.references;
  return comparison;
}

}  // namespace ckpt
