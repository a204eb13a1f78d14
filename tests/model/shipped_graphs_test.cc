#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>

#include "model/fit.h"
#include "model/initial_checkpoint.h"
#include "model/program.h"
#include "verify/engines.h"

using namespace ckpt;

namespace {

Graph shipped(const std::string& name,
              std::vector<std::pair<std::string, std::string>> parameters = {}) {
  std::ifstream file(CKPT_FIXTURES "/graphs/" + name + ".json");
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  return read_graph_file(text.str(), {name + ".json", std::move(parameters)});
}

std::uint64_t parameters_of(const Graph& graph) {
  std::uint64_t sum = 0;
  for (const GraphVariable& variable : graph.variables) {
    sum += num_elements(variable.shape).value();
  }
  return sum;
}

const GraphVariable* find(const Graph& graph, std::string_view name) {
  const auto it = std::ranges::find(graph.variables, name, &GraphVariable::name);
  return it == graph.variables.end() ? nullptr : &*it;
}

}  // namespace

TEST_SUITE("model/shipped_graphs") {
  // The sums are those that Keras's documentation prints for its applications; EfficientNetB0's
  // has one more, a count of what its normalization was adapted to, which computes nothing.
  TEST_CASE("Keras's image classifiers have as many parameters as Keras says") {
    CHECK(parameters_of(shipped("resnet50")) == 25'636'712);
    CHECK(parameters_of(shipped("vgg16")) == 138'357'544);
    CHECK(parameters_of(shipped("densenet121")) == 8'062'504);
    CHECK(parameters_of(shipped("efficientnetb0")) == 5'330'571 - 1);
  }

  TEST_CASE("their layers have Keras's names and shapes") {
    const Graph resnet = shipped("resnet50");
    REQUIRE(find(resnet, "conv3_block4_3_conv/kernel") != nullptr);
    CHECK(find(resnet, "conv3_block4_3_conv/kernel")->shape == Shape{1, 1, 128, 512});
    CHECK(find(resnet, "conv4_block1_0_conv/kernel")->shape == Shape{1, 1, 512, 1024});
    CHECK(find(resnet, "conv5_block3_out/kernel") == nullptr);
    const Graph dense = shipped("densenet121");
    CHECK(find(dense, "conv5_block16_2_conv/kernel")->shape == Shape{3, 3, 128, 32});
    CHECK(find(dense, "pool4_conv/kernel")->shape == Shape{1, 1, 1024, 512});
    const Graph efficient = shipped("efficientnetb0");
    CHECK(find(efficient, "block6d_se_reduce/kernel")->shape == Shape{1, 1, 1152, 48});
    CHECK(find(efficient, "block3a_dwconv/depthwise_kernel")->shape == Shape{5, 5, 144, 1});
  }

  TEST_CASE("both engines compute the same, the fast one all of it") {
    for (const char* name : {"resnet50", "vgg16", "densenet121", "efficientnetb0"}) {
      CAPTURE(name);
      Graph graph = shipped(name, {{"size", "32"}, {"classes", "5"}});
      const auto reader = open_initial(graph, 3);
      bind_by_name(graph, reader->index());
      std::vector<float> pixels(std::size_t{2} * 32 * 32 * 3);
      for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(i % 251);
      const std::vector<Tensor> inputs{make_tensor({2, 32, 32, 3}, pixels)};
      const Engines engines{.choice = EngineChoice::kBoth, .threads = 2};
      const RunResult reference = run(graph, *reader, inputs);
      const EngineComparison comparison =
          compare_engines(engines, graph, *reader, inputs, reference.outputs);
      CHECK(comparison.agree);
      CHECK(comparison.references == std::vector<std::string>{});
    }
  }

  TEST_CASE("their outputs have a probability for each class") {
    for (const char* name : {"resnet50", "vgg16", "densenet121", "efficientnetb0"}) {
      CAPTURE(name);
      const Graph graph = shipped(name, {{"classes", "7"}});
      REQUIRE(graph.outputs.size() == 1);
      CHECK(graph.outputs.front().name == "output_0");
      CHECK(graph.values[graph.outputs.front().value].shape == Shape{kUnknown, 7});
    }
  }
}
