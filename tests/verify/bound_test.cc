#include <doctest/doctest.h>

#include "model/fast_graph.h"
#include "verify/forward/bound.h"

// The longest sum of a network, which the bound on its rounding names.

namespace ckpt {
namespace {

using test::FastGraph;

std::string bound_of(const FastGraph& graph) {
  return rounding_bound(graph.graph(), 0, Engine::kFast).words;
}

Attributes window(std::int64_t size) {
  Attributes attributes;
  attributes.set("window", std::vector<std::int64_t>{size, size});
  return attributes;
}

}  // namespace

TEST_SUITE_BEGIN("verify/bound");

TEST_CASE("a sum of a convolution has the products of its window and all channels") {
  FastGraph graph;
  graph.add("conv", window(3), {graph.input({1, 5, 5, 16})}, {{"kernel", {3, 3, 16, 8}}});
  graph.output();
  CHECK(bound_of(graph) == "4 × 1 operations in a row × (2^-24 computed + √144 × 2^-24 summed)");
}

TEST_CASE("a sum of a depthwise convolution has the products of its window alone") {
  FastGraph graph;
  graph.add("depthwise_conv", window(3), {graph.input({1, 5, 5, 64})},
            {{"depthwise_kernel", {3, 3, 64, 2}}});
  graph.output();
  CHECK(bound_of(graph) == "4 × 1 operations in a row × (2^-24 computed + √9 × 2^-24 summed)");
}

TEST_CASE("a sum of a transposed convolution has the products of the channels that it reads") {
  FastGraph graph;
  graph.add("conv_transpose", window(2), {graph.input({1, 5, 5, 3})}, {{"kernel", {2, 2, 50, 3}}});
  graph.output();
  CHECK(bound_of(graph) == "4 × 1 operations in a row × (2^-24 computed + √12 × 2^-24 summed)");
}

TEST_CASE("a row of a table is no sum") {
  FastGraph graph;
  graph.add("embedding", {}, {graph.input({1, 5}, DType::kI32)}, {{"embeddings", {1000, 4}}});
  graph.output();
  CHECK(bound_of(graph) == "4 × 1 operations in a row × (2^-24 computed + √1 × 2^-24 summed)");
}

TEST_SUITE_END();

}  // namespace ckpt
