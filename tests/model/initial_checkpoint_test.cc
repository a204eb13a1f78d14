#include "model/initial_checkpoint.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "model/program.h"
#include "model/tiny_model.h"
#include "support/error_of.h"

namespace ckpt {
namespace {

using namespace test;
using Values = std::vector<double>;

Graph graph_of(const json& input, const std::vector<json>& layers) {
  return read_keras_config(sequential(input, layers).dump());
}

Values first_values(const Graph& graph, const std::string& name, std::uint64_t seed = 0) {
  const auto reader = open_initial(graph, seed);
  const auto entry = reader->find(name);
  REQUIRE(entry);
  return values_of(reader->read(*entry));
}

double largest(const Values& values) {
  double out = 0;
  for (const double value : values) out = std::max(out, std::abs(value));
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("model/initial_checkpoint");

TEST_CASE("without a word in the config, variables begin as Keras begins them") {
  const Graph graph =
      graph_of({5, 6}, {layer("LSTM", {{"units", 4}, {"unit_forget_bias", true}}, "lstm"),
                        layer("Dense", {{"units", 8}}, "dense"),
                        layer("BatchNormalization", json::object(), "bn")});
  const double bound = std::sqrt(6.0 / (4 + 8));
  const Values kernel = first_values(graph, "dense/kernel");
  CHECK(largest(kernel) <= bound);
  CHECK(largest(kernel) > bound / 2);
  CHECK(first_values(graph, "dense/bias") == Values(8, 0));
  CHECK(first_values(graph, "bn/gamma") == Values(8, 1));
  CHECK(first_values(graph, "bn/moving_mean") == Values(8, 0));
  CHECK(first_values(graph, "bn/moving_variance") == Values(8, 1));
  // The forget gate is the second of i, f, c, o.
  CHECK(first_values(graph, "lstm/cell/bias") ==
        Values{0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0});
  // The rows of the recurrent kernel [4, 16] are orthonormal.
  const Values recurrent = first_values(graph, "lstm/cell/recurrent_kernel");
  for (std::size_t a = 0; a < 4; ++a) {
    for (std::size_t b = 0; b < 4; ++b) {
      double dot = 0;
      for (std::size_t i = 0; i < 16; ++i) dot += recurrent[16 * a + i] * recurrent[16 * b + i];
      CHECK(std::abs(dot - (a == b ? 1 : 0)) < 1e-6);
    }
  }
}

TEST_CASE("what the config says is done, be it a name or an object") {
  const auto kernel = [](const json& initializer) {
    return first_values(
        graph_of({3}, {layer("Dense", {{"units", 2}, {"kernel_initializer", initializer}}, "d")}),
        "d/kernel");
  };
  CHECK(kernel("ones") == Values(6, 1));
  CHECK(kernel({{"class_name", "Constant"}, {"config", {{"value", 2.5}}}}) == Values(6, 2.5));
  CHECK(largest(kernel({{"class_name", "RandomUniform"},
                        {"config", {{"minval", -1e-3}, {"maxval", 1e-3}}}})) <= 1e-3);
  CHECK(largest(kernel(
            {{"class_name", "VarianceScaling"},
             {"config", {{"scale", 3}, {"mode", "fan_in"}, {"distribution", "uniform"}}}})) <=
        std::sqrt(3.0));
  CHECK(error_of([&] {
          kernel({{"class_name", "Mine"}, {"config", json::object()}});
        }).find("its initializer 'mine' is not supported") != std::string::npos);
}

TEST_CASE("a mixed policy keeps variables in f32, a half one does not") {
  const auto dtype = [](const char* policy) {
    return graph_of({3}, {layer("Dense", {{"units", 2}, {"dtype", policy}}, "d")})
        .variables.front()
        .dtype;
  };
  CHECK(dtype("mixed_float16") == DType::kF32);
  CHECK(dtype("float16") == DType::kF16);
  CHECK(dtype("float64") == DType::kF64);
}

TEST_CASE("values depend on seed and name alone, and any part can be read") {
  const Graph graph = read_graph_file(
      R"({"schema": "ckpt/graph/1", "body": [
          {"get_variable": "a", "shape": [3, 4]}, {"get_variable": "b", "shape": [3, 4]},
          {"get_variable": "n", "shape": [2], "dtype": "i32", "initializer": 7}]})");
  CHECK(first_values(graph, "a") == first_values(graph, "a"));
  CHECK(first_values(graph, "a") != first_values(graph, "b"));
  CHECK(first_values(graph, "a") != first_values(graph, "a", 1));
  CHECK(first_values(graph, "n") == Values{7, 7});
  const auto reader = open_initial(graph);
  const Values row = values_of(reader->read_slice(0, {1, 1}, {1, 2}));
  const Values whole = first_values(graph, "a");
  CHECK(row == Values{whole[5], whole[6]});
}

TEST_SUITE_END();

}  // namespace ckpt
