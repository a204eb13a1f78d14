#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/keras/argument.h"
#include "model/keras/config.h"

namespace ckpt::keras {

// Where a tensor comes from: an output of a call of a layer of the same model.
struct Reference {
  std::size_t layer = 0;  // position in Container::layers
  std::size_t call = 0;   // which of the layer's calls, as the config counts
  std::size_t output = 0;
};

struct Container;

// A layer of a model as the config has it, in the words of Keras 2 and 3.
struct LayerConfig {
  std::string class_name;
  std::string name;
  Json config;
  bool is_op = false;                    // an operation of keras.ops
  std::string counter;                   // as `.weights.h5` counts it: "dense_1"
  std::unique_ptr<Container> container;  // of a model inside the model
  std::unique_ptr<LayerConfig> inner;    // of a wrapper: the layer that it wraps
  std::vector<const Json*> calls;        // "inbound_nodes"
  std::size_t first_call = 0;            // the number by which the config calls the first of them
};

// A model: its layers, and for a Functional one which tensors go in and out.
struct Container {
  bool is_sequential = false;
  std::vector<LayerConfig> layers;
  std::unordered_map<std::string, std::size_t> by_name;
  std::vector<Reference> inputs;
  std::vector<Reference> outputs;
  std::vector<std::string> output_names;  // empty, or one for each output
};

bool is_model_class(std::string_view class_name);

// Reads a model and the models inside of it; `path` is what errors call it. `json` must outlive the
// result. Throws Error: kInvalid for what is no model, has a layer's name twice or refers to a
// layer that is not there; kUnsupported for a class that is not supported, with those that are.
Container read_container(const Json& json, Dialect dialect, const std::string& path);

// Whether `json` refers to a tensor of the model: [layer, call, output, …] or a keras_tensor.
std::optional<Reference> read_reference(const Container& container, const Json& json);

// All tensors that a call reads.
std::vector<Reference> references_of(const Container& container, const Json& call);

}  // namespace ckpt::keras
