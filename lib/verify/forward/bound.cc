#include "verify/forward/bound.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/text.h"

namespace ckpt {
namespace {

constexpr double kSafety = 4;

// What rounding does to each step of a sum.
double sum_unit(Engine engine) {
  switch (engine) {
    case Engine::kReference:
      return 0x1p-53;
    case Engine::kFast:
      return 0x1p-24;
  }
  return 0;
}

std::size_t elements(const Shape& shape) {
  return static_cast<std::size_t>(num_elements(shape).value_or(0));
}

using UseOfVariable = std::function<void(const Operation&, const VariableUse&)>;

void for_each_variable(const Operation& op, const UseOfVariable& f) {
  for (const VariableUse& use : op.variables) f(op, use);
  for (const Operation& part : op.parts) for_each_variable(part, f);
}

// Products that go into one sum at the most: the elements of a kernel for each of its outputs.
double sum_of(const Operation& op, const VariableUse& use, const Shape& shape) {
  if (shape.size() < 2 || op.kind == "embedding") return 1;
  std::int64_t outputs = shape.back();
  if (op.kind == "conv_transpose") outputs = shape[shape.size() - 2];
  if (op.kind == "reverse_embedding") outputs = shape.front();
  if (use.role == "depthwise_kernel") outputs *= shape[shape.size() - 2];
  return static_cast<double>(elements(shape)) /
         static_cast<double>(std::max<std::int64_t>(outputs, 1));
}

double longest_sum(const Graph& graph) {
  double longest = 1;
  for (const Node& node : graph.nodes) {
    for_each_variable(node.operation, [&](const Operation& op, const VariableUse& use) {
      longest = std::max(longest, sum_of(op, use, graph.variables[use.variable].shape));
    });
  }
  return longest;
}

double coarsest_unit(const Graph& graph) {
  double unit = 0;
  for (const Node& node : graph.nodes) {
    const DType type = node.operation.compute;
    // Integers and masks that are computed are exact.
    if (class_of(type) == DTypeClass::kFloat) unit = std::max(unit, rounding_unit(type));
  }
  return unit;
}

std::size_t depth_of(const Graph& graph) {
  std::vector<std::size_t> depth(graph.values.size(), 0);
  std::size_t deepest = 0;
  for (const Node& node : graph.nodes) {
    std::size_t above = 0;
    for (const Input& input : node.inputs) above = std::max(above, depth[input.value]);
    for (const std::size_t output : node.outputs) depth[output] = above + 1;
    deepest = std::max(deepest, above + 1);
  }
  return deepest;
}

}  // namespace

double rounding_unit(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kC128:
      return 0x1p-53;
    case DType::kF32:
    case DType::kC64:
      return 0x1p-24;
    case DType::kF16:
      return 0x1p-11;
    case DType::kBf16:
      return 0x1p-8;
    case DType::kF8e4m3:
      return 0x1p-4;
    case DType::kF8e5m2:
      return 0x1p-3;
    case DType::kI8:
    case DType::kU8:
    case DType::kBool:
      return 0x1p-8;
    case DType::kI16:
    case DType::kU16:
      return 0x1p-16;
    case DType::kI32:
    case DType::kU32:
      return 0x1p-32;
    case DType::kI64:
    case DType::kU64:
      return 0x1p-53;
    case DType::kString:
    case DType::kOther:
      return 0;
  }
  return 0;
}

Tolerance rounding_bound(const Graph& graph, double stored_unit, Engine engine) {
  const double computed = coarsest_unit(graph);
  const auto depth = static_cast<double>(depth_of(graph));
  const double sum = longest_sum(graph);
  const auto power = [](double unit) { return cat("2^", std::lround(std::log2(unit))); };
  return {kSafety * depth * (stored_unit + computed + std::sqrt(sum) * sum_unit(engine)), 0,
          cat("4 × ", depth_of(graph), " operations in a row × (",
              stored_unit > 0 ? cat(power(stored_unit), " stored + ") : "", power(computed),
              " computed + √", static_cast<std::uint64_t>(sum), " × ", power(sum_unit(engine)),
              " summed)")};
}

Tolerance likely_rounding(const Graph& graph, Engine engine) {
  const double unit = coarsest_unit(graph) + std::sqrt(longest_sum(graph)) * sum_unit(engine);
  return {unit * std::sqrt(static_cast<double>(depth_of(graph))), 0, ""};
}

double work_of(const Graph& graph) {
  double work = 0;
  for (const Node& node : graph.nodes) {
    double outputs = 0;
    double positions = 0;
    for (const std::size_t output : node.outputs) {
      const Shape& shape = graph.values[output].shape;
      const auto count = static_cast<double>(elements(shape));
      outputs += count;
      positions = std::max(positions, shape.empty() || shape.back() == 0
                                          ? 1
                                          : count / static_cast<double>(shape.back()));
    }
    work += outputs;
    for_each_variable(node.operation, [&](const Operation& op, const VariableUse& use) {
      const Shape& shape = graph.variables[use.variable].shape;
      if (shape.size() > 1 && op.kind != "embedding") {
        work += positions * static_cast<double>(elements(shape));
      }
    });
  }
  return work;
}

}  // namespace ckpt
