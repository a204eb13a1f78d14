#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "checkpoint/memory_checkpoint.h"
#include "core/numbers.h"
#include "core/random.h"
#include "core/text.h"
#include "model/forward.h"

namespace ckpt::test {

// A graph of operations that a test puts together itself, each with one output, with variables of
// its own: random, but always the same.
class FastGraph {
 public:
  std::size_t input(Shape shape, DType dtype = DType::kF32) {
    graph_.inputs.push_back({cat("x", graph_.inputs.size()), graph_.values.size()});
    graph_.values.push_back({dtype, std::move(shape)});
    return graph_.inputs.back().value;
  }

  struct Role {
    const char* name;
    Shape shape;
  };

  std::size_t add(const std::string& kind, const Attributes& attributes,
                  const std::vector<std::size_t>& inputs, const std::vector<Role>& variables = {}) {
    Node node;
    node.name = cat(kind, graph_.nodes.size());
    node.operation.kind = kind;
    node.operation.attributes = attributes;
    for (const Role& role : variables) {
      node.operation.variables.push_back({role.name, graph_.variables.size()});
      const std::string name = cat(node.name, "/", role.name);
      graph_.variables.push_back({.name = name, .shape = role.shape, .names = {name}});
      // A variance is positive.
      const bool is_positive = std::string_view(role.name).ends_with("variance");
      variables_.add(name, random(name, role.shape, is_positive ? 0.5 : -1));
    }
    for (const std::size_t value : inputs) node.inputs.push_back({"", value});
    node.outputs = {graph_.values.size()};
    graph_.values.push_back({});
    graph_.layers.push_back({node.name, 0, 0, node.outputs.front()});
    graph_.nodes.push_back(node);
    return node.outputs.front();
  }

  // The last value that was added is an output, too.
  void output() { output(graph_.values.size() - 1); }
  void output(std::size_t value) {
    graph_.outputs.push_back({cat("output_", graph_.outputs.size()), value});
  }

  [[nodiscard]] Graph graph() const {
    Graph graph = graph_;
    check(graph);
    return graph;
  }

  [[nodiscard]] const MemoryCheckpoint& variables() const { return variables_; }

  [[nodiscard]] std::vector<Tensor> inputs() const {
    std::vector<Tensor> out;
    for (const Port& port : graph_.inputs) {
      const Value& value = graph_.values[port.value];
      out.push_back(value.dtype == DType::kI32 ? integers(value.shape)
                                               : random(port.name, value.shape, -1));
    }
    return out;
  }

  [[nodiscard]] RunResult run(const RunOptions& options = {}) const {
    return ckpt::run(graph(), *open_memory(variables_), inputs(), options);
  }

  // 0, 1, … 4, 0, …
  static Tensor integers(const Shape& shape) {
    std::vector<std::int32_t> values(static_cast<std::size_t>(num_elements(shape).value()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i % 5);
    Tensor tensor{DType::kI32, shape, Bytes(values.size() * 4)};
    std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
    return tensor;
  }

  // Values between `low` and 1.
  static Tensor random(const std::string& name, const Shape& shape, double low) {
    const RandomStream stream(7, name);
    std::vector<float> values(static_cast<std::size_t>(num_elements(shape).value()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>(low + (1 - low) * stream.uniform(i));
    }
    return make_tensor(shape, values);
  }

 private:
  Graph graph_;
  MemoryCheckpoint variables_;
};

inline std::vector<double> doubles(const Tensor& tensor) {
  std::vector<double> out(static_cast<std::size_t>(num_elements(tensor.shape).value()));
  decode(tensor.dtype, tensor.bytes, out);
  return out;
}

// The largest difference of two results.
inline double gap(const RunResult& a, const RunResult& b) {
  REQUIRE(a.outputs.size() == b.outputs.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.outputs.size(); ++i) {
    REQUIRE(a.outputs[i].tensor.shape == b.outputs[i].tensor.shape);
    const auto x = doubles(a.outputs[i].tensor);
    const auto y = doubles(b.outputs[i].tensor);
    for (std::size_t e = 0; e < x.size(); ++e) {
      if (std::isnan(x[e]) && std::isnan(y[e])) continue;
      const double difference = x[e] == y[e] ? 0 : std::abs(x[e] - y[e]);
      worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
    }
  }
  return worst;
}

inline bool same_bytes(const RunResult& a, const RunResult& b) {
  for (std::size_t i = 0; i < a.outputs.size(); ++i) {
    if (a.outputs[i].tensor.bytes != b.outputs[i].tensor.bytes) return false;
  }
  return a.outputs.size() == b.outputs.size();
}

// The reference against the fast engine, on every instruction set of this machine, with one thread
// and with two, which must not matter. `terms` go into one sum; all numbers are at most 1, so that
// a sum in float is off by less than terms · 2^-24 for each of its terms.
inline void check_engines(const FastGraph& graph, std::size_t terms, const std::string& what,
                          std::size_t references = 0) {
  const RunResult expected = graph.run();
  const auto n = static_cast<double>(terms + 4);
  const double allowed = std::min(n * n, 64 * n) * 0x1p-24;
  for (const InstructionSet set : available_instruction_sets()) {
    const RunResult one = graph.run({.engine = Engine::kFast, .instructions = set});
    CHECK_MESSAGE(gap(one, expected) <= allowed, what << " on " << name_of(set));
    CHECK_MESSAGE(one.references.size() == references, what << " on " << name_of(set)
                                                            << ": by the reference "
                                                            << join(one.references, ", "));
    const RunResult two = graph.run({.engine = Engine::kFast, .threads = 2, .instructions = set});
    CHECK_MESSAGE(same_bytes(one, two), what << ": two threads on " << name_of(set));
  }
}

}  // namespace ckpt::test
