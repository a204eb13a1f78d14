#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/reader.h"
#include "model/graph.h"

namespace ckpt {

// What a Keras config does not always say of itself.
struct KerasOptions {
  std::string version;  // "2.3.1"; empty: as the config says, or as its words suggest
  std::string backend;  // "tensorflow", "theano", "torch"; empty: as the config says
};

// The graph of a Keras model: of a config as Model.to_json() writes it, or the attribute
// `model_config` of a whole-model file. Sequential and Functional models of Keras 1 to 3, models
// inside of models, layers that are called several times. Its dialect decides what layers mean. No
// code is ever run: lambdas and layers of other packages are refused.
// Throws Error: kCorrupt where it is no JSON or nested too deeply, kInvalid where the config
// contradicts itself or shapes do not fit, kUnsupported for a layer that is not known, with its
// place and those that are.
Graph read_keras_config(std::string_view json, const KerasOptions& options = {});

// Binds the graph's variables to those of a checkpoint: a `.weights.h5` by its paths, a legacy or
// whole-model `.h5` by layers and weight names, any other by the graph's own names. Throws
// Error(kNotFound), listing all variables that are missing, and the nearest names of the first;
// Error(kInvalid) where two bind to one.
void bind_keras(Graph& graph, const Index& index);

// The options as a Keras file's index tells them ("Keras 2 model (2.3.1, theano)").
KerasOptions keras_options(const Index& index);

// The same, and what the index leaves open by the metadata of the file that has the config.
KerasOptions keras_options(const Index& index, const Metadata& metadata);

// The graph of a whole-model file by its own metadata (`model_config`), bound to its variables;
// empty where it has none. Throws as read_keras_config() and bind_keras() do.
std::optional<Graph> read_keras_model(const Reader& reader);

// The classes of layers and operations that read_keras_config() knows, sorted.
std::vector<std::string> keras_layer_classes();

}  // namespace ckpt
