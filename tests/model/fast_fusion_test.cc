#include <doctest/doctest.h>

#include "core/error.h"
#include "model/fast/program.h"
#include "model/fast_graph.h"

// Layers that the fast engine makes one, and those that it must not.

namespace ckpt {
namespace {

using test::check_engines;
using test::doubles;
using test::FastGraph;

Attributes attributes(const std::vector<std::pair<const char*, Attribute>>& values) {
  Attributes out;
  for (const auto& [name, value] : values) out.set(name, value);
  return out;
}

const Attributes kNone;
const Attributes kConv = attributes({{"window", std::vector<std::int64_t>{3, 3}},
                                     {"strides", std::vector<std::int64_t>{1, 1}},
                                     {"padding", std::string("same")}});
const Attributes kPad = attributes({{"amounts", std::vector<std::int64_t>{1, 2, 3, 0}}});
const Attributes kBatchNorm = attributes({{"epsilon", 1e-3}});
const Attributes kRelu = attributes({{"activation", std::string("relu")}});

std::vector<FastGraph::Role> conv_variables(std::int64_t in, std::int64_t out) {
  return {{"kernel", {3, 3, in, out}}, {"bias", {out}}};
}

std::vector<FastGraph::Role> norm_variables(std::int64_t n) {
  return {{"gamma", {n}}, {"beta", {n}}, {"moving_mean", {n}}, {"moving_variance", {n}}};
}

// The names of the steps, and what each of them is made of.
std::vector<std::string> steps_of(const FastGraph& graph, bool layers = false) {
  const auto reader = open_memory(graph.variables());
  const Graph concrete = graph.graph();
  const fast::Program program(concrete, *reader, {.engine = Engine::kFast, .layers = layers});
  std::vector<std::string> names;
  for (const fast::Step& step : program.plan().steps) names.push_back(step.name);
  return names;
}

using Names = std::vector<std::string>;

// A block of a residual network: [1, 6, 7, 8].
FastGraph residual_block() {
  FastGraph graph;
  const auto x = graph.input({1, 6, 7, 8});
  const auto a = graph.add("conv", kConv, {x}, conv_variables(8, 8));
  const auto b = graph.add("batch_norm", kBatchNorm, {a}, norm_variables(8));
  const auto sum = graph.add("add_layers", kNone, {x, b});
  graph.add("activation", kRelu, {sum});
  graph.output();
  return graph;
}

}  // namespace

TEST_SUITE_BEGIN("model/fast_fusion");

TEST_CASE("a convolution, its normalization, the sum and the activation are one step") {
  const FastGraph graph = residual_block();
  CHECK(steps_of(graph) == Names{"conv0 + batch_norm1 + add_layers2 + activation3"});
  check_engines(graph, 9 * 8 + 8, "residual block");
}

TEST_CASE("where layers are asked for, each is computed") {
  const FastGraph graph = residual_block();
  CHECK(steps_of(graph, true) == Names{"conv0", "batch_norm1", "add_layers2", "activation3"});
  const RunResult expected = graph.run({.layers = true});
  const RunResult result = graph.run({.engine = Engine::kFast, .layers = true});
  REQUIRE(result.layers.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(result.layers[i].name == expected.layers[i].name);
    CHECK(test::gap({{result.layers[i]}, {}, {}}, {{expected.layers[i]}, {}, {}}) < 1e-4);
  }
}

TEST_CASE("a value with two readers is not computed away") {
  FastGraph graph;
  const auto a = graph.add("conv", kConv, {graph.input({1, 4, 4, 5})}, conv_variables(5, 6));
  const auto b = graph.add("batch_norm", kBatchNorm, {a}, norm_variables(6));
  graph.add("add_layers", kNone, {a, b});
  graph.output();
  CHECK(steps_of(graph) == Names{"conv0", "batch_norm1", "add_layers2"});
  check_engines(graph, 9 * 5 + 8, "two readers");
}

TEST_CASE("an output is not computed away") {
  FastGraph graph;
  const auto a = graph.add("conv", kConv, {graph.input({1, 4, 4, 5})}, conv_variables(5, 6));
  graph.add("activation", kRelu, {a});
  graph.output(a);
  graph.output();
  CHECK(steps_of(graph) == Names{"conv0", "activation1"});
  check_engines(graph, 9 * 5, "output");
}

TEST_CASE("an activation before a normalization or a sum stays before it") {
  for (const bool sum : {false, true}) {
    FastGraph graph;
    const auto x = graph.input({1, 4, 4, 6});
    Attributes conv = kConv;
    conv.set("activation", std::string("relu"));
    const auto a = graph.add("conv", conv, {x}, conv_variables(6, 6));
    if (sum) {
      graph.add("add_layers", kNone, {a, x});
    } else {
      graph.add("batch_norm", kBatchNorm, {a}, norm_variables(6));
    }
    graph.output();
    CHECK(steps_of(graph).size() == 2);
    check_engines(graph, 9 * 6 + 8, "activation first");
  }
}

TEST_CASE("zeros around the input are the convolution's own padding") {
  for (const char* kind : {"conv", "depthwise_conv", "separable_conv"}) {
    FastGraph graph;
    const auto padded = graph.add("zero_padding", kPad, {graph.input({2, 5, 4, 6})});
    std::vector<FastGraph::Role> variables = conv_variables(6, 6);
    if (kind[0] != 'c') variables = {{"depthwise_kernel", {3, 3, 6, 1}}, {"bias", {6}}};
    if (kind[0] == 's') variables.push_back({"pointwise_kernel", {1, 1, 6, 6}});
    graph.add(kind, kConv, {padded}, variables);
    graph.output();
    CHECK(steps_of(graph).front() == cat(kind, "1"));
    check_engines(graph, 9 * 6, kind);
  }
}

TEST_CASE("zeros around the input of a pooling are values like others") {
  FastGraph graph;
  const auto x = graph.input({1, 4, 4, 3});
  // Below zero everywhere, so that a padding that counts for nothing shows.
  const auto low = graph.add(
      "rescaling",
      attributes({{"scale", std::vector<double>{1}}, {"offset", std::vector<double>{-5}}}), {x});
  const auto padded = graph.add("zero_padding", kPad, {low});
  graph.add("max_pool",
            attributes({{"window", std::vector<std::int64_t>{3, 3}},
                        {"strides", std::vector<std::int64_t>{2, 2}},
                        {"padding", std::string("valid")}}),
            {padded});
  graph.output();
  check_engines(graph, 1, "padded pooling");
  CHECK(doubles(graph.run({.engine = Engine::kFast}).outputs[0].tensor).front() == 0);
}

TEST_CASE("sums and products of a graph file are those of layers") {
  FastGraph graph;
  const auto x = graph.input({1, 6, 7, 8});
  const auto a = graph.add("conv", kConv, {x}, conv_variables(8, 8));
  const auto sum = graph.add("binary", attributes({{"function", std::string("add")}}), {a, x});
  const auto gate = graph.add("global_average_pool", attributes({{"keepdims", true}}), {sum});
  const Attributes multiply = attributes({{"function", std::string("multiply")}});
  const auto scaled = graph.add("binary", multiply, {sum, gate});
  graph.output();
  CHECK(steps_of(graph) == Names{"conv0 + binary1", "global_average_pool2", "binary3"});
  check_engines(graph, 9 * 8 + 50, "binary");
  Attributes twice = multiply;
  twice.set("number", 2.0);
  graph.add("binary", twice, {scaled});
  graph.output();
  check_engines(graph, 9 * 8 + 50, "a number", 1);
}

TEST_CASE("a branch is added only where it has been computed before") {
  FastGraph graph;
  const auto x = graph.input({1, 4, 4, 4});
  const auto a = graph.add("conv", kConv, {x}, conv_variables(4, 4));
  const auto b = graph.add("conv", kConv, {x}, conv_variables(4, 4));
  graph.add("add_layers", kNone, {a, b});
  graph.output();
  CHECK(steps_of(graph) == Names{"conv0", "conv1 + add_layers2"});
  check_engines(graph, 2 * 9 * 4, "two branches");
}

TEST_CASE("squeeze and excitation, branches side by side and rows of other shapes") {
  FastGraph graph;
  const auto x = graph.input({2, 5, 4, 12});
  const auto mean = graph.add("global_average_pool", attributes({{"keepdims", true}}), {x});
  Attributes one = attributes({{"window", std::vector<std::int64_t>{1, 1}}});
  one.set("activation", std::string("silu"));
  const auto small = graph.add("conv", one, {mean}, {{"kernel", {1, 1, 12, 3}}, {"bias", {3}}});
  one.set("activation", std::string("sigmoid"));
  const auto gate = graph.add("conv", one, {small}, {{"kernel", {1, 1, 3, 12}}, {"bias", {12}}});
  const auto scaled = graph.add("multiply_layers", kNone, {x, gate});
  const auto squared = graph.add("multiply_layers", kNone, {scaled, scaled});
  const auto joined =
      graph.add("concatenate", attributes({{"axis", std::int64_t{2}}}), {squared, x, x});
  graph.output(joined);
  check_engines(graph, 30, "squeeze and excitation");
}

TEST_SUITE_END();

}  // namespace ckpt
