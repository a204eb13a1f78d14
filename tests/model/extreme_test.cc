#include <doctest/doctest.h>

#include "model/fast_graph.h"

// NaN goes through maxima and minima wherever it stands, in both engines: it is the sign that a
// network is broken, and a pooling that lost it would hide that.

namespace ckpt {
namespace {

using test::FastGraph;

constexpr std::int64_t kPlaces = 6;

// The output for inputs [1, kPlaces, 1] of 0, 1, …, a number of the first of them replaced by NaN.
std::vector<double> run_with_nan(const FastGraph& graph, std::size_t place, Engine engine) {
  std::vector<float> values(kPlaces);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  std::vector<Tensor> inputs(graph.graph().inputs.size(), make_tensor({1, kPlaces, 1}, values));
  values[place] = NAN;
  inputs.front() = make_tensor({1, kPlaces, 1}, values);
  const RunResult result =
      run(graph.graph(), *open_memory(graph.variables()), inputs, {.engine = engine});
  return test::doubles(result.outputs.front().tensor);
}

// All outputs that see the place, which `sees(output, place)` says, are NaN, and no others.
template <typename F>
void check_nan(const FastGraph& graph, F sees) {
  for (const Engine engine : {Engine::kReference, Engine::kFast}) {
    for (std::size_t place = 0; place < kPlaces; ++place) {
      const std::vector<double> out = run_with_nan(graph, place, engine);
      for (std::size_t i = 0; i < out.size(); ++i) {
        CAPTURE(place);
        CHECK(std::isnan(out[i]) == sees(i, place));
      }
    }
  }
}

}  // namespace

TEST_SUITE_BEGIN("model/extreme");

TEST_CASE("NaN goes through the pooling of the window that it is in") {
  FastGraph graph;
  Attributes window;
  window.set("window", std::vector<std::int64_t>{3});
  window.set("strides", std::vector<std::int64_t>{3});
  graph.add("max_pool", window, {graph.input({1, kPlaces, 1})});
  graph.output();
  check_nan(graph, [](std::size_t out, std::size_t place) { return place / 3 == out; });
}

TEST_CASE("NaN goes through a pooling of all places") {
  FastGraph graph;
  graph.add("global_max_pool", {}, {graph.input({1, kPlaces, 1})});
  graph.output();
  check_nan(graph, [](std::size_t, std::size_t) { return true; });
}

TEST_CASE("NaN goes through the bins of an adaptive pooling") {
  FastGraph graph;
  Attributes bins;
  bins.set("output_size", std::vector<std::int64_t>{2});
  graph.add("adaptive_max_pool", bins, {graph.input({1, kPlaces, 1})});
  graph.output();
  check_nan(graph, [](std::size_t out, std::size_t place) { return place / 3 == out; });
}

TEST_CASE("NaN goes through the larger and the smaller of two, on either side") {
  for (const char* kind : {"maximum_layers", "minimum_layers"}) {
    for (const bool is_first : {true, false}) {
      FastGraph graph;
      const auto x = graph.input({1, kPlaces, 1});
      const auto y = graph.input({1, kPlaces, 1});
      graph.add(kind, {}, is_first ? std::vector{x, y} : std::vector{y, x});
      graph.output();
      check_nan(graph, [](std::size_t out, std::size_t place) { return out == place; });
    }
  }
}

TEST_CASE("NaN goes through the largest and the smallest of an axis") {
  for (const char* function : {"max", "min"}) {
    FastGraph graph;
    Attributes attributes;
    attributes.set("function", std::string(function));
    graph.add("reduce", attributes, {graph.input({1, kPlaces, 1})});
    graph.output();
    check_nan(graph, [](std::size_t, std::size_t) { return true; });
  }
}

TEST_SUITE_END();

}  // namespace ckpt
