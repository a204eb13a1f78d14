#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "checkpoint/memory_checkpoint.h"
#include "core/numbers.h"
#include "model/forward.h"
#include "model/keras.h"

namespace ckpt::test {

using nlohmann::json;

// A variable of a model that a test makes itself.
struct Given {
  std::string name;
  Shape shape;
  std::vector<float> values;
};

inline Tensor floats(Shape shape, const std::vector<float>& values) {
  return make_tensor(std::move(shape), values);
}

inline MemoryCheckpoint checkpoint_of(const std::vector<Given>& variables) {
  MemoryCheckpoint checkpoint;
  for (const Given& each : variables) checkpoint.add(each.name, floats(each.shape, each.values));
  return checkpoint;
}

inline json layer(const std::string& class_name, json config, const std::string& name = "") {
  if (!name.empty()) config["name"] = name;
  return {{"module", "keras.layers"}, {"class_name", class_name}, {"config", std::move(config)}};
}

// A Sequential model of Keras 3 with these layers; `input` is without the batch.
inline json sequential(const json& input, const std::vector<json>& layers) {
  json shape = json::array({nullptr});
  for (const json& extent : input) shape.push_back(extent);
  json all =
      json::array({layer("InputLayer", {{"batch_shape", shape}, {"dtype", "float32"}}, "x")});
  for (const json& each : layers) all.push_back(each);
  return {{"module", "keras"},
          {"class_name", "Sequential"},
          {"config", {{"name", "model"}, {"layers", all}}}};
}

inline std::vector<double> values_of(const Tensor& tensor) {
  std::vector<double> out(static_cast<std::size_t>(num_elements(tensor.shape).value_or(0)));
  decode(tensor.dtype, tensor.bytes, out);
  return out;
}

inline RunResult run_config(const json& config, const std::vector<Given>& variables,
                            const std::vector<Tensor>& inputs, const KerasOptions& options = {}) {
  const MemoryCheckpoint checkpoint = checkpoint_of(variables);
  const auto reader = open_memory(checkpoint);
  Graph graph = read_keras_config(config.dump(), options);
  bind_keras(graph, reader->index());
  return run(graph, *reader, inputs);
}

// The values that one layer gives for one input.
inline std::vector<double> run_layer(const json& one, const std::vector<Given>& variables,
                                     const Tensor& input, const KerasOptions& options = {}) {
  json shape = json::array();
  for (std::size_t i = 1; i < input.shape.size(); ++i) shape.push_back(input.shape[i]);
  return values_of(
      run_config(sequential(shape, {one}), variables, {input}, options).outputs.at(0).tensor);
}

}  // namespace ckpt::test
