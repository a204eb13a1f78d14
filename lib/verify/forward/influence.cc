#include "verify/forward/influence.h"

#include <cmath>
#include <set>

#include "core/random.h"
#include "model/array.h"
#include "verify/diagnosing/patched_reader.h"
#include "verify/forward/bound.h"
#include "verify/forward/output_check.h"

namespace ckpt {
namespace {

// Every element grows by up to its own size and the typical size of all: variances stay positive.
Tensor changed(const Tensor& tensor, const std::string& name) {
  Array array = from_tensor(tensor);
  double squares = 0;
  for (const double x : array.values) squares += x * x;
  const double typical =
      array.values.empty() ? 0 : std::sqrt(squares / static_cast<double>(array.values.size()));
  const RandomStream stream(1, name);
  for (std::size_t i = 0; i < array.values.size(); ++i) {
    double& x = array.values[i];
    x += (std::abs(x) + (typical > 0 ? typical : 1)) * stream.uniform(i);
  }
  round(array, tensor.dtype);
  return to_tensor(array);
}

}  // namespace

std::vector<std::string> stored_variables(const Graph& graph) {
  std::vector<std::string> names;
  std::set<std::string_view> seen;
  for (const GraphVariable& variable : graph.variables) {
    for (const std::string& name : variable.names) {
      if (seen.insert(name).second) names.push_back(name);
    }
  }
  return names;
}

std::vector<std::string> unseen_variables(const Graph& graph, const Reader& reader,
                                          const std::vector<Tensor>& inputs,
                                          const RunOptions& options,
                                          const std::vector<NamedTensor>& outputs) {
  const Tolerance noise = likely_rounding(graph, options.engine);
  std::vector<std::string> unseen;
  for (const std::string& name : stored_variables(graph)) {
    const std::size_t entry = reader.find(name).value();
    PatchedReader patched(reader);
    patched.replace(name, changed(reader.read(entry), name));
    const RunResult result = run(graph, patched, inputs, options);
    if (agreement_of(check_outputs(outputs, result.outputs, noise)) != Agreement::kDiffers) {
      unseen.push_back(name);
    }
  }
  return unseen;
}

}  // namespace ckpt
