#include "verify/probe.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "core/random.h"
#include "core/text.h"
#include "model/array.h"

namespace ckpt {
namespace {

constexpr std::array<std::string_view, 4> kDistributions{"normal", "uniform", "wide", "sparse"};
// What stands in for an extent that the graph leaves open.
constexpr std::int64_t kRows = kDistributions.size();
constexpr std::int64_t kSide = 32;   // of an image: five halvings leave one
constexpr std::int64_t kSteps = 12;  // of a sequence
constexpr double kFreeIntegers = 4;  // below this, where nothing says what integers are for

Shape probe_shape(const Shape& shape) {
  Shape out = shape;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] == kUnknown) out[i] = i == 0 ? kRows : out.size() >= 4 ? kSide : kSteps;
  }
  return out;
}

// Of each value, below what its integers must stay; 0 where nothing looks them up. Goes from each
// look-up back through operations without variables, which hand integers on.
std::vector<double> integer_limits(const Graph& graph) {
  std::vector<double> limits(graph.values.size(), 0);
  const auto lower = [&](std::size_t value, double limit) {
    limits[value] = limits[value] == 0 ? limit : std::min(limits[value], limit);
  };
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const Operation& op = node->operation;
    double limit = 0;
    if (op.kind == "embedding") {
      limit = static_cast<double>(graph.variables[op.variables.front().variable].shape.front());
    } else if (op.kind == "category_encoding") {
      limit = static_cast<double>(op.attributes.integer("tokens"));
    } else if (op.variables.empty() && op.parts.empty()) {
      for (const std::size_t output : node->outputs) limit = std::max(limit, limits[output]);
    }
    if (limit == 0) continue;
    for (const Input& input : node->inputs) {
      if (input.role.empty()) lower(input.value, limit);
    }
  }
  return limits;
}

double draw(const RandomStream& stream, std::uint64_t i, std::int64_t row) {
  switch (row % kRows) {
    case 0:
      return stream.normal(i);
    case 1:
      return stream.uniform(i);
    case 2:
      return 3 * stream.normal(i);
    default:
      return stream.uniform(~i) < 0.75 ? 0 : stream.normal(i);
  }
}

}  // namespace

Probe make_probe(const Graph& graph, std::uint64_t seed) {
  const std::vector<double> limits = integer_limits(graph);
  Probe probe;
  std::int64_t rows = 0;
  for (const Port& port : graph.inputs) {
    const Value& value = graph.values[port.value];
    Array array = make_array(value.dtype, probe_shape(value.shape));
    const auto batch = array.shape.empty() ? 1 : array.shape.front();
    rows = std::max(rows, batch);
    const RandomStream stream(seed, port.name);
    const std::size_t row =
        array.values.size() / static_cast<std::size_t>(std::max<std::int64_t>(batch, 1));
    const bool is_float = class_of(value.dtype) == DTypeClass::kFloat;
    const double limit = limits[port.value] > 0        ? limits[port.value]
                         : value.dtype == DType::kBool ? 2
                                                       : kFreeIntegers;
    for (std::size_t i = 0; i < array.values.size(); ++i) {
      array.values[i] = is_float && limits[port.value] == 0
                            ? draw(stream, i, static_cast<std::int64_t>(i / row))
                            : std::floor(stream.uniform(i) * limit);
    }
    round(array, value.dtype);
    probe.inputs.push_back(to_tensor(array));
  }
  std::vector<std::string> shown;
  for (std::int64_t i = 0; i < std::min(rows, kRows); ++i) {
    shown.emplace_back(kDistributions[static_cast<std::size_t>(i)]);
  }
  probe.words = cat("seed ", seed, ", ", count_of(static_cast<std::uint64_t>(rows), "row"), ": ",
                    join(shown, ", "));
  return probe;
}

}  // namespace ckpt
