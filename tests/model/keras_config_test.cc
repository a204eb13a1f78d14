#include <doctest/doctest.h>

#include "core/error.h"
#include "core/text.h"
#include "model/tiny_model.h"
#include "support/error_of.h"

// Models as Keras writes them: what is read, what is bound, what is refused.

namespace ckpt {
namespace {

using namespace test;
using Values = std::vector<double>;

// A tensor of Keras 3's configs.
json tensor(const std::string& name, int call = 0, int output = 0) {
  return {{"class_name", "__keras_tensor__"},
          {"config", {{"keras_history", {name, call, output}}}}};
}

json called(json one, const std::vector<json>& args, json named = json::object()) {
  one["inbound_nodes"].push_back({{"args", args}, {"kwargs", std::move(named)}});
  return one;
}

json input(const std::string& name, const json& shape) {
  json one = layer("InputLayer", {{"batch_shape", shape}, {"dtype", "float32"}}, name);
  one["inbound_nodes"] = json::array();
  return one;
}

json functional(const json& layers, const json& inputs, const json& outputs,
                const std::string& name = "model") {
  return {
      {"module", "keras.src.models.functional"},
      {"class_name", "Functional"},
      {"config",
       {{"name", name}, {"layers", layers}, {"input_layers", inputs}, {"output_layers", outputs}}}};
}

json dense(const std::string& name, int units = 1) {
  return layer("Dense", {{"units", units}, {"use_bias", false}}, name);
}

std::string refused(const json& config) {
  return error_of([&] { read_keras_config(config.dump()); });
}

}  // namespace

TEST_SUITE_BEGIN("model/keras_config");

TEST_CASE("a layer that is called twice has one set of variables") {
  json shared = called(called(dense("d"), {tensor("a")}), {tensor("b")});
  const json model = functional({input("a", {nullptr, 1}), input("b", {nullptr, 1}), shared,
                                 called(layer("Subtract", json::object(), "s"),
                                        {json::array({tensor("d", 0), tensor("d", 1)})})},
                                {{"a", 0, 0}, {"b", 0, 0}}, {"s", 0, 0});
  const Graph graph = read_keras_config(model.dump());
  CHECK(graph.source == "Keras 3 config");
  CHECK(graph.variables.size() == 1);
  CHECK(graph.nodes.size() == 3);
  CHECK(graph.nodes.at(1).call == 1);
  const auto result = run_config(model, {{"layers/dense/vars/0", {1, 1}, {10}}},
                                 {floats({1, 1}, {5}), floats({1, 1}, {3})});
  CHECK(values_of(result.outputs.at(0).tensor) == Values{20});
}

TEST_CASE("a model inside a model is called by its own count") {
  json inner = functional({input("i", {nullptr, 1}), called(dense("d"), {tensor("i")})},
                          {"i", 0, 0}, {"d", 0, 0}, "inner");
  inner["name"] = "inner";
  inner = called(inner, {tensor("a")});
  // Keras 3 counts the calls of a Functional model from 1.
  const json model = functional({input("a", {nullptr, 1}), inner}, {"a", 0, 0}, {"inner", 1, 0});
  const auto result = run_config(model, {{"layers/functional/layers/dense/vars/0", {1, 1}, {7}}},
                                 {floats({1, 1}, {3})});
  CHECK(values_of(result.outputs.at(0).tensor) == Values{21});
}

TEST_CASE("operations take tensors, numbers and slices") {
  json op{{"module", "keras.src.ops.numpy"},
          {"class_name", "Subtract"},
          {"config", {{"name", "s"}}},
          {"name", "s"}};
  op = called(op, {10.0, tensor("a")});
  json item{{"module", "keras.src.ops.numpy"},
            {"class_name", "GetItem"},
            {"config", {{"name", "g"}}},
            {"name", "g"}};
  const auto slice = [](const json& start, const json& stop) {
    return json{{"class_name", "__slice__"},
                {"config", {{"start", start}, {"stop", stop}, {"step", nullptr}}}};
  };
  item = called(item, {tensor("s"), json::array({slice(nullptr, nullptr), slice(1, nullptr)})});
  const auto result = run_config(functional({input("a", {nullptr, 3}), op, item}, {"a", 0, 0},
                                            json::object({{"y", {"g", 0, 0}}})),
                                 {}, {floats({1, 3}, {1, 2, 3})});
  CHECK(result.outputs.at(0).name == "y");
  CHECK(values_of(result.outputs.at(0).tensor) == Values{8, 7});
}

TEST_CASE("layers' outputs are called LAYER#call#output") {
  const json model = sequential({1}, {dense("first"), dense("second")});
  const MemoryCheckpoint checkpoint =
      checkpoint_of({{"layers/dense/vars/0", {1, 1}, {2}}, {"layers/dense_1/vars/0", {1, 1}, {5}}});
  const auto reader = open_memory(checkpoint);
  Graph graph = read_keras_config(model.dump());
  bind_keras(graph, reader->index());
  RunOptions options;
  options.layers = true;
  const RunResult result = run(graph, *reader, {floats({1, 1}, {3})}, options);
  REQUIRE(result.layers.size() == 2);
  CHECK(result.layers[0].name == "first#0#0");
  CHECK(values_of(result.layers[0].tensor) == Values{6});
  CHECK(result.layers[1].name == "second#0#0");
  CHECK(values_of(result.outputs.at(0).tensor) == Values{30});
}

TEST_CASE("weights of Keras 1 are bound gate by gate") {
  const json model = {{"class_name", "Sequential"},
                      {"keras_version", "1.2.2"},
                      {"config",
                       {{{"class_name", "LSTM"},
                         {"config",
                          {{"name", "l"},
                           {"output_dim", 1},
                           {"inner_activation", "hard_sigmoid"},
                           {"activation", "linear"},
                           {"batch_input_shape", {nullptr, 1, 1}},
                           {"input_dtype", "float32"}}}}}}};
  std::vector<Given> variables;
  for (const char* gate : {"i", "c", "f", "o"}) {
    variables.push_back({cat("l/l_W_", gate), {1, 1}, {gate[0] == 'c' ? 8.0F : 0.0F}});
    variables.push_back({cat("l/l_U_", gate), {1, 1}, {0}});
    variables.push_back({cat("l/l_b_", gate), {1}, {gate[0] == 'o' ? 2.5F : 0.0F}});
  }
  const auto result = run_config(model, variables, {floats({1, 1, 1}, {1})});
  CHECK(values_of(result.outputs.at(0).tensor) == Values{4});  // 1 · (½ · 8)
}

TEST_CASE("all variables that are missing are listed, and those of another shape") {
  const json model = sequential({2}, {dense("a"), dense("b")});
  CHECK(error_of([&] {
          run_config(model, {}, {floats({1, 2}, {1, 2})});
        }) == "2 variables of the graph are not in the checkpoint: a/kernel, b/kernel");
  CHECK(error_of([&] {
          run_config(
              model,
              {{"layers/dense/vars/0", {2, 1}, {1, 2}}, {"layers/dense_1/vars/0", {2, 1}, {1, 2}}},
              {floats({1, 2}, {1, 2})});
        }) == "layers/dense_1/vars/0 has the shape [2, 1], not [1, 1]");
}

TEST_CASE("inputs are matched by name or number") {
  const Graph graph = read_keras_config(sequential({2}, {dense("a")}).dump());
  const Tensor x = floats({1, 2}, {1, 2});
  CHECK(match_inputs(graph, std::vector<NamedTensor>{{"x", x}}).size() == 1);
  CHECK(match_inputs(graph, std::vector<NamedTensor>{{"input_0", x}}).size() == 1);
  CHECK(error_of([&] {
          (void)match_inputs(graph, std::vector<NamedTensor>{{"z", x}});
        }) == "the graph has no input 'z'; its inputs are x");
  CHECK(error_of([&] { (void)match_inputs(graph, {}); }) == "input 'x' is missing");
}

TEST_CASE("code and layers that are not known are refused by name and place") {
  const std::string lambda = refused(sequential({1}, {layer("Lambda", json::object(), "f")}));
  CHECK(lambda.starts_with(
      "layer 'f': the class 'Lambda' is not supported (it is code, which is never run)"));
  const std::string unknown = refused(sequential({1}, {layer("Conv2d", json::object(), "c")}));
  CHECK(
      unknown.starts_with("layer 'c': the class 'Conv2d' is not supported; did you mean 'Conv2D'"));
  json custom = dense("d");
  custom["registered_name"] = "my>Dense";
  CHECK(refused(sequential({1}, {custom}))
            .starts_with("layer 'd': the class 'my>Dense' is not supported"));
}

TEST_CASE("a loop, a missing layer and a name twice are errors") {
  json a = called(dense("a"), {tensor("b")});
  json b = called(dense("b"), {tensor("a")});
  CHECK(refused(functional({input("i", {nullptr, 1}), a, b}, {"i", 0, 0}, {"b", 0, 0})) ==
        "the model: layer 'a' waits for its own output");
  CHECK(refused(functional({input("i", {nullptr, 1}), called(dense("a"), {tensor("gone")})},
                           {"i", 0, 0}, {"a", 0, 0})) == "the layer 'gone' is not in the model");
  CHECK(refused(sequential({1}, {dense("a"), dense("a")})) ==
        "the model has two layers of the name 'a'");
  CHECK(refused(functional({input("i", {nullptr, 1}), called(dense("a"), {tensor("i", 3)})},
                           {"i", 0, 0}, {"a", 0, 0})) == "the model: layer 'i' has no call 3");
}

TEST_CASE("shapes and numbers that make no sense are errors") {
  CHECK(refused(sequential({-5}, {dense("a")})) == "a shape has the extent -5");
  CHECK(refused(sequential({1LL << 62}, {dense("a")})) ==
        "a shape has the extent 4611686018427387904");
  CHECK(refused(sequential({3}, {dense("a", 0)})) ==
        "layer 'a' (Dense): its units are not positive");
  CHECK(refused(sequential({1LL << 39}, {layer("Dense", {{"units", 1LL << 60}}, "a")})) ==
        "variable 'a/kernel': its shape [549755813888, 1152921504606846976] is beyond what is "
        "supported");
  CHECK(refused(sequential({3}, {layer("Dense", {{"units", "many"}}, "a")})) ==
        "layer 'a' (Dense): the parameter 'units' is no integer");
  CHECK(
      refused(sequential({4, 1}, {layer("Conv1D", {{"filters", 1}, {"kernel_size", {9}}}, "a")})) ==
      "layer 'a' (Conv1D): its window spans 9 of an input that has 4");
  CHECK(error_of([] { read_keras_config("[1, 2"); }).starts_with("the config is no JSON: "));
  CHECK(error_of([] { read_keras_config(R"({"a": 1, "a": 2})"); }) ==
        "the config has the key 'a' twice in one object");
  const std::string deep = std::string(5'000'000, '[');
  CHECK(error_of([&] { read_keras_config(deep); }) ==
        "the config is nested more than 128 levels deep");
}

TEST_CASE("models that multiply like rabbits end in an error") {
  // Each model calls the one inside of it sixteen times: 16^8 calls in a small config.
  json model = functional({input("i", {nullptr, 1}), called(dense("d"), {tensor("i")})},
                          {"i", 0, 0}, {"d", 0, 0}, "m0");
  for (int level = 1; level < 9; ++level) {
    json inner = model;
    inner["name"] = cat("m", level - 1);
    inner = called(inner, {tensor("i")});
    for (int call = 1; call < 16; ++call)
      inner = called(inner, {tensor(cat("m", level - 1), call)});
    model = functional({input("i", {nullptr, 1}), inner}, {"i", 0, 0}, {cat("m", level - 1), 16, 0},
                       cat("m", level));
  }
  CHECK(refused(model).find("more than 100,000 ") != std::string::npos);
}

TEST_CASE("models that only pass their input on cannot be called without end") {
  json model = functional(json::array({input("i", {nullptr, 1})}), {"i", 0, 0}, {"i", 0, 0}, "m0");
  for (int level = 1; level < 20; ++level) {
    json inner = model;
    inner["name"] = cat("m", level - 1);
    for (int call = 0; call < 8; ++call) inner = called(inner, {tensor("i")});
    model = functional({input("i", {nullptr, 1}), inner}, {"i", 0, 0}, {cat("m", level - 1), 1, 0},
                       cat("m", level));
  }
  const std::string why = refused(model);
  CAPTURE(why);
  CHECK(why.find("the model calls its layers more than 100,000 times") != std::string::npos);
}

TEST_CASE("a million layers are refused before they are built") {
  json layers = json::array();
  const json one = layer("Activation", {{"activation", "relu"}});
  json model = sequential({1}, {});
  auto& all = model["config"]["layers"];
  for (int i = 0; i < 1'000'000; ++i) {
    all.push_back({{"class_name", "ReLU"}, {"config", json::object()}});
  }
  CHECK(refused(model) == "the model has more than 100,000 layers");
}

TEST_SUITE_END();

}  // namespace ckpt
